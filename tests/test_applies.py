"""Every setting says when a running server takes a change of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import pytest

from headwater.applies import (
    NEXT_MOUNT,
    NOW,
    Applies,
    When,
    applies_of,
    kept,
    needs_restart,
)
from headwater.config.path_rooms import ROOMS
from headwater.config.schema import SettingKey, SettingSection, settings_schema


@dataclass(frozen=True, kw_only=True, slots=True)
class Lamp:
    watts: Annotated[int, NOW, "Its power."] = 40
    socket: Annotated[str, NEXT_MOUNT, "What it fits."] = "E27"
    colour: str = "white"

    def __post_init__(self) -> None:
        if self.watts > 60 and self.socket == "E14":
            raise ValueError("watts is above 60, too much for an E14")


def keys_in(section: SettingSection) -> Iterator[tuple[str, SettingKey]]:
    for part in section.walk():
        yield from ((f"{part.name}.{key.name}", key) for key in part.keys)
        for table in (*part.tables, *([part.each] if part.each else [])):
            yield from keys_in(table)


def test_every_key_of_the_configuration_says_when_a_change_applies() -> None:
    marks = {name: key.applies for name, key in keys_in(settings_schema())}
    assert [name for name, mark in marks.items() if mark is None] == []
    assert len(marks) > 100


def test_what_needs_a_restart_gives_the_reason_and_nothing_else_does() -> None:
    marks = [key.applies or NOW for _, key in keys_in(settings_schema())]
    assert {mark for mark in marks if bool(mark.reason) != (mark.when is When.RESTART)} == set()
    assert [mark for mark in marks if mark.when is When.RESTART]


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.settings_class.__name__)
def test_nothing_that_a_path_may_set_needs_a_restart(room: object) -> None:
    marks = applies_of(room.settings_class)  # type: ignore[attr-defined]
    assert [name for name, mark in marks.items() if mark.when is When.RESTART] == []


def test_a_field_that_does_not_say_waits_for_a_restart() -> None:
    marks = applies_of(Lamp)
    assert marks["watts"] == Applies(When.NOW)
    assert marks["colour"].when is When.RESTART
    assert needs_restart("it is hot").reason == "it is hot"


def test_what_applies_later_is_kept_as_it_was() -> None:
    before, after = Lamp(socket="E14"), Lamp(watts=60, socket="E27", colour="red")
    assert kept(before, after, When.NEXT_MOUNT) == Lamp(watts=60, socket="E14", colour="red")
    assert kept(before, after, When.NEXT_SESSION) is after
    with pytest.raises(ValueError, match="too much for an E14"):
        kept(before, Lamp(watts=100), When.NEXT_MOUNT)
