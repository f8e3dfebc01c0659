"""A status that went through JSON is the same status again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from api_peer import play, publish
from server_rig import clock, start_server
from web_rig import WebServer, start_web, web

from headwater.control.from_plain import UnfitError, record_of_plain
from headwater.control.status import ServerStatus
from headwater.media.states import MountState

__all__ = ["clock", "start_server", "start_web", "web"]


async def test_a_whole_status(web: WebServer) -> None:
    await publish(web, "/front")
    await play(web, "/front")
    status = web.server.status()
    again = record_of_plain(ServerStatus, json.loads(json.dumps(status.to_dict())))
    assert again == status
    assert again.mounts[0].state is MountState.LIVE


@dataclass
class Inner:
    state: MountState


@dataclass
class Outer:
    number: float
    names: tuple[str, ...]
    counts: dict[int, int]
    inner: Inner | None
    later: int = 7


WHOLE: dict[str, Any] = {
    "number": 1,
    "names": ["a"],
    "counts": {"200": 3},
    "inner": {"state": "live"},
    "of_a_newer_server": 1,
}


def test_what_json_has_no_word_for_is_found_again() -> None:
    made = record_of_plain(Outer, WHOLE)
    assert made == Outer(1.0, ("a",), {200: 3}, Inner(MountState.LIVE), 7)
    assert record_of_plain(Outer, WHOLE | {"inner": None}).inner is None


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"number": "x"}, "Outer.number"),
        ({"names": "a"}, "Outer.names"),
        ({"names": [1]}, "Outer.names"),
        ({"inner": {"state": "odd"}}, "Outer.inner.state"),
        ({"inner": {}}, "Outer.inner has no state"),
        ({"inner": 5}, "Outer.inner is no object"),
    ],
)
def test_what_is_of_another_kind_is_refused(change: dict[str, Any], where: str) -> None:
    with pytest.raises(UnfitError, match=where):
        record_of_plain(Outer, WHOLE | change)
