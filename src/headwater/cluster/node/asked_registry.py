"""The registry as one of several workers has it: asked by way of the supervisor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from headwater.cluster.leases import Tenure
from headwater.cluster.messages import AskRegistry, ClusterNews, Hearing, RegistryTold
from headwater.cluster.questions import Questions
from headwater.cluster.registry.records import (
    Ask,
    BeatAnswer,
    Lease,
    News,
    NodeRecord,
    Refused,
)
from headwater.cluster.registry.registry import RegistryGone

_ANSWER_DEADLINE_S: Final = 3.0
"""More than the supervisor waits for the registry."""


@dataclass(slots=True)
class _Listener:
    on_news: Callable[[News], None]
    on_begun: Callable[[], None]
    ended: asyncio.Future[None]


class AskedRegistry:
    """A `Registry` whose every call goes to the supervisor, whose words go to `receive`."""

    def __init__(self, tell: Callable[[AskRegistry], None]) -> None:
        self._tell = tell
        self._questions = Questions()
        self._hears = False
        self._listener: _Listener | None = None
        self._closed = False
        self.unreached = False
        """Whether the supervisor itself, who asks for us, did not answer the last question."""

    async def join(self, record: NodeRecord) -> None:
        """Enter the node, with what this worker tells of itself."""
        await self._asked("join", record)

    async def leave(self, name: str, life: str) -> None:  # noqa: ARG002 - the node may go on
        """Take back what this worker told of itself."""
        await self._asked("leave")

    async def beat(self, record: NodeRecord, tenures: Sequence[Tenure]) -> BeatAnswer:
        """Renew the node and what this worker holds, and hear of the other nodes."""
        answer: BeatAnswer = await self._asked("beat", record, tuple(tenures))
        return answer

    async def claim(self, node: NodeRecord, asks: Sequence[Ask]) -> list[Tenure | Refused]:
        """Have paths for the node, which this worker fills."""
        answers: list[Tenure | Refused] = await self._asked("claim", node, tuple(asks))
        return answers

    async def mark_ready(self, tenure: Tenure) -> bool:
        """Note that a path is filled, and tell of it; False where the tenure is lost."""
        return bool(await self._asked("mark_ready", tenure))

    async def release(self, tenure: Tenure) -> bool:
        """End a tenure, and tell of it; False where another has it."""
        return bool(await self._asked("release", tenure))

    async def look_up(self, paths: Sequence[str]) -> dict[str, Lease | None]:
        """Return who has each of the paths."""
        found: dict[str, Lease | None] = await self._asked("look_up", tuple(paths))
        return found

    async def tell(self, news: News) -> None:
        """Tell all nodes something."""
        await self._asked("tell", news)

    async def nodes(self) -> tuple[NodeRecord, ...]:
        """Return all nodes that live."""
        nodes: tuple[NodeRecord, ...] = await self._asked("nodes")
        return nodes

    async def epoch_of(self, path: str) -> int | None:
        """Return by which epoch the node holds a path, whichever worker fills it."""
        epoch: int | None = await self._asked("epoch_of", path)
        return epoch

    async def listen(self, on_news: Callable[[News], None], on_begun: Callable[[], None]) -> None:
        """Hear what is told, until cancelled or the registry is gone. Raises RegistryGone."""
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._listener = _Listener(on_news, on_begun, ended)
        try:
            if self._hears:
                on_begun()
            await ended
        finally:
            self._listener = None
        raise RegistryGone("the supervisor hears no news of the cluster")

    async def close(self) -> None:
        """Ask nothing more."""
        self.give_up()

    def give_up(self) -> None:
        """Ask nothing more, and wait for no answer: there is no supervisor."""
        self._closed = True
        self._questions.give_up(RegistryGone("the server stops"))

    def receive(self, message: RegistryTold | ClusterNews | Hearing) -> None:
        """Take what the supervisor says of the registry."""
        self.unreached = False
        match message:
            case RegistryTold(number, value, None):
                self._questions.answer(number, value)
            case RegistryTold(number, _, gone):
                self._questions.fail(number, RegistryGone(gone))
            case ClusterNews(news):
                if self._listener is not None:
                    self._listener.on_news(news)
            case Hearing(hears):
                self._hears = hears
                self._tell_listener(hears=hears)

    def _tell_listener(self, *, hears: bool) -> None:
        listener = self._listener
        if listener is None:
            return
        if hears:
            listener.on_begun()
        elif not listener.ended.done():
            listener.ended.set_result(None)

    async def _asked(self, call: str, *arguments: object) -> Any:
        if self._closed:
            raise RegistryGone("the server stops")
        number, answer = self._questions.new(_ANSWER_DEADLINE_S)
        self._tell(AskRegistry(number, call, arguments))
        try:
            return await answer
        except TimeoutError:
            self.unreached = True
            raise RegistryGone("the supervisor does not answer") from None
