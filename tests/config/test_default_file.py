"""The default file: every key, documented, and exactly the defaults."""

import re
import tomllib
from pathlib import Path

import pytest

from headwater.config.default_file import default_file
from headwater.config.file import load_settings
from headwater.config.schema import settings_schema
from headwater.config.settings import Settings


def test_the_file_means_exactly_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "headwater.toml"
    path.write_text(default_file(), encoding="utf-8")
    assert load_settings(path) == Settings()


def test_every_key_stands_in_its_section() -> None:
    values = tomllib.loads(default_file())
    for section in settings_schema().walk():
        there = values
        for name in section.path if section.keys else ():
            there = there[name]
        for key in section.keys:
            if key.default is not None:
                assert key.name in there, f"{section.name}.{key.name}"


@pytest.mark.parametrize("unset", ["anonymous_publish", "anonymous_read"])
def test_a_key_that_is_unset_by_default_is_named_in_a_comment(unset: str) -> None:
    assert f"\n# {unset} =" in default_file()


def test_tables_are_there_to_copy() -> None:
    text = default_file()
    assert "# [[access.users]]" in text
    assert "# [[mount_overrides]]" in text


def test_a_copied_table_is_accepted(tmp_path: Path) -> None:
    """Take the comment marks off the users' table, fill in what must be given."""
    text = default_file()
    block = re.search(r"^# \[\[access\.users\]\]\n(?:#.*\n)+", text, re.MULTILINE)
    assert block is not None
    table = re.sub(r"^# ?", "", block[0], flags=re.MULTILINE)
    table = table.replace("name =", 'name = "ann"').replace("password =", 'password = "x"')
    table = table.replace("read = []", 'read = ["**"]')
    path = tmp_path / "headwater.toml"
    path.write_text(text + "\n" + table, encoding="utf-8")
    assert [user.name for user in load_settings(path).access.users] == ["ann"]


def test_no_line_is_too_long_to_read() -> None:
    assert max(map(len, default_file().splitlines())) <= 100
