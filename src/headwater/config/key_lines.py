"""On which line of a TOML file a key stands: `tomllib` reads values and keeps no places."""

import re

_TABLE = re.compile(r"^\s*(\[\[?)\s*(.+?)\s*\]\]?\s*(?:#.*)?$")
_ASSIGNMENT = re.compile(
    r"""^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*="""
)
_NAME = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")
_SKIPPED = re.compile(
    r'"""(?:\\.|[^\\])*?"""'
    r"|'''.*?'''"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|#[^\n]*",
    re.DOTALL,
)

KeyPath = tuple[str | int, ...]


def key_lines(text: str) -> dict[KeyPath, int]:
    """Return the line (from 1) of every table header and assignment in a TOML text.

    Paths are those of the parsed value: `("server", "publish_port")`, and with the index for
    arrays of tables, `("access", "users", 0, "name")`. Keys inside inline tables are not listed.
    The text need not be valid.
    """
    lines: dict[KeyPath, int] = {}
    counts: dict[KeyPath, int] = {}
    table: KeyPath = ()
    continued = _continuation_lines(text)
    for number, line in enumerate(text.splitlines(), start=1):
        if number in continued:
            continue
        if header := _TABLE.match(line):
            table = _resolve(_names(header[2]), counts, is_array=header[1] == "[[")
            lines.setdefault(table, number)
            if header[1] == "[[":  # the array itself begins with its first table
                lines.setdefault(table[:-1], number)
        elif assignment := _ASSIGNMENT.match(line):
            lines.setdefault((*table, *_names(assignment[1])), number)
    return lines


def line_of(lines: dict[KeyPath, int], path: KeyPath) -> int | None:
    """Return the line of `path`, or of the first thing below or the nearest above it with one."""
    if path not in lines:
        below = [line for key, line in lines.items() if key[: len(path)] == path]
        if below:
            return min(below)
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None


def _names(dotted: str) -> list[str]:
    return [name.strip("\"'") for name in _NAME.findall(dotted)]


def _resolve(names: list[str], counts: dict[KeyPath, int], *, is_array: bool) -> KeyPath:
    """Return the path of a table header, with the last index behind an array of tables."""
    path: KeyPath = ()
    for position, name in enumerate(names):
        path = (*path, name)
        if is_array and position == len(names) - 1:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def _continuation_lines(text: str) -> set[int]:
    """Lines that go on with a value begun above: inside a long text or an open bracket."""
    continued: set[int] = set()

    def blank(match: re.Match[str]) -> str:
        first = text.count("\n", 0, match.start()) + 1
        continued.update(range(first + 1, first + match[0].count("\n") + 1))
        return " " * len(match[0]) if "\n" not in match[0] else "\n" * match[0].count("\n")

    depth = 0
    for number, line in enumerate(_SKIPPED.sub(blank, text).splitlines(), start=1):
        if depth > 0:
            continued.add(number)
        if depth == 0 and _TABLE.match(line):
            continue
        depth = max(0, depth + line.count("[") - line.count("]"))
    return continued
