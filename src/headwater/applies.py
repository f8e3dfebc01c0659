"""When a running server takes a changed setting: each field of the settings classes says so.

A field names it beside its type and its text:
`grace_s: Annotated[float, NOW, "Seconds that readers stay …"] = 10.0`.
"""

from __future__ import annotations

import functools
import typing
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, TypeVar

SettingsT = TypeVar("SettingsT")


class When(StrEnum):
    """From when on a running server goes by a setting that was changed."""

    NOW = "now"
    NEXT_CONNECTION = "next connection"
    NEXT_SESSION = "next session"
    NEXT_MOUNT = "next mount"
    RESTART = "restart"


@dataclass(frozen=True, slots=True)
class Applies:
    """When a setting applies; `reason` says why it cannot be earlier, where that is a restart."""

    when: When
    reason: str = ""


NOW: Final = Applies(When.NOW)
"""The next request, packet or look once a second goes by it."""
NEXT_CONNECTION: Final = Applies(When.NEXT_CONNECTION)
"""Connections that are open keep what they began with."""
NEXT_SESSION: Final = Applies(When.NEXT_SESSION)
"""Publishers and readers that are there keep what they began with."""
NEXT_MOUNT: Final = Applies(When.NEXT_MOUNT)
"""Mounts that are open keep what they opened with, for readers that come later too."""

_UNMARKED: Final = Applies(When.RESTART, "nothing applies it to a running server")


def needs_restart(reason: str) -> Applies:
    """Return the mark of a setting that a running server cannot change; `reason` says why."""
    return Applies(When.RESTART, reason)


@functools.cache
def applies_of(settings_class: type) -> Mapping[str, Applies]:
    """Return when each field of a settings class applies; one that does not say, at a restart."""
    hints = typing.get_type_hints(settings_class, include_extras=True)
    names = [field.name for field in fields(settings_class)]
    return MappingProxyType({name: mark_of(hints[name]) or _UNMARKED for name in names})


def mark_of(hint: Any) -> Applies | None:
    """Return when the field with this type hint applies; None where it does not say."""
    notes = getattr(hint, "__metadata__", ())
    return next((note for note in notes if isinstance(note, Applies)), None)


def kept(before: SettingsT, after: SettingsT, when: When) -> SettingsT:
    """Return `after`, with what applies only at `when` as it was before.

    Raises ValueError where the two do not go together.
    """
    settings_class: type = type(after)
    marks = applies_of(settings_class)
    changes = {name: getattr(before, name) for name in marks if marks[name].when is when}
    return replace(after, **changes) if changes else after  # type: ignore[type-var]
