"""The registry as a worker has it: every call is a question to the supervisor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from headwater.cluster.leases import Tenure
from headwater.cluster.messages import AskRegistry, ClusterNews, Hearing, RegistryTold
from headwater.cluster.node import asked_registry
from headwater.cluster.node.asked_registry import AskedRegistry
from headwater.cluster.registry.records import Ask, BeatAnswer, Change, How, News, NodeRecord
from headwater.cluster.registry.registry import RegistryGone

RECORD = NodeRecord(name="a", life="1", url="rtsp://h", public_url="rtsp://h")
TENURE = Tenure("/cam", "a", 7)
NEWS = News(Change.UP, TENURE)
BEAT = BeatAnswer(replaced=False, drain=False, lost=(), missing=(), nodes=())


class Supervisor:
    """Answers each question as a test says."""

    def __init__(self, value: object = None, gone: str | None = None) -> None:
        self.asked: list[AskRegistry] = []
        self.silent = False
        self._value = value
        self._gone = gone
        self.registry = AskedRegistry(self._hear)

    def _hear(self, asked: AskRegistry) -> None:
        self.asked.append(asked)
        if not self.silent:
            self.registry.receive(RegistryTold(asked.number, self._value, self._gone))


CALLS: list[tuple[Callable[[AskedRegistry], Any], str, tuple[object, ...], object]] = [
    (lambda registry: registry.join(RECORD), "join", (RECORD,), None),
    (lambda registry: registry.leave("a", "1"), "leave", (), None),
    (lambda registry: registry.beat(RECORD, [TENURE]), "beat", (RECORD, (TENURE,)), BEAT),
    (
        lambda registry: registry.claim(RECORD, [Ask("/cam", How.FREE)]),
        "claim",
        (RECORD, (Ask("/cam", How.FREE),)),
        [TENURE],
    ),
    (lambda registry: registry.mark_ready(TENURE), "mark_ready", (TENURE,), True),
    (lambda registry: registry.release(TENURE), "release", (TENURE,), False),
    (lambda registry: registry.look_up(["/cam"]), "look_up", (("/cam",),), {"/cam": None}),
    (lambda registry: registry.tell(NEWS), "tell", (NEWS,), None),
    (lambda registry: registry.nodes(), "nodes", (), (RECORD,)),
    (lambda registry: registry.epoch_of("/cam"), "epoch_of", ("/cam",), 7),
]


@pytest.mark.parametrize(
    ("call", "name", "arguments", "value"), CALLS, ids=[name for _, name, _, _ in CALLS]
)
async def test_each_call_is_asked_and_answered(
    call: Callable[[AskedRegistry], Any], name: str, arguments: tuple[object, ...], value: object
) -> None:
    supervisor = Supervisor(value)
    assert await call(supervisor.registry) == value
    [asked] = supervisor.asked
    assert (asked.call, asked.arguments) == (name, arguments)
    gone = Supervisor(gone="no answer within 2 s")
    with pytest.raises(RegistryGone, match="no answer within 2 s"):
        await call(gone.registry)


async def test_a_supervisor_that_says_nothing_is_a_registry_that_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asked_registry, "_ANSWER_DEADLINE_S", 0.01)
    supervisor = Supervisor()
    supervisor.silent = True
    with pytest.raises(RegistryGone, match="the supervisor does not answer"):
        await supervisor.registry.nodes()


async def test_what_is_asked_when_it_closes_ends_and_later_calls_ask_nothing() -> None:
    supervisor = Supervisor()
    supervisor.silent = True
    asks = asyncio.ensure_future(supervisor.registry.nodes())
    await asyncio.sleep(0)
    await supervisor.registry.close()
    with pytest.raises(RegistryGone, match="the server stops"):
        await asks
    with pytest.raises(RegistryGone, match="the server stops"):
        await supervisor.registry.nodes()
    assert len(supervisor.asked) == 1


@pytest.mark.parametrize("hears_before", [False, True])
async def test_news_are_heard_while_the_supervisor_hears_them(hears_before: bool) -> None:
    registry = Supervisor().registry
    heard: list[News | str] = []
    registry.receive(Hearing(hears_before))
    # Nobody listens yet.
    registry.receive(ClusterNews(NEWS))
    listens = asyncio.ensure_future(registry.listen(heard.append, lambda: heard.append("begun")))
    await asyncio.sleep(0)
    if not hears_before:
        assert heard == []
        registry.receive(Hearing(hears=True))
    registry.receive(ClusterNews(NEWS))
    assert heard == ["begun", NEWS]
    registry.receive(Hearing(hears=False))
    registry.receive(Hearing(hears=False))
    with pytest.raises(RegistryGone, match="hears no news"):
        await listens
    registry.receive(ClusterNews(NEWS))
    assert heard == ["begun", NEWS]
