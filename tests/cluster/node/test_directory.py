"""How rarely the registry is asked, and that what is known of a path is not older than the news."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest

from headwater.cluster.leases import Tenure
from headwater.cluster.node import directory as module
from headwater.cluster.node.directory import LeaseDirectory
from headwater.cluster.registry.records import Change, Lease, News
from headwater.cluster.registry.registry import Registry, RegistryGone


class Answers:
    """Answers when it is let, with what is true when it is asked."""

    def __init__(self) -> None:
        self.epoch = 0
        self.gone = False
        self.broken = False
        self.questions: list[list[str]] = []
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def look_up(self, paths: Sequence[str]) -> dict[str, Lease | None]:
        self.questions.append(list(paths))
        epoch = self.epoch
        await self.go_on.wait()
        if self.broken:
            raise AttributeError("a client that was closed meanwhile")
        if self.gone:
            raise RegistryGone("gone")
        return {path: self.lease(path, epoch) for path in paths}

    def lease(self, path: str, epoch: int) -> Lease | None:
        return Lease(Tenure(path, "a", epoch), "", "", ready=True) if epoch else None


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def made() -> tuple[LeaseDirectory, Answers, Clock]:
    answers, clock = Answers(), Clock()
    return LeaseDirectory(cast("Registry", answers), clock), answers, clock


async def test_all_who_ask_together_are_one_question() -> None:
    directory, answers, _ = made()
    await asyncio.gather(*(directory.find(f"/{number % 3}") for number in range(300)))
    assert [sorted(each) for each in answers.questions] == [["/0", "/1", "/2"]]


async def test_that_nobody_has_a_path_is_known_for_a_while() -> None:
    directory, answers, clock = made()
    clock.now_s = 10.0
    for _ in range(5):
        assert await directory.find("/x") is None
    assert len(answers.questions) == 1
    clock.now_s += module._KEPT_S
    await directory.find("/x")
    assert len(answers.questions) == 2


@pytest.mark.parametrize("change", [Change.UP, Change.READY, Change.DOWN])
async def test_news_make_what_is_known_void(change: Change) -> None:
    directory, answers, _ = made()
    assert await directory.find("/x") is None
    answers.epoch = 7
    directory.hear(News(change, Tenure("/x", "a", 7)))
    lease = await directory.find("/x")
    assert lease is not None
    assert lease.tenure.epoch == 7


async def test_r4_an_answer_that_is_older_than_the_news_is_not_kept() -> None:
    directory, answers, _ = made()
    answers.go_on.clear()
    asked = asyncio.ensure_future(directory.find("/x"))
    while not answers.questions:  # noqa: ASYNC110 - nothing tells
        await asyncio.sleep(0)
    answers.epoch = 7
    directory.hear(News(Change.UP, Tenure("/x", "a", 7)))
    anew = asyncio.ensure_future(directory.find("/x", anew=True))
    answers.go_on.set()
    assert await asked is None
    lease = await anew
    assert lease is not None
    assert lease.tenure.epoch == 7
    kept = await directory.find("/x")
    assert kept == lease


async def test_of_very_many_names_only_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_KEPT", 10)
    directory, _, _ = made()
    await asyncio.gather(*(directory.find(f"/{number}") for number in range(1000)))
    assert len(directory._known) == 10
    assert not directory._asking


async def test_a_registry_that_is_gone_is_told_to_all_who_ask_and_is_not_kept() -> None:
    directory, answers, _ = made()
    answers.gone = True
    outcomes = await asyncio.gather(
        *(directory.find("/x") for _ in range(5)), return_exceptions=True
    )
    assert all(isinstance(each, RegistryGone) for each in outcomes)
    answers.gone = False
    assert await directory.find("/x") is None


async def test_a_question_that_fails_in_any_way_is_answered_and_asked_again() -> None:
    directory, answers, _ = made()
    answers.broken = True
    with pytest.raises(RegistryGone):
        await directory.find("/x")
    answers.broken, answers.epoch = False, 7
    lease = await directory.find("/x", anew=True)
    assert lease is not None
    assert lease.tenure.epoch == 7
