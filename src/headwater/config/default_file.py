"""The default configuration file, written from the settings dataclasses: every key, documented."""

import textwrap
from collections.abc import Iterator

from headwater.applies import When
from headwater.config.schema import SettingKey, SettingSection, allowed_values, settings_schema
from headwater.config.toml_text import toml_value

_WIDTH = 92

_HEAD = """\
# Headwater's configuration, every key with its default. Delete what you do not change.
# A key may also be set by the environment, HEADWATER_<SECTION>__<KEY>=value, or on the command
# line, --set section.key=value; the command line wins, then the environment, then this file.
# Times are in seconds (_s), sizes in bytes (_bytes).
"""


def default_file() -> str:
    """Return the text of a configuration file that means exactly the defaults."""
    lines = [_HEAD]
    schema = settings_schema()
    for top in schema.sections:
        for section in top.walk():
            lines.extend(_section_lines(section))
    for table in schema.tables:
        lines.extend(_table_lines(table))
    return "\n".join(lines)


def _section_lines(section: SettingSection) -> Iterator[str]:
    yield from _comment(section.doc)
    if section.each is not None:
        yield from _named_section_lines(section.path[-1], section.each)
        return
    yield f"[{section.name}]"
    yield ""
    for key in section.keys:
        yield from _key_lines(key)
    for table in section.tables:
        yield from _table_lines(table)


def _key_lines(key: SettingKey) -> Iterator[str]:
    yield from _comment(_documented(key))
    if key.default is None:
        yield f"# {key.name} ="
    else:
        yield f"{key.name} = {toml_value(key.default)}"
    yield ""


def _named_section_lines(name: str, each: SettingSection) -> Iterator[str]:
    """Yield the lines of a section that the owner names: all are comments, there is none yet."""
    yield "#"
    for section in each.walk():
        below = "".join(f".{part}" for part in section.path[len(each.path) :])
        yield f'# [{name}."cam/*"{below}]'
        yield from _keys_without_values(section)
    yield ""


def _table_lines(table: SettingSection) -> Iterator[str]:
    """Yield the lines of an array of tables: all are comments, since it is empty by default."""
    yield from _comment(table.doc)
    yield "#"
    yield f"# [[{table.name}]]"
    yield from _keys_without_values(table)
    yield ""


def _keys_without_values(table: SettingSection) -> Iterator[str]:
    for key in table.keys:
        # What an override repeats of its section is named, not explained again.
        if not key.doc.startswith("As in "):
            yield from _comment(_documented(key), "#   # ")
        value = "" if key.default is None else f" {toml_value(key.default)}"
        yield f"#   {key.name} ={value}"


def _documented(key: SettingKey) -> str:
    """Return the key's text, and what it accepts where its default does not show that."""
    allowed = allowed_values(key)
    text = key.doc.rstrip()
    if key.required:
        text += " Must be given."
    elif key.default is None:
        text += " Not set by default."
    if key.applies is not None and key.applies.when is When.RESTART:
        text += " A change needs a restart."
    if "one of" in allowed or key.default is None:
        text += f" {allowed[0].upper()}{allowed[1:]}."
    return text


def _comment(text: str, prefix: str = "# ") -> Iterator[str]:
    for paragraph in text.split("\n\n"):
        for line in textwrap.wrap(
            " ".join(paragraph.split()), _WIDTH - len(prefix), break_on_hyphens=False
        ):
            yield prefix + line
