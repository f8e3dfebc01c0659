"""The configuration's shape as read from settings dataclasses."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Literal

import pytest

from headwater.config.schema import SettingKey, allowed_values, section_of


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, kw_only=True, slots=True)
class Lamp:
    """A lamp."""

    name: Annotated[str, "Its name."]
    watts: Annotated[int, "Its power, W."] = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class Room:
    """A room."""

    size_m2: Annotated[float, "Its size, m²."] = 12.5


@dataclass(frozen=True, kw_only=True, slots=True)
class House:
    """A house."""

    room: Room = field(default_factory=Room)
    lamps: Annotated[tuple[Lamp, ...], "The lamps."] = ()
    colour: Annotated[Colour | None, "Outside."] = None
    door_password: Annotated[str, "Opens the door."] = "sesame"


def test_fields_become_keys_sections_and_tables() -> None:
    house = section_of(House, ())
    assert [key.name for key in house.keys] == ["colour", "door_password"]
    assert [section.name for section in house.sections] == ["room"]
    assert [table.name for table in house.tables] == ["lamps"]
    assert house.names == ("colour", "door_password", "room", "lamps")


def test_a_key_carries_text_type_and_default() -> None:
    room = section_of(House, ()).section("room")
    assert room is not None
    assert room.doc == "A room."
    expected = SettingKey("size_m2", float, "Its size, m².", 12.5, required=False)
    assert room.key("size_m2") == expected


def test_a_key_without_default_is_required() -> None:
    lamps = section_of(House, ()).table("lamps")
    assert lamps is not None
    assert [(key.name, key.required) for key in lamps.keys] == [("name", True), ("watts", False)]


def test_an_optional_key_knows_its_plain_type() -> None:
    colour = section_of(House, ()).key("colour")
    assert colour is not None
    assert colour.optional
    assert colour.plain_type is Colour


def test_a_password_is_a_secret() -> None:
    house = section_of(House, ())
    assert [key.secret for key in house.keys] == [False, True]


def test_walk_names_sections_in_order() -> None:
    assert [section.name for section in section_of(House, ("house",)).walk()] == [
        "house",
        "house.room",
    ]


def test_what_is_not_there_is_none() -> None:
    house = section_of(House, ())
    assert house.key("roof") is None
    assert house.section("roof") is None
    assert house.table("roof") is None


@pytest.mark.parametrize(
    ("value_type", "words"),
    [
        (bool, "true or false"),
        (int, "a whole number"),
        (float, "a number"),
        (str, "a text in quotes"),
        (Colour, 'one of "red", "blue"'),
        (Colour | None, 'one of "red", "blue"'),
        (Literal["a", "b"], 'one of "a", "b"'),
        (tuple[str, ...], "a list, each a text in quotes"),
        (tuple[int, int], "a list of 2 values"),
        (int | str, "a whole number or a text in quotes"),
        (bytes, "a value"),
    ],
)
def test_what_a_key_accepts_in_words(value_type: object, words: str) -> None:
    assert allowed_values(SettingKey("key", value_type, "", None, required=False)) == words
