"""A crowd that ends does so in portions, in order, each once, and nothing of it is forgotten."""

from __future__ import annotations

import asyncio
import logging

import pytest
from logged import events

from headwater.transports import departures as departures
from headwater.transports.departures import Departures


async def one_turn() -> None:
    """Let the loop do what is due now."""
    await asyncio.sleep(0)


async def test_a_crowd_ends_a_few_in_a_turn_and_in_order() -> None:
    ended: list[int] = []
    ending = Departures(asyncio.get_running_loop())
    crowd = list(range(3 * departures._PER_TURN + 1))
    for one in crowd:
        ending.add(one, lambda one=one: ended.append(one))  # type: ignore[misc]
    assert ended == []
    after_turns = []
    while len(ending):
        await one_turn()
        after_turns.append(len(ended))
    assert after_turns == [16, 32, 48, 49]
    assert ended == crowd


async def test_what_waits_already_ends_once_and_may_end_again_later() -> None:
    ended: list[str] = []
    ending = Departures(asyncio.get_running_loop())
    for cause in ("first", "second"):
        ending.add("one", lambda cause=cause: ended.append(cause))  # type: ignore[misc]
    await one_turn()
    assert ended == ["first"]
    ending.add("one", lambda: ended.append("third"))
    await one_turn()
    assert ended == ["first", "third"]


async def test_an_end_that_fails_holds_up_no_other(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> None:
        raise ZeroDivisionError("a bug of ours")

    ended: list[str] = []
    ending = Departures(asyncio.get_running_loop())
    ending.add("bad", broken)
    ending.add("good", lambda: ended.append("good"))
    with caplog.at_level(logging.ERROR):
        await one_turn()
    assert ended == ["good"]
    assert events(caplog.records) == ["an end failed"]


async def test_finish_ends_all_that_waits_and_what_they_add() -> None:
    ended: list[str] = []
    ending = Departures(asyncio.get_running_loop())
    for one in range(100):
        ending.add(one, lambda one=one: ended.append(one))  # type: ignore[misc]
    ending.add("last", lambda: ending.add("added", lambda: ended.append("added")))
    ending.finish()
    assert ended == [*range(100), "added"]
    assert len(ending) == 0
    await one_turn()
    assert len(ended) == 101
