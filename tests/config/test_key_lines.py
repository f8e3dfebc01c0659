"""Lines of keys in TOML texts, awkward ones among them."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.config.key_lines import KeyPath, key_lines, line_of

TEXT = """\
top = 1 # a comment with [brackets]

[server]
host = "[not a table]"
ports = [
    1, # [
    2,
]
text = '''
[also.not.a.table]
key = 1
'''

[[access.users]]
name = "a"
[[access.users]]
"name" = "b"
[access.users.rights]
read = "x"
[a."quoted.part"]
b.c = 1
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 1),
        (("server",), 3),
        (("server", "host"), 4),
        (("server", "ports"), 5),
        (("server", "text"), 9),
        (("access", "users", 0), 14),
        (("access", "users", 0, "name"), 15),
        (("access", "users", 1, "name"), 17),
        (("access", "users", 1, "rights", "read"), 19),
        (("a", "quoted.part", "b", "c"), 21),
    ],
)
def test_the_line_of_a_key(path: KeyPath, line: int) -> None:
    assert key_lines(TEXT)[path] == line


def test_nothing_inside_a_value_is_taken_for_a_key() -> None:
    assert ("also", "not", "a", "table") not in key_lines(TEXT)
    assert ("server", "key") not in key_lines(TEXT)


def test_a_key_that_is_not_there_has_the_line_of_what_holds_it() -> None:
    lines = key_lines(TEXT)
    assert line_of(lines, ("server", "port")) == 3
    assert line_of(lines, ("server", "ports", 1)) == 5
    assert line_of(lines, ("nothing",)) is None


@given(st.text(alphabet="[]=\"'#\n ab.\\"))
def test_any_text_is_read_without_error(text: str) -> None:
    lines = key_lines(text)
    last = text.count("\n") + 1
    assert all(1 <= line <= last for line in lines.values())


names = st.text(alphabet="abcdef_", min_size=1, max_size=8)
values = st.sampled_from(['"x"', "1", "[1, 2]", '"""a\nb = 1\n"""', "[\n1,\n]", "{ a = 1 }"])


@given(st.dictionaries(names, st.dictionaries(names, values, max_size=4), max_size=4))
def test_every_key_of_a_valid_text_has_the_line_where_it_stands(
    sections: dict[str, dict[str, str]],
) -> None:
    lines: list[str] = []
    expected: dict[KeyPath, int] = {}
    for section, keys in sections.items():
        lines += f"[{section}]".split("\n")
        expected[section,] = len(lines)
        for key, value in keys.items():
            expected[section, key] = len(lines) + 1
            lines += f"{key} = {value}".split("\n")
    text = "\n".join(lines)
    parsed: dict[str, Any] = tomllib.loads(text)
    assert parsed.keys() == sections.keys()
    assert key_lines(text) == expected
