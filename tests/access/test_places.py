"""Places that are shared fairly: how many at once, who waits, and who goes in vain."""

from __future__ import annotations

import asyncio

import pytest

from headwater.access.places import NoPlaceError, Places

LONG_S = 60.0


class Holder:
    """Takes a place and keeps it until told to leave."""

    def __init__(self, places: Places, source: str, *, known: bool = False) -> None:
        self.inside = asyncio.Event()
        self.may_leave = asyncio.Event()
        self.task = asyncio.create_task(self._hold(places, source, known=known))

    async def _hold(self, places: Places, source: str, *, known: bool) -> None:
        async with places.place((source,), known=known):
            self.inside.set()
            await self.may_leave.wait()

    async def leave(self) -> None:
        self.may_leave.set()
        await self.task


async def turns_of_the_loop() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def inside(holders: list[Holder]) -> list[int]:
    return [number for number, holder in enumerate(holders) if holder.inside.is_set()]


async def test_no_more_than_the_places_at_once_and_sources_take_turns() -> None:
    places = Places(2, wait_s=LONG_S)
    holders = [Holder(places, source) for source in ("a", "a", "a", "a", "b")]
    await turns_of_the_loop()
    assert inside(holders) == [0, 1]
    await holders[0].leave()
    await turns_of_the_loop()
    assert inside(holders) == [0, 1, 2]
    await holders[1].leave()
    await turns_of_the_loop()
    assert inside(holders) == [0, 1, 2, 4]
    for holder in holders:
        await holder.leave()
    async with places.place(("c",), known=False), places.place(("c",), known=False):
        assert not places._turns


async def test_known_ones_come_next_however_many_strangers_wait() -> None:
    places = Places(1, wait_s=LONG_S, most_waiting=10)
    first = Holder(places, "first")
    await turns_of_the_loop()
    siege = [Holder(places, f"stranger {number}") for number in range(1000)]
    await turns_of_the_loop()
    home = Holder(places, "home", known=True)
    await turns_of_the_loop()
    await first.leave()
    await turns_of_the_loop()
    assert home.inside.is_set()
    assert inside(siege) == []
    await home.leave()
    for holder in siege:
        holder.may_leave.set()
    outcomes = await asyncio.gather(*(holder.task for holder in siege), return_exceptions=True)
    assert outcomes.count(None) == 10
    assert sum(isinstance(outcome, NoPlaceError) for outcome in outcomes) == 990


async def test_who_waits_too_long_goes_and_takes_nothing_with_it() -> None:
    places = Places(1, wait_s=0.0)
    holder = Holder(places, "a")
    await turns_of_the_loop()
    with pytest.raises(NoPlaceError):
        async with places.place(("b",), known=False):
            pytest.fail("there was no place")
    await holder.leave()
    async with places.place(("b",), known=False):
        assert places._free == 0
    assert places._free == 1


async def test_a_turn_that_comes_as_its_owner_gives_up_goes_to_the_next() -> None:
    places = Places(1, wait_s=LONG_S)
    holder = Holder(places, "a")
    await turns_of_the_loop()
    gone, last = Holder(places, "gone"), Holder(places, "last")
    await turns_of_the_loop()
    holder.may_leave.set()
    await holder.task
    gone.task.cancel()
    await turns_of_the_loop()
    assert gone.task.cancelled()
    assert last.inside.is_set()
    await last.leave()
    assert places._free == 1


async def test_an_error_inside_gives_the_place_back() -> None:
    places = Places(1, wait_s=LONG_S)
    for _ in range(3):
        with pytest.raises(LookupError):
            async with places.place(("a",), known=False):
                raise LookupError
    assert places._free == 1
