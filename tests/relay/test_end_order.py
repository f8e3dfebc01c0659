"""The order of publishers and readers, of which lists show pages."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, cast

import pytest

from headwater.relay.end import End
from headwater.relay.end_order import EndOrder
from headwater.side import Side


@dataclass
class Somebody:
    id: str
    side: Side = Side.PLAY


def end(name: str, side: Side = Side.PLAY) -> End:
    return cast("End", cast("Any", Somebody(name, side)))


def test_pages_of_one_side_and_of_both() -> None:
    order = EndOrder([end("d"), end("b", Side.PUBLISH), end("a"), end("c", Side.PUBLISH)])
    assert order.page(None, None, None) == ["a", "b", "c", "d"]
    assert order.page(None, None, 3) == ["a", "b", "c"]
    assert order.page(None, "b", 1) == ["c"]
    # What a page ended with may be gone meanwhile.
    assert order.page(None, "bb", 9) == ["c", "d"]
    assert order.page(Side.PLAY, None, 9) == ["a", "d"]
    assert order.page(Side.PUBLISH, "b", 9) == ["c"]
    assert (order.total(None), order.total(Side.PLAY)) == (4, 2)


@pytest.mark.parametrize("seed", range(4))
def test_it_stays_in_order_while_ends_come_and_go(seed: int) -> None:
    chance = random.Random(seed)
    here: dict[str, End] = {}
    order = EndOrder(())
    for step in range(400):
        if here and chance.random() < 0.4:
            gone = here.pop(chance.choice(sorted(here)))
            order.remove(gone)
        else:
            made = end(f"{chance.random()}-{step}", chance.choice(tuple(Side)))
            here[made.id] = made
            order.add(made)
        assert order.page(None, None, None) == sorted(here)
        assert order.total(None) == len(here)
