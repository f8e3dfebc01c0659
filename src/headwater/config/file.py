"""Read the configuration: a TOML file, then the environment, then options, checked as one.

pydantic checks types against the settings dataclasses, whose own `__post_init__` checks bounds;
unknown keys are refused here, with the nearest known one.
"""

import difflib
import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from headwater.config.errors import ConfigError, ConfigFault
from headwater.config.key_lines import KeyPath, key_lines, line_of
from headwater.config.schema import SettingKey, SettingSection, allowed_values, settings_schema
from headwater.config.settings import Settings
from headwater.config.text_value import table_value, text_value

ENVIRONMENT_PREFIX = "HEADWATER_"


@dataclass(frozen=True, slots=True)
class Assignment:
    """One key set outside the file: by which option or call, the dotted key, and the text."""

    source: str
    key: str
    text: str


def load_settings(
    path: Path | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    assignments: Iterable[Assignment] = (),
) -> Settings:
    """The settings of `path` (None: the defaults), overridden by the environment, then by options.

    `environment` variables are named `HEADWATER_<SECTION>__<KEY>`. Raises ConfigError with
    everything that is wrong, and OSError when the file cannot be read.
    """
    draft = _Draft(settings_schema())
    if path is not None:
        draft.read_file(path)
    draft.read_environment(environment or {})
    for assignment in assignments:
        draft.assign(assignment.source, assignment.key.split("."), assignment.text)
    return draft.settings()


@dataclass(slots=True)
class _Draft:
    """The configuration while it is put together: plain values, and where each came from."""

    schema: SettingSection
    values: dict[str, Any] = field(default_factory=dict)
    faults: list[ConfigFault] = field(default_factory=list)
    file_name: str = ""
    lines: dict[KeyPath, int] = field(default_factory=dict)
    origins: dict[KeyPath, str] = field(default_factory=dict)

    def read_file(self, path: Path) -> None:
        """Take the values of a TOML file; text that is no TOML ends the reading."""
        self.file_name = str(path)
        try:
            text = path.read_text(encoding="utf-8")
            self.values = tomllib.loads(text)
        except UnicodeDecodeError as error:
            fault = ConfigFault(self.file_name, f"not UTF-8 text (byte {error.start})")
            raise ConfigError((fault,)) from error
        except tomllib.TOMLDecodeError as error:
            raise ConfigError((ConfigFault(self.file_name, f"not TOML: {error}"),)) from error
        self.lines = key_lines(text)
        self._check_names(self.schema, self.values, ())

    def read_environment(self, environment: Mapping[str, str]) -> None:
        """Take the variables that name a section and a key (those with two underscores)."""
        for name, text in sorted(environment.items()):
            rest = name.removeprefix(ENVIRONMENT_PREFIX)
            if rest != name and "__" in rest:
                self.assign(name, rest.lower().split("__"), text)

    def settings(self) -> Settings:
        """The checked settings; raises ConfigError when anything was wrong."""
        if self.faults:
            raise ConfigError(tuple(self.faults))
        try:
            # Strict JSON mode: texts are no numbers, yet enums come from texts and tuples from
            # lists, as in TOML.
            return TypeAdapter(Settings).validate_json(
                json.dumps(self.values, default=str), strict=True
            )
        except ValidationError as error:
            found = tuple(self._fault_of(detail) for detail in error.errors(include_url=False))
            raise ConfigError(_without_repeats(found)) from error

    def assign(self, source: str, names: Sequence[str], text: str) -> None:
        """Set one key from text; `source` is what a fault names."""
        path = tuple(names)
        section = self.schema
        target = self.values
        for name in path[:-1]:
            below = section.section(name)
            if below is None:
                self._refuse_name(source, section, path, name)
                return
            section = below
            target = target.setdefault(name, {})
        name = path[-1]
        if key := section.key(name):
            target[name] = text_value(key, text)
        elif table := section.table(name):
            target[name] = table_value(text)
            self._check_tables(table, target[name], path, source)
        else:
            self._refuse_name(source, section, path, name)
            return
        self.origins[path] = source

    def _check_names(self, section: SettingSection, values: Any, path: KeyPath) -> None:
        """Refuse every name in `values` that the section does not have."""
        if not isinstance(values, dict):
            message = f"{section.name} is a section, not a value"
            self.faults.append(self._fault(path, message, allowed=f"write [{section.name}]"))
            return
        for name, value in values.items():
            below = (*path, name)
            if part := section.section(name):
                self._check_names(part, value, below)
            elif table := section.table(name):
                self._check_tables(table, value, below)
            elif section.key(name) is None:
                self.faults.append(
                    self._fault(below, "unknown key", allowed=_nearest(name, section))
                )

    def _check_tables(
        self, table: SettingSection, values: Any, path: KeyPath, source: str = ""
    ) -> None:
        if not isinstance(values, list) or not all(isinstance(item, dict) for item in values):
            message = f"{table.name} is a list of tables"
            fault = self._fault(path, message, allowed=f"write [[{table.name}]] for each")
            self.faults.append(fault)
            return
        for index, item in enumerate(values):
            if source:
                self.origins[*path, index] = source
            self._check_names(table, item, (*path, index))

    def _refuse_name(
        self, source: str, section: SettingSection, path: tuple[str, ...], name: str
    ) -> None:
        allowed = _nearest(name, section)
        self.faults.append(ConfigFault(source, "unknown key", ".".join(path), allowed=allowed))

    def _fault(self, path: KeyPath, message: str, *, allowed: str = "") -> ConfigFault:
        """A fault at `path`, placed in the source that gave the value."""
        key = _dotted(path)
        for length in range(len(path), 0, -1):
            if path[:length] in self.origins:
                return ConfigFault(self.origins[path[:length]], message, key, allowed=allowed)
        line = line_of(self.lines, path)
        return ConfigFault(self.file_name or "settings", message, key, line, allowed)

    def _fault_of(self, detail: ErrorDetails) -> ConfigFault:
        """A fault of the check, in the owner's words: the key, what was there, what is allowed."""
        path, key, section = self._locate(detail["loc"])
        if detail["type"] == "value_error":
            message = str(detail["ctx"]["error"])
            # A bound is checked by the whole section, whose message begins with the key's name.
            named = section.key(message.split(" ", 1)[0]) if section else None
            return self._fault((*path, named.name) if named else path, message)
        if detail["type"] == "missing":
            return self._fault(path, "is missing")
        if key is None:
            return self._fault(path, detail["msg"])
        given = "the value given" if key.secret else json.dumps(detail["input"], default=str)
        return self._fault(path, f"{given} is not allowed", allowed=allowed_values(key))

    def _locate(
        self, location: tuple[int | str, ...]
    ) -> tuple[KeyPath, SettingKey | None, SettingSection | None]:
        """The path, the key and the section that an error's location means.

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


def _nearest(name: str, section: SettingSection) -> str:
    names = section.names
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}?"
    where = f"[{section.name}]" if section.name else "the file"
    return f"{where} may have: {', '.join(names)}"


def _dotted(path: KeyPath) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".")


def _without_repeats(faults: tuple[ConfigFault, ...]) -> tuple[ConfigFault, ...]:
    """The faults with one for each place (a union complains once for every member)."""
    first: dict[tuple[str, str, int | None], ConfigFault] = {}
    for fault in faults:
        first.setdefault((fault.source, fault.key, fault.line), fault)
    return tuple(first.values())
