"""Who is let in, in which order, and that no place is lost by those who went away."""

from __future__ import annotations

import asyncio

import pytest

from headwater.sources.start_gate import StartGate


async def turns() -> None:
    """Let every task come as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)


class Crowd:
    """Tasks at a gate; `came` has those inside in the order in which they came in."""

    def __init__(self, most: int) -> None:
        self.gate = StartGate(most)
        self.came: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def send(self, *names: str) -> None:
        for name in names:
            self.tasks[name] = asyncio.create_task(self._enter(name))
        await turns()

    async def _enter(self, name: str) -> None:
        await self.gate.enter()
        self.came.append(name)


async def test_so_many_are_inside_and_the_others_come_in_their_order() -> None:
    crowd = Crowd(2)
    await crowd.send("a", "b", "c", "d")
    assert crowd.came == ["a", "b"]
    crowd.gate.leave()
    await turns()
    assert crowd.came == ["a", "b", "c"]
    assert crowd.gate.inside == 2
    for _ in range(3):
        crowd.gate.leave()
        await turns()
    assert crowd.came == ["a", "b", "c", "d"]
    assert crowd.gate.inside == 0


async def test_who_gives_up_waiting_is_passed_over() -> None:
    crowd = Crowd(1)
    await crowd.send("a", "b", "c")
    crowd.tasks["b"].cancel()
    await turns()
    crowd.gate.leave()
    await turns()
    assert crowd.came == ["a", "c"]
    crowd.gate.leave()
    assert crowd.gate.inside == 0


async def test_who_is_cancelled_at_the_moment_of_its_turn_gives_the_place_on() -> None:
    crowd = Crowd(1)
    await crowd.send("a", "b", "c")
    crowd.gate.leave()
    crowd.tasks["b"].cancel()
    with pytest.raises(asyncio.CancelledError):
        await crowd.tasks["b"]
    await turns()
    assert crowd.came == ["a", "c"]
    assert crowd.gate.inside == 1


async def test_more_places_are_taken_at_once_and_fewer_as_others_leave() -> None:
    crowd = Crowd(1)
    await crowd.send("a", "b", "c")
    crowd.gate.most = 2
    await turns()
    assert crowd.came == ["a", "b"]
    crowd.gate.most = 1
    crowd.gate.leave()
    await turns()
    assert crowd.came == ["a", "b"]
    crowd.gate.leave()
    await turns()
    assert crowd.came == ["a", "b", "c"]
    assert crowd.gate.inside == 1
