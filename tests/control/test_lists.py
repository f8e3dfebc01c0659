"""Parts of long lists: what is wanted, and what of several places makes one part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import pytest

from headwater.control.lists import ListWanted, Part, host_of, joined, part_of
from headwater.relay.end import End, EndKind
from headwater.side import Side


@dataclass
class Somebody:
    path: str = "/cams/a"
    side: Side = Side.PLAY
    kind: EndKind = EndKind.RTSP
    username: str | None = "ann"
    peer: str = "[::1]:5000"


@pytest.mark.parametrize(
    ("wanted", "takes"),
    [
        (ListWanted(), True),
        (ListWanted(side=Side.PLAY), True),
        (ListWanted(side=Side.PUBLISH), False),
        (ListWanted(kind=EndKind.HLS), False),
        (ListWanted(user="ann", address="::1", path="cams/*"), True),
        (ListWanted(user="bob"), False),
        (ListWanted(address="::2"), False),
        (ListWanted(path="/other"), False),
        (ListWanted(allowed=("cams/*",)), True),
        (ListWanted(allowed=("other/*",)), False),
        (ListWanted(allowed=()), False),
    ],
)
def test_who_is_wanted(wanted: ListWanted, takes: bool) -> None:
    assert wanted.takes(cast("End", cast("Any", Somebody()))) is takes


@pytest.mark.parametrize(
    ("wanted", "takes_any"),
    [
        (ListWanted(), True),
        (ListWanted(side=Side.PLAY, after="x", limit=3), True),
        (ListWanted(allowed=("a", "**")), True),
        (ListWanted(allowed=("*",)), False),
        (ListWanted(user="ann"), False),
        (ListWanted(path="**"), False),
    ],
)
def test_nobody_is_looked_at_where_all_are_wanted(wanted: ListWanted, takes_any: bool) -> None:
    assert wanted.takes_any is takes_any


def test_parts_of_a_list() -> None:
    items = ["c", "a", "d", "b"]
    assert part_of(items, ListWanted(limit=2), str) == Part(("a", "b"), 4, True)
    assert part_of(items, ListWanted(limit=2, after="b"), str) == Part(("c", "d"), 4, False)
    assert part_of(items, ListWanted(after="bb"), str) == Part(("c", "d"), 4, False)
    assert part_of(items, ListWanted(after="d", limit=1), str) == Part((), 4, False)


def test_parts_of_several_places_are_one_part() -> None:
    one, other = Part(("a", "d"), 5, True), Part(("b", "c"), 2, False)
    assert joined([one, other], 3, str) == Part(("a", "b", "c"), 7, True)
    assert joined([one, other], 4, str) == Part(("a", "b", "c", "d"), 7, True)
    assert joined([other, Part(("e",), 1, False)], 3, str) == Part(("b", "c", "e"), 3, False)
    assert joined([one], 9, str) is one


@pytest.mark.parametrize(
    ("peer", "host"), [("192.0.2.1:5000", "192.0.2.1"), ("[::1]:5000", "::1"), ("", "")]
)
def test_the_address_of_a_peer(peer: str, host: str) -> None:
    assert host_of(peer) == host
