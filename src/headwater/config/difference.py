"""How two configurations differ, key by key, and what of it a running server can take."""

from __future__ import annotations

import functools
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Final

from headwater.applies import NOW, Applies, When, applies_of
from headwater.config.applied import SettingsChange
from headwater.config.path_section import PathSection
from headwater.config.settings import Settings
from headwater.config.toml_text import toml_value
from headwater.shown_text import setting_without_credentials, shown

_SECRETS: Final = ("ice_servers", "password", "secret", "token")
_SHOWN_CHARACTERS: Final = 120
_NOT_SET: Final = "not set"


@dataclass(frozen=True, slots=True)
class Difference:
    """What is other, and the settings that a running server can go by.

    Attributes:
        changes: what it takes.
        needs_restart: what it cannot take; `settings` has this as it was before.
        settings: the new ones but for that.
    """

    changes: tuple[SettingsChange, ...]
    needs_restart: tuple[SettingsChange, ...]
    settings: Settings


def difference(
    before: Settings, after: Settings, blocked: Mapping[str, str] | None = None
) -> Difference:
    """Return how a running server would get from one configuration to another.

    `blocked` names further keys of sections that only a restart can change, each with the reason.
    Raises ValueError where what stays does not go together with what is new.
    """
    reasons = blocked or {}
    changes = [
        replace(change, applies=When.RESTART, reason=reasons[change.key])
        if change.key in reasons
        else change
        for change in _changes(before, after)
    ]
    kept = [change for change in changes if change.applies is When.RESTART]
    return Difference(
        tuple(change for change in changes if change.applies is not When.RESTART),
        tuple(kept),
        _with_kept(before, after, {change.key for change in kept}),
    )


def _with_kept(before: Settings, after: Settings, keys: set[str]) -> Settings:
    if not keys:
        return after
    sections: dict[str, dict[str, Any]] = {}
    for key in keys:
        section, _, name = key.partition(".")
        sections.setdefault(section, {})[name] = getattr(getattr(before, section), name)
    try:
        return replace(
            after,
            **{
                section: replace(getattr(after, section), **values)
                for section, values in sections.items()
            },
        )
    except ValueError as error:
        raise ValueError(
            f"{', '.join(sorted(keys))} must stay until a restart, and the other changes do not go "
            f"with that: {error}; restart the server"
        ) from None


def _changes(before: Settings, after: Settings) -> Iterator[SettingsChange]:
    marks = applies_of(Settings)
    for section in fields(Settings):
        name = section.name
        old, new = getattr(before, name), getattr(after, name)
        if isinstance(new, dict):
            yield from _path_changes(name, old, new)
        elif is_dataclass(new):
            yield from _section_changes(name, old, new)
        else:
            yield from _table_changes(name, old, new, marks[name])


def _section_changes(place: str, before: Any, after: Any) -> Iterator[SettingsChange]:
    settings_class: type = type(before if after is None else after)
    marks = applies_of(settings_class)
    tables = _table_fields(settings_class)
    for name, mark in marks.items():
        old, new = getattr(before, name, None), getattr(after, name, None)
        key = f"{place}.{name}"
        if old == new:
            continue
        if is_dataclass(old) or is_dataclass(new):
            yield from _section_changes(key, old, new)
        elif name in tables:
            yield from _table_changes(key, old or (), new or (), mark)
        else:
            yield _change(key, _text(name, old), _text(name, new), mark)


def _path_changes(
    place: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[SettingsChange]:
    """Yield what differs for each pattern; a section that is not there sets nothing."""
    nothing = PathSection()
    for pattern in dict.fromkeys((*before, *after)):
        old, new = before.get(pattern, nothing), after.get(pattern, nothing)
        if old != new:
            yield from _section_changes(f'{place}."{pattern}"', old, new)
    old_order = [pattern for pattern in before if pattern in after]
    new_order = [pattern for pattern in after if pattern in before]
    if old_order != new_order:
        # Where several match, the later one wins.
        yield _change(place, _text("", old_order), _text("", new_order), NOW)


def _table_changes(
    place: str, before: tuple[Any, ...], after: tuple[Any, ...], mark: Applies
) -> Iterator[SettingsChange]:
    old, new = _by_name(before), _by_name(after)
    for name in dict.fromkeys((*old, *new)):
        if old.get(name) == new.get(name):
            continue
        before_text = "set" if name in old else _NOT_SET
        after_text = _NOT_SET if name not in new else "set differently" if name in old else "set"
        yield _change(f'{place}."{name}"', before_text, after_text, mark)
    if list(old) != list(new) and set(old) == set(new):
        yield _change(place, _text("", list(old)), _text("", list(new)), mark)


def _by_name(tables: tuple[Any, ...]) -> dict[str, Any]:
    """Return the tables of an array by their name or pattern; equal ones are numbered."""
    named: dict[str, Any] = {}
    for each in tables:
        name = str(getattr(each, "name", "") or getattr(each, "pattern", ""))
        number = sum(1 for known in named if known.partition("#")[0] == name)
        named[f"{name}#{number + 1}" if number else name] = each
    return named


@functools.cache
def _table_fields(settings_class: type) -> frozenset[str]:
    """Return the fields that hold arrays of tables: tuples of dataclasses."""
    return frozenset(
        name
        for name, hint in typing.get_type_hints(settings_class).items()
        if typing.get_origin(hint) is tuple and is_dataclass(typing.get_args(hint)[0])
    )


def _change(key: str, before: str, after: str, mark: Applies) -> SettingsChange:
    return SettingsChange(
        key=key, before=before, after=after, applies=mark.when, reason=mark.reason
    )


def _text(name: str, value: Any) -> str:
    """Return a value as the file writes it, fit for logs; never a secret."""
    if value is None:
        return _NOT_SET
    if any(word in name for word in _SECRETS):
        return "(secret)"
    return shown(toml_value(setting_without_credentials(value)), _SHOWN_CHARACTERS)
