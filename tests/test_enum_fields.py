"""Choices among settings, in every section that has some."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
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
)
from headwater.enum_fields import take_enum_fields


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
        take_enum_fields(self)


def paint(**values: Any) -> Paint:
    return Paint(**values)


def test_text_becomes_the_member_it_names() -> None:
    made = paint(colour="blue", lining="red", stripes=["red", Colour.BLUE])
    assert made.colour is Colour.BLUE
    assert made.lining is Colour.RED
    assert made.stripes == (Colour.RED, Colour.BLUE)
    assert all(isinstance(stripe, Colour) for stripe in made.stripes)
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
        "on_second_publisher",
        "slow_reader_policy",
        "publish_transports",
        "play_transports",
        "methods",
        "minimum_version",
        "client_certificates",
        "level",
        "format",
    }


def test_overrides_take_text_too() -> None:
    values: dict[str, Any] = {"on_second_publisher": "replace", "slow_reader_policy": "disconnect"}
    override = MountOverride(pattern="*", **values)
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
