"""Answers that are made once for all who ask within a second."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from headwater.api import kept_answers
from headwater.api.kept_answers import KeptAnswers


class Stage:
    """Answers on a clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.turnover = 0
        self.made = 0
        self.timers: list[Callable[[], object]] = []
        self.kept = KeptAnswers(lambda: self.now, self._call_later, lambda: self.turnover)

    def _call_later(self, _s: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        self.timers.append(callback)
        return asyncio.get_running_loop().call_later(3600, lambda: None)

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        timers, self.timers = self.timers, []
        for timer in timers:
            timer()

    async def ask(self, key: str = "list") -> bytes:
        async def make() -> str:
            self.made += 1
            number = self.made
            await asyncio.sleep(0)
            return f"{key} {number}"

        return await self.kept.answer(key, make)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    made = Stage()
    yield made
    made.kept.close()


async def test_all_who_ask_within_a_second_get_the_same(stage: Stage) -> None:
    assert set(await asyncio.gather(*(stage.ask() for _ in range(9)))) == {b"list 1"}
    stage.now += 0.9
    assert await stage.ask() == b"list 1"
    assert await stage.ask("other") == b"other 2"
    stage.now += 0.1
    assert await stage.ask() == b"list 3"


async def test_what_came_or_went_or_was_changed_is_told_at_once(stage: Stage) -> None:
    assert await stage.ask() == b"list 1"
    stage.turnover += 1
    assert await stage.ask() == b"list 2"
    stage.kept.forget()
    assert await stage.ask() == b"list 3"


async def test_nothing_is_kept_where_nobody_asks(stage: Stage) -> None:
    await stage.ask()
    stage.now += 0.5
    await stage.ask("other")
    assert len(stage.kept) == 2
    stage.pass_time(0.6)
    assert len(stage.kept) == 1
    stage.pass_time(1.0)
    assert len(stage.kept) == 0
    assert stage.timers == []


async def test_they_are_bounded_in_number_and_bytes(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_answers, "_MOST_ANSWERS", 3)
    for number in range(5):
        await stage.ask(f"key {number}")
    assert len(stage.kept) == 3
    assert await stage.ask("key 4") == b"key 4 5"
    monkeypatch.setattr(kept_answers, "_MOST_BYTES", 1)
    assert await stage.ask("long") == b"long 6"
    assert len(stage.kept) == 0


async def test_one_who_leaves_does_not_end_it_for_the_others(stage: Stage) -> None:
    first, second = (asyncio.ensure_future(stage.ask()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == b"list 1"


async def test_a_failure_is_told_to_all_and_not_kept(stage: Stage) -> None:
    async def fail() -> str:
        await asyncio.sleep(0)
        raise LookupError("gone")

    asked = [stage.kept.answer("list", fail) for _ in range(3)]
    told = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(each) for each in told] == [LookupError] * 3
    assert await stage.ask() == b"list 1"
