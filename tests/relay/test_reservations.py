"""Who waits for a path is told at once when its publisher goes, and costs nothing before."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from headwater.media.errors import MountBusy
from headwater.media.mount_table import MountTable
from headwater.relay.reservations import Reservations

END: Any = SimpleNamespace(path="/cam")
OTHER: Any = SimpleNamespace(path="/other")


@pytest.fixture
async def reservations() -> Reservations:
    loop = asyncio.get_running_loop()
    return Reservations(MountTable(clock=loop.time, call_later=loop.call_later))


async def test_those_who_wait_for_a_path_are_told_together_when_it_is_given_back(
    reservations: Reservations,
) -> None:
    reservations.take(END)
    with pytest.raises(MountBusy, match="is about to send"):
        reservations.check("/cam")
    waiting = [asyncio.ensure_future(reservations.change("/cam", 60)) for _ in range(3)]
    await asyncio.sleep(0)
    reservations.give_back(OTHER)
    await asyncio.sleep(0)
    assert not any(each.done() for each in waiting)
    reservations.give_back(END)
    assert await asyncio.gather(*waiting) == [True, True, True]
    reservations.check("/cam")
    assert reservations._waiting == {}


async def test_who_has_waited_for_long_enough_is_told_that_nothing_has_changed(
    reservations: Reservations,
) -> None:
    assert await reservations.change("/cam", 0.01) is False
    assert reservations._waiting == {}


async def test_who_leaves_while_it_waits_leaves_nothing(reservations: Reservations) -> None:
    waiting = asyncio.ensure_future(reservations.change("/cam", 60))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert reservations._waiting == {}
    reservations.note_change("/cam")
