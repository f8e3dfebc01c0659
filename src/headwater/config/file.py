"""Read the configuration: a TOML file, then the environment, then options, checked as one.

Unknown keys are refused here, with the nearest known one; `type_check` checks types, and the
settings dataclasses their own bounds.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headwater.config.errors import ConfigError, ConfigFault, FaultKind
from headwater.config.key_lines import KeyPath, key_lines, line_of
from headwater.config.schema import SettingKey, SettingSection, allowed_values, settings_schema
from headwater.config.settings import Settings
from headwater.config.start_checks import start_faults
from headwater.config.suggestions import section_suggestion, suggestion
from headwater.config.text_value import choice_value, table_value, text_value
from headwater.protocol.path_pattern import check_pattern
from headwater.shown_text import setting_without_credentials

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

ENVIRONMENT_PREFIX = "HEADWATER_"
_STEPS = re.compile(r'"([^"]*)"|([^."\[\]]+)|\[(\d+)\]')
"""The steps of a dotted key: names, in quotes or not, and positions in a list."""
_NAMED = re.compile(r'(?:"[^"]*"|[^\s"])*')
"""What a message begins with: a dotted key."""
_DOT = re.compile(r"""\.(?=(?:[^"']|"[^"]*"|'[^']*')*$)""")
"""A dot that is not inside quotes."""
_BARE = re.compile(r"[\w-]+")
_MOST_S = 10**9
_MOST = 2**63 - 1
"""What event loops and the system take: of a time, 31 years; of other numbers, 64 bits."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """One key set outside the file: by which option or call, the dotted key, and the text."""

    source: str
    key: str
    text: str


def load_settings(
    path: str | os.PathLike[str] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    assignments: Iterable[Assignment] = (),
    to_start: bool = False,
) -> Settings:
    """Return the settings of a file (None: the defaults), then of the environment, then of options.

    `environment` variables are named `HEADWATER_<SECTION>__<KEY>`; `os.environ` has those of the
    process. With `to_start` the files that
    the settings name are looked at too: what a server could not start with is refused. Raises
    ConfigError with everything that is wrong, and OSError when the file cannot be read.
    """
    draft = _Draft(settings_schema())
    if path is not None:
        draft.read_file(Path(path))
    draft.read_environment(environment or {})
    for assignment in assignments:
        steps = [step.strip("\"'") for step in _DOT.split(assignment.key)]
        draft.assign(assignment.source, steps, assignment.text)
    settings = draft.settings()
    if to_start:
        draft.check_start(settings)
    return settings


def steps_of_variable(name: str, schema: SettingSection) -> list[str]:
    """Return the steps of the key that an environment variable sets; none if it sets no key."""
    rest = name.removeprefix(ENVIRONMENT_PREFIX)
    steps = rest.lower().split("__")
    section = schema.section(steps[0])
    is_whole = schema.table(steps[0]) or (section is not None and section.each)
    return steps if rest != name and (len(steps) > 1 or is_whole) else []


@dataclass(slots=True)
class _Draft:
    """The configuration while it is put together: plain values, and where each came from."""

    schema: SettingSection
    values: dict[str, Any] = field(default_factory=dict)
    faults: list[ConfigFault] = field(default_factory=list)
    file_name: str = ""
    lines: dict[KeyPath, int] = field(default_factory=dict)
    origins: dict[KeyPath, str] = field(default_factory=dict)
    misspelt: set[KeyPath] = field(default_factory=set)
    """The sections with names that are unknown: what is missing there may be one of them."""

    def read_file(self, path: Path) -> None:
        """Take the values of a TOML file; text that is no TOML ends the reading."""
        self.file_name = str(path)
        try:
            # Editors on Windows begin UTF-8 with a byte order mark.
            text = path.read_text(encoding="utf-8-sig")
            self.values = tomllib.loads(text)
        except UnicodeDecodeError as error:
            fault = ConfigFault(self.file_name, f"not UTF-8 text (byte {error.start})")
            raise ConfigError((fault,)) from error
        except ValueError as error:  # tomllib's own, or Python's for a number without end
            raise self._no_toml(f"not TOML: {error}") from error
        except RecursionError as error:
            raise self._no_toml("nested too deeply") from error
        self.lines = key_lines(text)
        self._check_names(self.schema, self.values, ())

    def _no_toml(self, message: str) -> ConfigError:
        return ConfigError((ConfigFault(self.file_name, message, kind=FaultKind.FORM),))

    def read_environment(self, environment: Mapping[str, str]) -> None:
        """Take the variables that name a section and a key, with two underscores between them."""
        for name, text in sorted(environment.items()):
            if steps := steps_of_variable(name, self.schema):
                self.assign(name, steps, text)

    def settings(self) -> Settings:
        """Return the checked settings; raises ConfigError with all that was wrong."""
        from headwater.config.type_check import typed_settings

        checked = typed_settings(self.values)
        faults = list(self.faults)
        if not isinstance(checked, Settings):
            faults += (self._fault_of(each) for each in checked if not self._is_misspelt(each))
        elif not faults:
            return checked
        faults.sort(key=lambda fault: fault.line or sys.maxsize)
        raise ConfigError(_without_repeats(tuple(faults)))

    def check_start(self, settings: Settings) -> None:
        """Refuse what would keep a server of these settings from starting."""
        found = tuple(self._fault(path, text) for path, text in start_faults(settings))
        if found:
            raise ConfigError(found)

    def assign(self, source: str, names: Sequence[str], text: str) -> None:
        """Set one key from text; `source` is what a fault names."""
        path = tuple(names)
        section = self.schema
        target = self.values
        self.origins[path] = source
        for depth, name in enumerate(path[:-1], start=1):
            below = section.section(name)
            if below is None:
                self._refuse_name(source, section, path, name, is_section=section.key(name) is None)
                return
            if section.each is not None and (wrong := _pattern_fault(name)):
                self.faults.append(ConfigFault(source, wrong, _dotted(path[:depth])))
            section = below
            target = _section_in(target, name)
        name = path[-1]
        if key := section.key(name):
            target[name] = choice_value(key, text_value(key, text))
            self._check_value(key, target[name], path)
        elif table := section.table(name):
            target[name] = table_value(text)
            self._check_tables(table, target[name], path)
        elif (part := section.section(name)) and (part.each or section.each):
            self._assign_section(source, part, target, path, text)
        else:
            self._refuse_name(source, section, path, name)

    def _assign_section(
        self,
        source: str,
        section: SettingSection,
        target: dict[str, Any],
        path: tuple[str, ...],
        text: str,
    ) -> None:
        """Set a section that the owner names, or several of them, from an inline table."""
        value = table_value(text)
        if section.each is None or not isinstance(value, dict):
            target[path[-1]] = value
            self._check_names(section, value, path)
            return
        # Like keys: those that are not named stay.
        self.origins.update({(*path, pattern): source for pattern in value})
        del self.origins[path]
        _section_in(target, path[-1]).update(value)
        self._check_names(section, value, path)

    def _check_names(self, section: SettingSection, values: Any, path: KeyPath) -> None:
        """Refuse every name in `values` that the section does not have."""
        if not isinstance(values, dict):
            message = f"{section.name} is a section, not a value"
            allowed = f"write [{section.name}]"
            self.faults.append(self._fault(path, message, allowed=allowed, kind=FaultKind.FORM))
            return
        for name, value in list(values.items()):
            below = (*path, name)
            if section.each is not None and (wrong := _pattern_fault(name)):
                self.faults.append(self._fault(below, wrong))
            if part := section.section(name):
                self._check_names(part, value, below)
            elif table := section.table(name):
                self._check_tables(table, value, below)
            elif key := section.key(name):
                values[name] = choice_value(key, value)
                self._check_value(key, value, below)
            else:
                message, allowed = self._unknown(name, section, is_section=_is_section(value))
                fault = self._fault(below, message, allowed=allowed, kind=FaultKind.NAME)
                self.faults.append(fault)
                self.misspelt.add(path)
                del values[name]  # The rest of its section is checked without it.

    def _check_value(self, key: SettingKey, value: Any, path: KeyPath) -> None:
        """Refuse what no key means, whatever its type allows."""
        for part in value if isinstance(value, list) else [value]:
            most = _MOST_S if key.name.endswith("_s") else _MOST
            if isinstance(part, int | float) and not abs(part) <= most:  # nan is neither
                allowed = f"{allowed_values(key)}, at most {most}"
                self.faults.append(self._fault(path, f"{part} is not allowed", allowed=allowed))
            elif isinstance(part, str) and not key.secret and not _one_line(part):
                message = f"{part!r} holds a character that does not belong in a text of one line"
                self.faults.append(self._fault(path, message))

    def _check_tables(self, table: SettingSection, values: Any, path: KeyPath) -> None:
        if not isinstance(values, list) or not all(isinstance(item, dict) for item in values):
            message = f"{table.name} is a list of tables"
            allowed = f"write [[{table.name}]] for each"
            self.faults.append(self._fault(path, message, allowed=allowed, kind=FaultKind.FORM))
            return
        for index, item in enumerate(values):
            self._check_names(table, item, (*path, index))

    def _refuse_name(
        self,
        source: str,
        section: SettingSection,
        path: tuple[str, ...],
        name: str,
        *,
        is_section: bool = False,
    ) -> None:
        message, allowed = self._unknown(name, section, is_section=is_section)
        name = ".".join(path)
        fault = ConfigFault(source, message, name, allowed=allowed, kind=FaultKind.NAME)
        self.faults.append(fault)

    def _unknown(self, name: str, section: SettingSection, *, is_section: bool) -> tuple[str, str]:
        """Return what to say of a name that `section` does not have, and what to write instead."""
        if is_section:
            return "unknown section", section_suggestion(name, section, self.schema)
        return "unknown key", suggestion(name, section, self.schema)

    def _fault(
        self,
        path: KeyPath,
        message: str,
        *,
        allowed: str = "",
        kind: FaultKind = FaultKind.VALUE,
    ) -> ConfigFault:
        """Return a fault at `path`, placed in the source that gave the value."""
        key = _dotted(path)
        for length in range(len(path), 0, -1):
            if origin := self.origins.get(path[:length]):
                return ConfigFault(origin, message, key, allowed=allowed, kind=kind)
        line = line_of(self.lines, path)
        source = self.file_name or "settings"
        return ConfigFault(source, message, key, line, allowed, kind)

    def _is_misspelt(self, detail: ErrorDetails) -> bool:
        """Return whether a key is missing in a section that has an unknown one."""
        path, _, _ = self._locate(detail["loc"])
        return detail["type"] == "missing" and path[:-1] in self.misspelt

    def _fault_of(self, detail: ErrorDetails) -> ConfigFault:
        """Return a fault of the check as text: the key, its value, and what is allowed."""
        path, key, section = self._locate(detail["loc"])
        if detail["type"] == "value_error":
            return self._named_fault(str(detail["ctx"]["error"]), path, section)
        if detail["type"] == "missing":
            return self._fault(path, "is missing")
        if key is None:
            return self._fault(path, detail["msg"])
        fit = setting_without_credentials(detail["input"])
        given = json.dumps(fit, default=str, ensure_ascii=False)
        given = "the value given" if key.secret else given
        return self._fault(path, f"{given} is not allowed", allowed=allowed_values(key))

    def _named_fault(
        self, message: str, path: KeyPath = (), section: SettingSection | None = None
    ) -> ConfigFault:
        """Return a fault of a whole section, whose message begins with the name of what is wrong.

        The name may have steps: `tls.key`, or `users[1].name`.
        """
        named = tuple(
            int(position) if position else quoted or name
            for quoted, name, position in _STEPS.findall(_named(message))
        )
        section = section or self.schema
        known = isinstance(named[0], str) and named[0] in section.names
        fault = self._fault((*path, *named) if known else path, message)
        # Where the message has the sections too, the text of the fault would say them twice.
        sections, dot, _ = fault.key.rpartition(".")
        return replace(fault, message=message.removeprefix(sections + dot))

    def _locate(
        self, location: tuple[int | str, ...]
    ) -> tuple[KeyPath, SettingKey | None, SettingSection | None]:
        """Return the path, the key and the section that an error's location means.

        Behind the key pydantic adds list positions and union members, which name nothing here.
        """
        section: SettingSection | None = self.schema
        path: KeyPath = ()
        for step in location:
            path = (*path, step)
            if isinstance(step, int) or section is None:
                continue
            if key := section.key(step):
                return path, key, section
            section = section.section(step) or section.table(step)
        return path, None, section


def _pattern_fault(pattern: str) -> str:
    """Return what is wrong with a pattern of paths; empty if it can match one."""
    try:
        check_pattern(pattern)
    except ValueError as error:
        return str(error)
    return ""


def _named(message: str) -> str:
    """Return the dotted key that a message begins with."""
    found = _NAMED.match(message)
    return found[0].rstrip(":") if found else ""


def _section_in(values: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the section called `name`; one that is none (which was refused) gives way."""
    if not isinstance(values.get(name), dict):
        values[name] = {}
    section: dict[str, Any] = values[name]
    return section


def _is_section(value: Any) -> bool:
    """Return whether a value was written as a section, or as an array of tables."""
    tables = value if isinstance(value, list) and value else [value]
    return all(isinstance(table, dict) for table in tables)


def _one_line(text: str) -> bool:
    """Return whether the text has no control characters and no surrogates."""
    return all(unicodedata.category(character) not in {"Cc", "Cs"} for character in text)


def _dotted(path: KeyPath) -> str:
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _BARE.fullmatch(step):
            text += f".{step}"
        else:
            text += f".'{step}'" if '"' in step else f'."{step}"'
    return text.removeprefix(".")


def _without_repeats(faults: tuple[ConfigFault, ...]) -> tuple[ConfigFault, ...]:
    """Return the faults with one for each place: a union complains once for every member, and the
    check of types once more of what was refused before it."""
    first: dict[tuple[str, str, int | None], ConfigFault] = {}
    for fault in faults:
        first.setdefault((fault.source, fault.key, fault.line), fault)
    return tuple(first.values())
