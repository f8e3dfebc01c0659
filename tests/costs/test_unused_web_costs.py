"""What the port for browsers costs those who do not use it: not one call, not one instruction.

Everything that serves browsers is there: the door, WebRTC's port, MSE, HLS, the API and the pages.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from data_plane import BATCH, DataPlane, MakePlane
from meter import CallMeter, opcodes
from test_batch_costs import batch_opcodes, metered

READERS = 12
PLANES = {
    "to UDP": {"udp_readers": READERS},
    "to TCP": {"tcp_readers": READERS},
    "to both, from TCP": {"over_tcp": True, "udp_readers": READERS, "tcp_readers": READERS},
}


def without_and_with(make: MakePlane, **arguments: int) -> tuple[DataPlane, DataPlane]:
    """Two servers alike, of which the second serves browsers as well."""
    without, with_web = make(**arguments), make(has_web=True, **arguments)
    assert without.service.running.web is None
    web = with_web.service.web
    assert web.port
    assert web.webrtc.port.port
    assert (len(web.mse), len(web.hls), len(web.webrtc.viewers)) == (0, 0, 0)
    return without, with_web


@pytest.mark.parametrize("arguments", PLANES.values(), ids=PLANES)
def test_a_batch_makes_the_same_calls(data_plane: MakePlane, arguments: dict[str, int]) -> None:
    without, with_web = without_and_with(data_plane, **arguments)
    for count in (BATCH, 2 * BATCH):
        one, other = metered(without, count), metered(with_web, count)
        assert other.python == one.python
        assert other.c == one.c
        assert other.system == one.system


@pytest.mark.parametrize("arguments", PLANES.values(), ids=PLANES)
def test_a_batch_takes_the_same_instructions(
    data_plane: MakePlane, arguments: dict[str, int]
) -> None:
    without, with_web = without_and_with(data_plane, **arguments)
    assert batch_opcodes(with_web) == batch_opcodes(without)


@pytest.mark.parametrize("over_tcp", [False, True], ids=["udp", "tcp"])
def test_a_session_makes_the_same_calls_and_takes_no_more_instructions(
    data_plane: MakePlane, over_tcp: bool
) -> None:
    without, with_web = without_and_with(data_plane, udp_readers=1, tcp_readers=1)
    one, other = session_calls(without, over_tcp), session_calls(with_web, over_tcp)
    assert other.python == one.python
    assert other.system == one.system
    # Which ports are free, and what hashes to the same place, makes a few instructions of 10,000.
    assert session_opcodes(with_web, over_tcp) <= session_opcodes(without, over_tcp) * 1.01


def session_calls(plane: DataPlane, over_tcp: bool) -> CallMeter:
    """The calls of a session, of several the fewest."""
    meters = []
    for _ in range(6):
        meter = CallMeter()

        def serve(meter: CallMeter = meter) -> None:
            with meter:
                plane.turn_once()

        plane.whole_session(serve, over_tcp=over_tcp)
        meters.append(meter)
    return min(meters, key=lambda meter: meter.python_calls)


def session_opcodes(plane: DataPlane, over_tcp: bool) -> int:
    """The instructions of a session, of several the fewest."""
    counts = []
    for _ in range(6):
        taken: list[int] = []

        def serve(note: Callable[[int], None] = taken.append) -> None:
            note(opcodes(plane.turn_once))

        plane.whole_session(serve, over_tcp=over_tcp)
        counts.append(sum(taken))
    return min(counts)
