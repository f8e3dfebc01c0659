"""The logic of leases against a real registry, with a delay at every await.

Hypothesis chooses what happens next: a node claims, renews, releases or sends a packet; a question
reaches the registry, or its answer the node; time passes; a lease ends; the registry is emptied.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar, cast

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from redis_server import RedisServer

from headwater.cluster.leases import Tenure
from headwater.cluster.node.holding import Held, Holding
from headwater.cluster.registry.records import Ask, BeatAnswer, News, NodeRecord, Refused
from headwater.cluster.registry.redis_registry import RedisRegistry
from headwater.cluster.registry.registry import Registry
from headwater.cluster.registry.server_url import ServerUrl
from headwater.media.errors import MountBusy

LEASE_S = 9.0
PATHS = ("/a", "/b")
NAMES = ("n1", "n2", "n3")
ResultT = TypeVar("ResultT")


class Delayed:
    """A registry whose questions and answers wait until the model lets them through."""

    def __init__(self, real: RedisRegistry, model: LeaseModel) -> None:
        self._real = real
        self._model = model

    async def claim(self, node: NodeRecord, asks: Sequence[Ask]) -> list[Tenure | Refused]:
        return await self._model.delayed(lambda: self._real.claim(node, asks))

    async def beat(self, record: NodeRecord, tenures: Sequence[Tenure]) -> BeatAnswer:
        return await self._model.delayed(lambda: self._real.beat(record, tenures))

    async def release(self, tenure: Tenure) -> bool:
        return await self._model.delayed(lambda: self._real.release(tenure))

    async def mark_ready(self, tenure: Tenure) -> bool:
        return await self._model.delayed(lambda: self._real.mark_ready(tenure))

    async def tell(self, news: News) -> None:
        """News are lost, always."""


class Step:
    """One question: it waits to be asked, and then its answer waits to be given."""

    def __init__(self) -> None:
        self.asks = asyncio.Event()
        self.asked = asyncio.Event()
        self.answers = asyncio.Event()


class LeaseModel(RuleBasedStateMachine):
    server: RedisServer
    loop: asyncio.AbstractEventLoop

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 1000.0
        self.steps: list[Step] = []
        self.tasks: list[asyncio.Task[Any]] = []
        self.packets: dict[str, list[int]] = {path: [] for path in PATHS}
        self.granted: dict[tuple[str, int], str] = {}
        self.emptied = False
        self.registry = RedisRegistry(ServerUrl.of(self.server.url), "model", ttl_s=3600.0)
        self.run(self._flush())
        # When the registry last renewed a lease: only a lease that is older than that can end.
        self.renewed_s: dict[str, float] = {}
        self.nodes = [self._node(name) for name in NAMES]

    def _node(self, name: str) -> Holding:
        record = NodeRecord(name=name, life="1", url="", public_url="")
        return Holding(
            cast("Registry", Delayed(self.registry, self)),
            lambda: record,
            lambda: self.now_s,
            lambda held, reason: None,
            lease_s=LEASE_S,
        )

    def run(self, work: Awaitable[ResultT]) -> ResultT:
        return self.loop.run_until_complete(asyncio.wait_for(work, 10))

    async def _flush(self) -> None:
        client = self.server.client()
        await client.flushall()
        await client.aclose()
        # Epochs are milliseconds: no registry is emptied and asked within one.
        time.sleep(0.002)  # noqa: ASYNC251

    async def delayed(self, ask: Callable[[], Awaitable[ResultT]]) -> ResultT:
        step = Step()
        self.steps.append(step)
        await step.asks.wait()
        answer = await ask()
        self._note(answer)
        step.asked.set()
        await step.answers.wait()
        return answer

    def _note(self, answer: object) -> None:
        for each in answer if isinstance(answer, list) else ():
            if isinstance(each, Tenure):
                self.renewed_s[each.path] = self.now_s
                other = self.granted.setdefault((each.path, each.epoch), each.holder)
                assert other == each.holder, "two owners with the same epoch"
        if isinstance(answer, BeatAnswer):
            for path in PATHS:
                self.renewed_s[path] = self.now_s

    def _begin(self, work: Any) -> None:
        self.tasks.append(self.loop.create_task(work))
        self._settle()

    def _settle(self) -> None:
        async def turns() -> None:
            for _ in range(5):
                await asyncio.sleep(0)

        self.run(turns())

    # -- what happens

    @rule(node=st.sampled_from(range(3)), path=st.sampled_from(PATHS))
    def claims(self, node: int, path: str) -> None:
        async def claim() -> None:
            try:
                held = await self.nodes[node].claim(path, tries=1)
            except MountBusy:
                return
            await self.nodes[node].mark_ready(held)

        if self.nodes[node].of(path) is None:
            self._begin(claim())

    @rule(node=st.sampled_from(range(3)))
    def beats(self, node: int) -> None:
        self._begin(self.nodes[node].beat())

    @rule(node=st.sampled_from(range(3)), path=st.sampled_from(PATHS))
    def releases(self, node: int, path: str) -> None:
        held = self.nodes[node].of(path)
        if held is not None and self.nodes[node].forget(held):
            self._begin(self.nodes[node].release(held))

    @precondition(lambda self: self.steps)
    @rule(number=st.integers(0, 30))
    def a_question_or_an_answer_arrives(self, number: int) -> None:
        step = self.steps[number % len(self.steps)]
        if not step.asks.is_set():
            step.asks.set()
            self.run(step.asked.wait())
        else:
            self.steps.remove(step)
            step.answers.set()
        self._settle()

    @rule(seconds=st.sampled_from([1.0, 4.0, 10.0]))
    def time_passes(self, seconds: float) -> None:
        self.now_s += seconds

    @rule(path=st.sampled_from(PATHS))
    def a_lease_ends(self, path: str) -> None:
        if self.now_s > self.renewed_s.get(path, 0.0) + LEASE_S:
            self.run(self._delete(path))

    async def _delete(self, path: str) -> None:
        client = self.server.client()
        await client.delete(f"model:{{m:{path}}}")
        await client.aclose()

    @rule()
    def the_registry_is_emptied(self) -> None:
        self.run(self._flush())
        self.emptied = True

    @rule(node=st.sampled_from(range(3)), path=st.sampled_from(PATHS))
    def sends_a_packet(self, node: int, path: str) -> None:
        held = self.nodes[node].of(path)
        if held is None or held in self.nodes[node].stale():
            return
        sent = self.packets[path]
        # After an emptied registry two may send, until both have beaten: the end looks at that.
        assert self.emptied or not sent or held.tenure.epoch >= sent[-1], "a fenced owner sends"
        sent.append(held.tenure.epoch)

    @invariant()
    def no_two_have_a_path_at_the_same_time(self) -> None:
        if self.emptied:
            return
        for path in PATHS:
            good = [node for node in self.nodes if _is_good(node, path, self.now_s)]
            assert len(good) <= 1, "two nodes may send"

    def teardown(self) -> None:
        """Let everything arrive, and all beat twice: one holder is left, as the registry says."""
        self._drain()
        for _ in range(2):
            for node in self.nodes:
                self._begin(node.beat())
                self._drain()
        found = self.run(self.registry.look_up(PATHS))
        for path in PATHS:
            holders = [held.tenure for node in self.nodes if (held := node.of(path)) is not None]
            assert len(holders) <= 1, "two nodes hold a path for good"
            lease = found[path]
            assert not holders or (lease is not None and lease.tenure == holders[0])
        self.run(self.registry.close())

    def _drain(self) -> None:
        while self.steps:
            self.a_question_or_an_answer_arrives(0)
        for task in self.tasks:
            if not task.done():
                self.run(asyncio.wait([task]))
            task.result()
        self.tasks.clear()


def _is_good(node: Holding, path: str, now_s: float) -> bool:
    held: Held | None = node.of(path)
    return held is not None and now_s <= held.good_until_s


@pytest.mark.timeout(300)
def test_no_order_of_events_gives_a_path_two_owners() -> None:
    loop = asyncio.new_event_loop()
    server = RedisServer(2)
    try:
        loop.run_until_complete(server.start())
        machine = type("Model", (LeaseModel,), {"server": server, "loop": loop})
        machine.TestCase.settings = settings(  # type: ignore[attr-defined]
            max_examples=60,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        machine.TestCase().runTest()  # type: ignore[attr-defined]
    finally:
        loop.run_until_complete(server.kill())
        loop.close()
        shutil.rmtree(server.folder)
