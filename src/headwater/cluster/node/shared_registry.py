"""One registry for all workers of a machine, which are one node: kept by the supervisor."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final

from headwater.cluster.leases import Tenure
from headwater.cluster.messages import AskRegistry, ClusterNews, Hearing, RegistryTold, ToWorker
from headwater.cluster.node.endings import until_ended
from headwater.cluster.registry.records import (
    Ask,
    BeatAnswer,
    News,
    NodeRecord,
    NodeState,
    Refused,
)
from headwater.cluster.registry.registry import Registry, RegistryGone
from headwater.log_pace import paced_logger

logger = paced_logger(__name__)

_LISTEN_AGAIN_S: Final = 0.5
_CLOSE_DEADLINE_S: Final = 5.0

Send = Callable[[ToWorker, None], None]


@dataclass(eq=False, slots=True)
class _Part:
    """A worker.

    Attributes:
        record: what it told of itself; None before, and once it has left.
        held: the claims that it has by way of us, by path.
        is_gone: whether it has ended: what is granted to it now is nobody's.
    """

    send: Send
    record: NodeRecord | None = None
    held: dict[str, Tenure] = field(default_factory=dict)
    is_gone: bool = False


class SharedRegistry:
    """Asks the registry for the workers, and tells them the news.

    To the registry they are one node with one life. Each renews what it holds by its own sign of
    life; what one held that is gone is released at once.
    """

    def __init__(self, registry: Registry, name: str) -> None:
        self._registry = registry
        self._name = name
        self._life = secrets.token_hex(8)
        self._parts: dict[str, _Part] = {}
        self._hears = False
        self._listening: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        # Of claims that are on their way: which paths.
        self._claiming: dict[asyncio.Future[None], frozenset[str]] = {}

    # -- life

    def start(self) -> None:
        """Hear the news of the cluster."""
        self._listening = asyncio.get_running_loop().create_task(self._listen())

    async def stop(self) -> None:
        """Leave the cluster; all workers have ended."""
        listening, self._listening = self._listening, None
        if listening is not None:
            await until_ended(lambda: [] if listening.done() else [listening], 0.0)
        for name in tuple(self._parts):
            self.leave(name)
        await until_ended(lambda: self._tasks, _CLOSE_DEADLINE_S)
        with suppress(RegistryGone):
            await self._registry.leave(self._name, self._life)
        await self._registry.close()

    def join(self, worker: str, send: Send) -> None:
        """Take in a worker that begins."""
        self._parts[worker] = _Part(send)
        send(Hearing(self._hears), None)

    def leave(self, worker: str) -> None:
        """Release what a worker held that is gone."""
        part = self._parts.pop(worker, None)
        if part is None:
            return
        part.is_gone = True
        for tenure in part.held.values():
            self._do(self._release(tenure))

    def receive(self, worker: str, asked: AskRegistry) -> None:
        """Answer a worker, once the registry has answered."""
        part = self._parts.get(worker)
        if part is not None:
            self._do(self._answer(part, asked))

    # -- what workers ask

    async def _answer(self, part: _Part, asked: AskRegistry) -> None:
        try:
            told = RegistryTold(asked.number, await self._asked(part, asked))
        except RegistryGone as error:
            told = RegistryTold(asked.number, gone=str(error))
        if not part.is_gone:
            part.send(told, None)

    async def _asked(self, part: _Part, asked: AskRegistry) -> object:
        arguments: tuple[Any, ...] = asked.arguments
        registry = self._registry
        match asked.call:
            case "join":
                [part.record] = arguments
                await registry.join(self._record())
            case "leave":
                part.record = None
            case "beat":
                return await self._beat(part, *arguments)
            case "claim":
                return await self._claim(part, *arguments)
            case "mark_ready":
                return await registry.mark_ready(*arguments)
            case "release":
                [tenure] = arguments
                if part.held.get(tenure.path) == tenure:
                    del part.held[tenure.path]
                return await registry.release(tenure)
            case "look_up":
                return await registry.look_up(*arguments)
            case "tell":
                await registry.tell(*arguments)
            case "nodes":
                return await registry.nodes()
            case "epoch_of":
                return await self._epoch_of(*arguments)
            case call:
                raise AssertionError(f"{call} is nothing that a worker asks")
        return None

    async def _beat(self, part: _Part, record: NodeRecord, tenures: Sequence[Tenure]) -> BeatAnswer:
        part.record = record
        answer = await self._registry.beat(self._record(), tenures)
        for tenure in answer.lost:
            if part.held.get(tenure.path) == tenure:
                del part.held[tenure.path]
        return answer

    async def _claim(
        self, part: _Part, record: NodeRecord, asks: Sequence[Ask]
    ) -> list[Tenure | Refused]:
        part.record = record
        under_way: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._claiming[under_way] = frozenset(ask.path for ask in asks)
        try:
            answers = await self._registry.claim(self._record(), asks)
            for ask, answer in zip(asks, answers, strict=True):
                self._note(part, ask.path, answer)
        finally:
            del self._claiming[under_way]
            under_way.set_result(None)
        return answers

    def _note(self, part: _Part, path: str, answer: Tenure | Refused) -> None:
        if isinstance(answer, Refused):
            part.held.pop(path, None)
            return
        if part.is_gone:
            self._do(self._release(answer))
            return
        for each in self._parts.values():
            # Of the same node, the later claim ends an earlier one.
            each.held.pop(path, None)
        part.held[path] = answer

    async def _epoch_of(self, path: str) -> int | None:
        """Return by which epoch the node holds a path, also where the answer is on its way."""
        waits = [future for future, paths in self._claiming.items() if path in paths]
        if waits:
            await asyncio.wait(waits)
        for part in self._parts.values():
            if path in part.held:
                return part.held[path].epoch
        return None

    async def _release(self, tenure: Tenure) -> None:
        with suppress(RegistryGone):  # it ends by itself
            await self._registry.release(tenure)

    # -- what the registry is told, and tells

    def _record(self) -> NodeRecord:
        return one_record(
            [part.record for part in self._parts.values() if part.record is not None], self._life
        )

    async def _listen(self) -> None:
        while True:
            try:
                await self._registry.listen(self._hear, self._begin_to_hear)
            except RegistryGone:
                pass
            except Exception:
                logger.exception("news of the cluster were not understood")
            self._tell_all(hears=False)
            await asyncio.sleep(_LISTEN_AGAIN_S)

    def _begin_to_hear(self) -> None:
        self._tell_all(hears=True)

    def _tell_all(self, *, hears: bool) -> None:
        self._hears = hears
        for part in self._parts.values():
            part.send(Hearing(hears), None)

    def _hear(self, news: News) -> None:
        for part in self._parts.values():
            part.send(ClusterNews(news), None)

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("work for the cluster failed", exc_info=error)


def one_record(records: Sequence[NodeRecord], life: str) -> NodeRecord:
    """Return the record of a node of what its workers tell, of which there must be one.

    It drains as soon as one of them does, and until none does.
    """
    return replace(
        records[0],
        life=life,
        state=max((record.state for record in records), key=_DRAINING_LAST.index),
        busy_share=round(sum(record.busy_share for record in records) / len(records), 3),
        mounts=sum(record.mounts for record in records),
        pulls=sum(record.pulls for record in records),
        readers=sum(record.readers for record in records),
        workers=len(records),
        started_s=min(record.started_s for record in records),
    )


_DRAINING_LAST: Final = (NodeState.SERVING, NodeState.DRAINING)
