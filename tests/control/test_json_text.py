"""Dataclasses as JSON in pieces."""

import json
from collections import Counter
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

import pytest

from headwater.control.json_text import json_pieces, plain


class Colour(StrEnum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


@dataclass(frozen=True)
class Leaf:
    name: str
    parts: tuple[int, ...] = ()


@dataclass(frozen=True)
class Branch:
    leaves: tuple[Leaf, ...]
    first: Leaf | None = None
    counts: Counter[int] = field(default_factory=Counter)


@dataclass(frozen=True)
class OnlyList:
    leaves: tuple[Leaf, ...]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (1.5, 1.5),
        (Colour.RED, "red"),
        (Level.HIGH, 3),
        ((1, (2,)), [1, [2]]),
        ({Level.HIGH: {Colour.RED}}, {"3": ["red"]}),
        (Leaf("a", (1, 2)), {"name": "a", "parts": [1, 2]}),
        (Branch(()), {"leaves": [], "first": None, "counts": {}}),
    ],
)
def test_plain_values(value: object, expected: object) -> None:
    found = plain(value)
    assert found == expected
    assert type(found) is type(expected)


def test_what_has_no_plain_form() -> None:
    with pytest.raises(TypeError, match="object has no plain form"):
        plain(object())


@pytest.mark.parametrize(
    "record",
    [
        Leaf('ä \u2028 " {'),
        Branch(()),
        Branch((Leaf("a"),), Leaf("b"), Counter({200: 3})),
        Branch(tuple(Leaf(str(number), (number,)) for number in range(100))),
        OnlyList((Leaf("a"), Leaf("b"))),
    ],
)
def test_pieces_join_to_what_the_value_is(record: object) -> None:
    text = "".join(json_pieces(record))
    assert json.loads(text) == plain(record)
    assert "\n" not in text


def test_a_piece_is_made_when_it_is_asked_for() -> None:
    pieces = json_pieces(Branch(tuple(Leaf(str(number)) for number in range(1000))))
    assert len(next(pieces)) < 100
    assert max(map(len, pieces)) < 100
