"""Fields of settings hold what their types name, in every section."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

import headwater
from headwater import (
    AuthMethod,
    MountOverride,
    MountSettings,
    RtpSettings,
    SecondPublisher,
    Settings,
    SlowReaderPolicy,
    TlsSettings,
    TlsVersion,
    TransportKind,
    UserSettings,
)
from headwater.setting_fields import Choice, take_fields


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Paint:
    colour: Colour = Colour.RED
    lining: Colour | None = None
    stripes: tuple[Colour, ...] = ()
    name: str = "paint"

    def __post_init__(self) -> None:
        take_fields(self)


def paint(**values: Any) -> Paint:
    return Paint(**values)


def choices() -> list[type[Choice]]:
    return Choice.__subclasses__()


def test_words_may_be_written_in_capital_letters() -> None:
    assert len(choices()) >= 8
    for choice in choices():
        for member in choice:
            assert choice(member.value.upper()) is member
        with pytest.raises(ValueError, match="nothing"):
            choice("nothing")


def test_text_becomes_the_member_it_names() -> None:
    made = paint(colour="blue", lining="red", stripes=["red", Colour.BLUE])
    assert made.colour is Colour.BLUE
    assert made.lining is Colour.RED
    assert made.stripes == (Colour.RED, Colour.BLUE)
    texts: Any = ("red", "blue")
    for each in (made, paint(stripes=texts)):
        assert all(isinstance(stripe, Colour) for stripe in each.stripes)
    assert made == paint(colour=Colour.BLUE, lining=Colour.RED, stripes=(Colour.RED, Colour.BLUE))


def test_members_and_none_stay() -> None:
    made = paint(colour=Colour.BLUE)
    assert made.colour is Colour.BLUE
    assert made.lining is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"colour": "green"}, "colour is 'green'; it must be one of 'red', 'blue'"),
        ({"colour": None}, "colour is None; it must be one of 'red', 'blue'"),
        ({"colour": ["red"]}, "colour is ['red']; it must be one of 'red', 'blue'"),
        ({"lining": "green"}, "lining is 'green'; it must be one of 'red', 'blue'"),
        ({"stripes": "red"}, "stripes is 'red'; it must be a sequence of 'red', 'blue'"),
        ({"stripes": 3}, "stripes is 3; it must be a sequence of 'red', 'blue'"),
        (
            {"stripes": ("red", "green")},
            "stripes is ('red', 'green'); it must be a sequence of 'red', 'blue'",
        ),
    ],
)
def test_anything_else_is_refused_with_what_is_allowed(
    values: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - compared as a whole below
        paint(**values)
    assert str(caught.value) == message


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    paints: tuple[Paint, ...] = ()
    best: Paint | None = None
    height_m: float = 1.0
    boards: int = 3
    label: str = ""
    labels: tuple[str, ...] = ()
    is_locked: bool = False
    password: str = ""

    def __post_init__(self) -> None:
        take_fields(self)


def shelf(**values: Any) -> Shelf:
    return Shelf(**values)


class Index:
    """A whole number of another library."""

    def __index__(self) -> int:
        return 7


@pytest.mark.parametrize(
    ("key", "value", "taken"),
    [
        ("paints", [Paint()], (Paint(),)),
        ("best", None, None),
        ("height_m", 2, 2),
        ("boards", Index(), 7),
        ("label", Path("a/b"), "a/b"),
        ("labels", iter(["a", "b"]), ("a", "b")),
    ],
)
def test_what_stands_for_the_type_is_taken(key: str, value: Any, taken: Any) -> None:
    assert getattr(shelf(**{key: value}), key) == taken


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("boards", "8554", "boards is '8554'; it must be a whole number"),
        ("boards", 2.0, "boards is 2.0; it must be a whole number"),
        ("boards", True, "boards is True; it must be a whole number"),
        ("boards", None, "boards is None; it must be a whole number"),
        ("height_m", "1", "height_m is '1'; it must be a number"),
        ("height_m", math.nan, "height_m is nan; it must be a number"),
        ("height_m", math.inf, "height_m is inf; it must be a number"),
        ("height_m", False, "height_m is False; it must be a number"),
        ("height_m", 10**400, f"height_m is {10**400}; it must be a number"),
        ("is_locked", "yes", "is_locked is 'yes'; it must be True or False"),
        ("is_locked", 1, "is_locked is 1; it must be True or False"),
        ("label", 5, "label is 5; it must be a text"),
        ("label", b"x", "label is a bytes; it must be a text"),
        ("labels", "ab", "labels is 'ab'; it must be a sequence of texts"),
        ("labels", [1], "labels is [1]; it must be a sequence of texts"),
        ("best", {"name": "x"}, "best is a dict; it must be of the type Paint"),
        ("best", Shelf(), "best is a value of the type Shelf; it must be of the type Paint"),
        ("paints", Paint(), "paints is a value of the type Paint; it must be a sequence of Paint"),
        ("paints", [{"password": "x"}], "paints is a list; it must be a sequence of Paint"),
        ("password", 1234, "password is a value of the type int; it must be a text"),
    ],
)
def test_another_type_is_refused_and_no_secret_told(key: str, value: Any, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - compared as a whole below
        shelf(**{key: value})
    assert str(caught.value) == message


def _sections() -> list[type]:
    sections = [type(getattr(Settings(), field.name)) for field in fields(Settings)]
    return [*filter(is_dataclass, sections), MountOverride, UserSettings, Settings]


@pytest.mark.parametrize("section", _sections())
def test_every_section_checks_each_of_its_fields(section: Any) -> None:
    needed = {
        MountOverride: {"pattern": "*"},
        UserSettings: {"name": "a", "password": "b"},
    }.get(section, {})
    for field in fields(section):
        with pytest.raises(ValueError, match=f"^{field.name} is .*; it must be "):
            section(**needed | {field.name: object()})


def _choices() -> list[tuple[type, str, Any]]:
    """Section, key and default of each setting whose default is a member, or several."""
    found = []
    for section in fields(Settings):
        default = getattr(Settings(), section.name)
        for field in fields(default) if is_dataclass(default) else ():
            value = getattr(default, field.name)
            first = value[0] if isinstance(value, tuple) and value else value
            if isinstance(first, StrEnum):
                found.append((type(default), field.name, value))
    return found


@pytest.mark.parametrize(("section", "key", "default"), _choices())
def test_every_section_takes_text_and_refuses_nonsense(
    section: Any, key: str, default: Any
) -> None:
    many = isinstance(default, tuple)
    plain = [member.value for member in default] if many else default.value
    taken = getattr(section(**{key: plain}), key)
    assert taken == default
    assert type(taken[0] if many else taken) is type(default[0] if many else default)
    with pytest.raises(ValueError, match=f"^{key} is .*nonsense.*; it must be "):
        section(**{key: ["nonsense"] if many else "nonsense"})


@pytest.mark.parametrize(("section", "key", "default"), _choices())
def test_every_enum_of_the_settings_is_public(section: type, key: str, default: Any) -> None:
    enum = type(default[0] if isinstance(default, tuple) else default)
    assert enum.__name__ in headwater.__all__
    assert getattr(headwater, enum.__name__) is enum


def test_the_settings_have_choices() -> None:
    assert {key for _, key, _ in _choices()} == {
        "accepting",
        "audio",
        "on_second_publisher",
        "slow_reader_policy",
        "publish_transports",
        "play_transports",
        "methods",
        "minimum_version",
        "client_certificates",
        "decode_in",
        "level",
        "format",
        "mode",
        "on_registry_loss",
    }


def test_overrides_take_text_too() -> None:
    values: dict[str, Any] = {"on_second_publisher": "replace", "slow_reader_policy": "disconnect"}
    override: Any = MountOverride(pattern="*", **values)
    assert override.slow_reader_policy is SlowReaderPolicy.DISCONNECT
    applied = override.applied_to(MountSettings())
    assert applied.on_second_publisher is SecondPublisher.REPLACE
    values["slow_reader_policy"] = "no"
    with pytest.raises(ValueError, match="slow_reader_policy is 'no'"):
        MountOverride(pattern="*", **values)


def test_checks_behind_the_conversion_see_members() -> None:
    multicast: dict[str, Any] = {"publish_transports": ("multicast",)}
    with pytest.raises(ValueError, match="publish_transports has multicast"):
        RtpSettings(**multicast)
    required: dict[str, Any] = {"client_certificates": "required"}
    with pytest.raises(ValueError, match="client_certificates is 'required'"):
        TlsSettings(**required)
    assert RtpSettings(publish_transports=(TransportKind.TCP,)).publish_transports == ("tcp",)
    assert TlsSettings(minimum_version=TlsVersion.TLS_1_3).minimum_version == "1.3"
    assert AuthMethod("basic") is AuthMethod.BASIC
