"""Publishers and readers of every kind, counted against the limits."""

from __future__ import annotations

import pytest
from some_end import SomeEnd

from headwater.relay.counters import ServerCounters
from headwater.relay.end import EndIdentity, EndKind
from headwater.relay.end_table import EndTable
from headwater.relay.errors import LimitReached
from headwater.relay.limit_settings import LimitSettings
from headwater.relay.limits import Limits
from headwater.side import Side

READER = EndIdentity(id="r", kind=EndKind.WEBRTC, side=Side.PLAY, path="/a", address_block="b")
PUBLISHER = EndIdentity(id="p", kind=EndKind.CAMERA, side=Side.PUBLISH, path="/a")


def table(**limits: int) -> tuple[EndTable, ServerCounters]:
    counters = ServerCounters()
    return EndTable(Limits(LimitSettings(**limits), counters)), counters


@pytest.mark.parametrize(
    ("limits", "present", "side", "block", "met"),
    [
        ({"sessions": 1}, (), Side.PLAY, "b", None),
        ({"sessions": 1}, (PUBLISHER,), Side.PLAY, "b", "sessions"),
        ({"sessions_per_address": 1}, (READER,), Side.PLAY, "b", "sessions_per_address"),
        ({"sessions_per_address": 1}, (READER,), Side.PLAY, "c", None),
        # What has no address, such as a camera that this server fetches, counts for none.
        ({"sessions_per_address": 1}, (PUBLISHER,), Side.PUBLISH, "", None),
        ({"publishers": 1}, (PUBLISHER,), Side.PUBLISH, "b", "publishers"),
        ({"publishers": 1}, (PUBLISHER,), Side.PLAY, "b", None),
    ],
)
def test_limits_hold_for_every_kind(
    limits: dict[str, int],
    present: tuple[EndIdentity, ...],
    side: Side,
    block: str,
    met: str | None,
) -> None:
    ends, counters = table(**limits)
    for identity in present:
        ends.add(SomeEnd(identity, 0.0))
    if met is None:
        ends.require_room(side, block, "peer")
        assert not counters.refused_by_limit
        return
    with pytest.raises(LimitReached, match=rf"the limit {met} \(1\) is reached") as refused:
        ends.require_room(side, block, "peer")
    assert (refused.value.setting, refused.value.logged) == (f"limits.{met}", True)
    assert counters.refused_by_limit == {f"limits.{met}": 1}


def test_what_left_makes_room_and_leaves_no_count() -> None:
    ends, _ = table(sessions=2, sessions_per_address=1, publishers=1)
    reader, publisher = SomeEnd(READER, 0.0), SomeEnd(PUBLISHER, 0.0)
    ends.add(reader)
    ends.add(publisher)
    assert not ends.readers_gone.is_set()
    assert set(ends) == {reader, publisher}
    assert ends.get("r") is reader
    for end in (reader, publisher, reader):
        ends.remove(end)
    assert ends.readers_gone.is_set()
    assert len(ends) == len(ends._by_address) == 0
    ends.require_room(Side.PUBLISH, "b", "peer")
