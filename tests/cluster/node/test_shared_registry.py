"""The registry of a machine's supervisor: one node for all workers, what dead ones held is free."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis_server import RedisServer, redis_server

from headwater.cluster.leases import Tenure
from headwater.cluster.messages import AskRegistry, ClusterNews, Hearing, RegistryTold
from headwater.cluster.node.shared_registry import SharedRegistry, one_record
from headwater.cluster.registry.records import (
    Ask,
    BeatAnswer,
    Change,
    How,
    Lease,
    News,
    NodeRecord,
    NodeState,
    Refused,
)
from headwater.cluster.registry.redis_registry import RedisRegistry
from headwater.cluster.registry.server_url import ServerUrl

__all__ = ["redis_server"]

DEADLINE_S = 20.0


def record(name: str = "a", **told: Any) -> NodeRecord:
    url = "rtsp://127.0.0.1:8554"
    return NodeRecord(name=name, life="of a worker", url=url, public_url=url, **told)


class SlowRegistry(RedisRegistry):
    """One whose answers to claims are held back until a test lets them through."""

    def __init__(self, server: RedisServer) -> None:
        super().__init__(ServerUrl.of(server.url), "headwater")
        self.goes_on = asyncio.Event()
        self.goes_on.set()
        self.claimed = asyncio.Event()

    async def claim(self, node: NodeRecord, asks: Sequence[Ask]) -> list[Tenure | Refused]:
        answers = await super().claim(node, asks)
        self.claimed.set()
        await self.goes_on.wait()
        return answers


class WorkerTold:
    """What a worker is told."""

    def __init__(self, shared: SharedRegistry, name: str) -> None:
        self.shared = shared
        self.name = name
        self.news: list[News] = []
        self.hears: list[bool] = []
        self._answers: dict[int, asyncio.Future[RegistryTold]] = {}
        shared.join(name, lambda message, _: self._take(message))

    def ask(self, call: str, *arguments: object) -> asyncio.Future[RegistryTold]:
        number = len(self._answers)
        future = self._answers[number] = asyncio.get_running_loop().create_future()
        self.shared.receive(self.name, AskRegistry(number, call, arguments))
        return future

    async def told(self, call: str, *arguments: object) -> Any:
        async with asyncio.timeout(DEADLINE_S):
            told = await self.ask(call, *arguments)
        assert told.gone is None, told
        return told.value

    async def claim(self, path: str) -> Tenure | Refused:
        [answer] = await self.told("claim", record(), (Ask(path, How.FREE),))
        assert isinstance(answer, Tenure | Refused)
        return answer

    def _take(self, message: object) -> None:
        match message:
            case RegistryTold(number):
                self._answers[number].set_result(message)
            case ClusterNews(news):
                self.news.append(news)
            case Hearing(hears):
                self.hears.append(hears)


class Shared:
    def __init__(self, server: RedisServer) -> None:
        self.registry = SlowRegistry(server)
        self.shared = SharedRegistry(self.registry, "a")
        self.workers = [WorkerTold(self.shared, name) for name in ("worker-1", "worker-2")]

    async def lease(self, path: str) -> Lease | None:
        return (await self.registry.look_up([path]))[path]

    async def until_free(self, path: str) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while await self.lease(path) is not None:  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.01)


@asynccontextmanager
async def shared_by_two(server: RedisServer) -> AsyncIterator[Shared]:
    both = Shared(server)
    both.shared.start()
    try:
        yield both
    finally:
        await both.shared.stop()


async def until(condition: Any) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 - what a supervisor says has no one event
            await asyncio.sleep(0.01)


def test_the_records_of_workers_make_one() -> None:
    one = one_record(
        [
            record(busy_share=0.5, mounts=1, pulls=2, readers=3, started_s=20.0),
            record(busy_share=0.1, mounts=4, readers=5, started_s=10.0, state=NodeState.DRAINING),
        ],
        "of all",
    )
    assert (one.life, one.state, one.workers) == ("of all", NodeState.DRAINING, 2)
    assert (one.busy_share, one.mounts, one.pulls, one.readers) == (0.3, 5, 2, 8)
    assert one.started_s == 10.0


async def test_workers_are_one_node_and_each_hears_whether_its_own_claims_are_good(
    redis_server: RedisServer,
) -> None:
    async with shared_by_two(redis_server) as both:
        for worker in both.workers:
            await worker.told("join", record(mounts=1))
        [node] = await both.registry.nodes()
        assert (node.name, node.mounts, node.workers) == ("a", 2, 2)
        tenures = [await worker.claim(f"/{number}") for number, worker in enumerate(both.workers)]
        for worker, tenure in zip(both.workers, tenures, strict=True):
            answer = await worker.told("beat", record(), (tenure,))
            assert isinstance(answer, BeatAnswer)
            assert (answer.replaced, answer.lost, answer.missing) == (False, (), ())
        await both.workers[0].told("leave")
        assert await both.workers[1].told("mark_ready", tenures[1])
        lease = (await both.workers[0].told("look_up", ("/1",)))["/1"]
        assert lease.ready
        [node] = await both.workers[1].told("nodes")
        assert await both.workers[1].told("release", tenures[1])
        assert await both.workers[1].told("epoch_of", "/1") is None
        assert await both.lease("/1") is None


async def test_what_a_worker_held_that_is_gone_is_free_and_the_rest_is_not(
    redis_server: RedisServer,
) -> None:
    async with shared_by_two(redis_server) as both:
        first, second = both.workers
        await first.claim("/first")
        stays = await second.claim("/second")
        # A later claim of the same node ends an earlier one.
        await first.claim("/moved")
        moved = await second.claim("/moved")
        both.shared.leave("worker-1")
        await both.until_free("/first")
        for path, tenure in (("/second", stays), ("/moved", moved)):
            lease = await both.lease(path)
            assert lease is not None
            assert lease.tenure == tenure
        # A worker that is gone is answered nothing, and a second word of its end does nothing.
        both.shared.leave("worker-1")
        late = first.ask("nodes")
        await second.told("nodes")
        assert not late.done()


async def test_what_is_granted_to_a_worker_that_has_ended_meanwhile_is_released(
    redis_server: RedisServer,
) -> None:
    async with shared_by_two(redis_server) as both:
        both.registry.goes_on.clear()
        both.workers[0].ask("claim", record(), (Ask("/cam", How.FREE),))
        await both.registry.claimed.wait()
        assert await both.lease("/cam") is not None
        both.shared.leave("worker-1")
        both.registry.goes_on.set()
        await both.until_free("/cam")


async def test_who_asks_for_an_epoch_waits_for_a_claim_that_is_on_its_way(
    redis_server: RedisServer,
) -> None:
    async with shared_by_two(redis_server) as both:
        both.registry.goes_on.clear()
        claimed = both.workers[0].ask("claim", record(), (Ask("/cam", How.FREE),))
        await both.registry.claimed.wait()
        asked = both.workers[1].ask("epoch_of", "/cam")
        assert await both.workers[1].told("epoch_of", "/other") is None
        assert not asked.done()
        both.registry.goes_on.set()
        [tenure] = (await claimed).value  # type: ignore[misc]
        assert (await asked).value == tenure.epoch  # type: ignore[has-type]


async def test_a_claim_that_another_node_has_taken_is_held_no_more(
    redis_server: RedisServer,
) -> None:
    async with shared_by_two(redis_server) as both:
        worker = both.workers[0]
        tenure = await worker.claim("/cam")
        assert isinstance(tenure, Tenure)
        [other] = await both.registry.claim(record("b"), [Ask("/cam", How.REPLACE)])
        assert isinstance(other, Tenure)
        answer = await worker.told("beat", record(), (tenure,))
        assert answer.lost == (tenure,)
        assert await worker.told("epoch_of", "/cam") is None
        [restored] = await worker.told("claim", record(), (Ask("/cam", How.RESTORE, tenure.epoch),))
        assert restored == Refused("b", other.epoch)
        assert await worker.told("epoch_of", "/cam") is None


async def test_all_workers_hear_the_news_and_that_they_do_not(redis_server: RedisServer) -> None:
    async with shared_by_two(redis_server) as both:
        await until(lambda: all(worker.hears[-1:] == [True] for worker in both.workers))
        late = WorkerTold(both.shared, "worker-3")
        assert late.hears == [True]
        told = News(Change.WAY, Tenure("/cam", "b", 7))
        await both.workers[0].told("tell", told)
        every = (*both.workers, late)
        await until(lambda: all(worker.news == [told] for worker in every))
        await redis_server.kill()
        await until(lambda: all(worker.hears[-1] is False for worker in every))
        gone = await both.workers[0].ask("nodes")
        assert gone.gone
        await redis_server.start()
        await until(lambda: all(worker.hears[-1] for worker in every))


async def test_the_node_leaves_with_its_supervisor(redis_server: RedisServer) -> None:
    left = RedisRegistry(ServerUrl.of(redis_server.url), "headwater")
    async with shared_by_two(redis_server) as both:
        await both.workers[0].told("join", record())
        await both.workers[0].claim("/cam")
    assert await left.nodes() == ()
    assert (await left.look_up(["/cam"]))["/cam"] is None
    await left.close()


async def test_what_no_worker_asks_is_said_in_the_log_and_breaks_nothing(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with shared_by_two(redis_server) as both:
        both.workers[0].ask("flush")
        await until(lambda: "nothing that a worker asks" in caplog.text)
        assert await both.workers[0].told("nodes") == ()
