"""A server as a node of a cluster: its parts, and the beat that keeps them together."""

from __future__ import annotations

import asyncio
import math
import secrets
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any, Final

from headwater.access.auth_method import AuthMethod
from headwater.access.authenticator import Authenticator
from headwater.access.settings import AccessSettings, UserSettings
from headwater.client.surroundings import Surroundings
from headwater.cluster.node.directory import LeaseDirectory
from headwater.cluster.node.endings import until_ended
from headwater.cluster.node.held_back import HeldBack
from headwater.cluster.node.holding import Held, Holding
from headwater.cluster.node.settings import ClusterSettings
from headwater.cluster.node.source_claims import SourceClaims, Sources
from headwater.cluster.node.space import NodeSpace
from headwater.cluster.registry.records import Change, News, NodeRecord, NodeState
from headwater.cluster.registry.registry import Registry, RegistryGone
from headwater.log_pace import paced_logger
from headwater.net.settings import SocketSettings
from headwater.relay.relay import Relay
from headwater.version import __version__

logger = paced_logger(__name__)

_REALM: Final = "headwater-cluster"
_LISTEN_AGAIN_S: Final = 0.5
_LOOKED_AT_ONCE: Final = 500
"""Of the pulls whose leases are looked at with each beat."""
_SWEEP_BEATS: Final = 10
"""News of free sources may be lost: all are looked at so often."""
_CLOSE_DEADLINE_S: Final = 5.0
_AFTER_DEATH_S: Final = 0.05
_BEAT_AGAIN_S: Final = 0.5
"""After a beat that failed: the next one is to come before the leases end."""
_UNSETTLED_S: Final = 0.25
"""Between two looks while a source is free, and another node is to take it."""


def steady_clock() -> float:
    """Return seconds that go on while the process, or the machine, stands still."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class ClusterNode:
    """One node. Life: make it before the server starts, `start`, `drain`, `stop`.

    Attributes:
        space: the name space that the relay asks.
        name: what others call it.
    """

    def __init__(
        self,
        relay: Relay,
        registry: Registry,
        settings: ClusterSettings,
        sockets: SocketSettings,
        make_way: Callable[[str], Coroutine[Any, Any, None]],
        *,
        is_whole: bool = True,
    ) -> None:
        """`is_whole` is False for one of several workers, whose `NodeMember` joins the relay."""
        self.name = settings.node
        self.is_whole = is_whole
        self._relay = relay
        self._registry = registry
        self._settings = settings
        self._life = secrets.token_hex(8)
        self._url = ""
        self._public_url = ""
        self._state = NodeState.SERVING
        self._ordered = False
        self._started_s = time.time()
        self._nodes: dict[str, NodeRecord] = {}
        self._busy_share = 0.0
        self._busy_s = time.process_time()
        self._beaten_s = time.monotonic()
        self._beats = 0
        self._hurry = asyncio.Event()
        self._beating = asyncio.Lock()
        # Sources of which was told that no node has them any more.
        self._freed: set[str] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._works: set[asyncio.Task[None]] = set()
        self._registered = False
        self._holding = Holding(
            registry,
            self.record,
            steady_clock,
            self._lost,
            lease_s=settings.lease_s,
            on_loss=settings.on_registry_loss,
        )
        self._held_back = HeldBack(
            self.name, relay.mounts.get, self._holding, steady_clock, self._lost
        )
        self._directory = LeaseDirectory(registry, relay.clock)
        self._make_way = make_way
        self._around = Surroundings.of(relay, sockets)
        self.sources = SourceClaims(
            self.name, self._holding, self._directory, lambda: self._nodes, relay.clock
        )
        self.space = NodeSpace(
            self.name,
            relay,
            self._holding,
            self._directory,
            self.sources,
            self,
            settings,
            self._around,
            make_way,
        )
        relay.admission.nodes = _gate(settings)
        if is_whole:
            relay.join(self.space)
            relay.watch_mounts(self.space)
            relay.finding.add_first(self.space)
        relay.finding.sends_away = lambda: self.sources.drains
        relay.upkeep.add(self.space.pulling.check, self._check_sources)
        relay.loop.on_standstill = self._stood_still

    @property
    def all(self) -> Mapping[str, NodeRecord]:
        """The nodes that live, this one as well, by name."""
        return self._nodes

    def record(self) -> NodeRecord:
        """Return what this node tells of itself."""
        return NodeRecord(
            name=self.name,
            life=self._life,
            url=self._url,
            public_url=self._public_url,
            state=self._state,
            version=__version__,
            busy_share=round(self._busy_share, 3),
            mounts=len(self._holding),
            pulls=len(self.space.pulling),
            readers=sum(mount.counted_readers for mount in self._relay.mounts),
            started_s=round(self._started_s, 3),
        )

    # -- life

    async def start(self, sources: Sources, *, url: str) -> None:
        """Join, and take what this node is to fetch.

        `url` is where others reach it, unless the settings say another. A registry that does not
        answer is no reason not to serve.
        """
        self.sources.sources = sources
        self._url = self._settings.advertise_url or url
        self._public_url = self._settings.public_url or self._url
        self._nodes = {self.name: self.record()}
        await self._beat()
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._keep_beating()), loop.create_task(self._listen())]
        if not self.is_whole:
            watching = self._held_back.watch_supervisor(self._settings.lease_s)
            self._tasks.append(loop.create_task(watching))
        logger.info(
            "node of a cluster",
            extra={"node": self.name, "url": self._url, "nodes": sorted(self._nodes)},
        )

    async def drain(self) -> None:
        """Be given nothing more, and let others have the sources."""
        if self._state is NodeState.DRAINING:
            return
        self._state = NodeState.DRAINING
        # Told first: whoever looks for a node for what is let go must not come back here.
        await self._beat()
        for held in self.sources.drain():
            await self._holding.release(held)

    async def stop(self) -> None:
        """Leave: what is held is free at once."""
        await until_ended(lambda: [task for task in self._tasks if not task.done()], 0.0)
        self._relay.loop.on_standstill = None
        await until_ended(lambda: self._works, _CLOSE_DEADLINE_S)
        await self.space.aclose()
        await self._directory.aclose()
        for held in self._holding.all():
            if self._holding.forget(held):
                await self._holding.release(held)
        with suppress(RegistryGone):
            await self._registry.leave(self.name, self._life)
        await self._registry.close()

    def apply(self, settings: ClusterSettings) -> None:
        """Go by other settings, as far as a running node can."""
        self.space.settings = settings
        self.space.pulling.linger_s = settings.linger_s
        self._holding.on_loss = settings.on_registry_loss

    # -- the beat

    async def _keep_beating(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._until_beat_s()):
                    await self._hurry.wait()
            self._hurry.clear()
            try:
                await self._beat()
            except Exception:
                logger.exception("a node's beat failed")

    def _until_beat_s(self) -> float:
        """Return when to beat next: three times within a lease, and when a node may have died.

        A beat that has failed is followed by the next one before the leases end.
        """
        others = [node.left_ms for name, node in self._nodes.items() if name != self.name]
        lease_s, gone_since_s = self._settings.lease_s, self._holding.gone_since_s
        death_s = settling_s = again_s = math.inf
        if gone_since_s is None:
            death_s = min(others, default=math.inf) / 1000 + _AFTER_DEATH_S
        elif steady_clock() - gone_since_s < lease_s:
            again_s = _BEAT_AGAIN_S
        if self.sources.unsettled:
            settling_s = _UNSETTLED_S
        return min(lease_s / 3, death_s, settling_s, again_s)

    async def _beat(self) -> None:
        """Say that this node lives; one at a time, or the answers would speak of each other."""
        async with self._beating:
            await self._beat_once()

    async def _beat_once(self) -> None:
        self._measure()
        if not self._registered:
            await self._join()
        answer = await self._holding.beat() if self._registered else None
        if answer is None:
            # One that was not reached may be well, and may have given to others what is held here.
            if not self._registry.unreached:
                self._held_back.go_on_without_registry()
            return
        self._held_back.let_out()
        if answer.replaced:
            logger.error(
                "another process has this node's name; give each node another one (cluster.node)",
                extra={"node": self.name},
            )
            self._registered = False
            return
        before, self._nodes = self._nodes, {node.name: node for node in answer.nodes}
        self._take_order(drain=answer.drain)
        self._beats += 1
        moved = _hosts(before) != _hosts(self._nodes)
        if moved or self.sources.unsettled or self._beats % _SWEEP_BEATS == 1:
            await self.sources.take_free()
        with suppress(RegistryGone):
            await self.space.check_pulls(_LOOKED_AT_ONCE)

    async def _join(self) -> None:
        replaced = self._holding.replaced
        if replaced and self.name in {node.name for node in await self._living()}:
            return
        try:
            await self._registry.join(self.record())
        except RegistryGone as error:
            logger.warning("the registry does not answer", extra={"cause": str(error)})
            return
        self._registered, self._holding.replaced = True, False

    async def _living(self) -> tuple[NodeRecord, ...]:
        try:
            return await self._registry.nodes()
        except RegistryGone:
            return ()

    def _take_order(self, *, drain: bool) -> None:
        if drain and not self._ordered:
            self._ordered = True
            self._do(self.drain())
        elif not drain and self._ordered:
            self._ordered = self.sources.drains = False
            self._state = NodeState.SERVING

    def _measure(self) -> None:
        now_s, busy_s = time.monotonic(), time.process_time()
        past_s = now_s - self._beaten_s
        if past_s > 0.5:
            self._busy_share = (busy_s - self._busy_s) / past_s
            self._busy_s, self._beaten_s = busy_s, now_s

    def _check_sources(self, _now: float) -> None:
        for held in self.sources.check():
            self._do(self._holding.release(held))

    # -- news

    async def _listen(self) -> None:
        while True:
            try:
                await self._registry.listen(self._hear, self.space.look_at_all)
            except RegistryGone:
                await asyncio.sleep(_LISTEN_AGAIN_S)
            except Exception:
                logger.exception("news of the cluster were not understood")
                await asyncio.sleep(_LISTEN_AGAIN_S)

    def _hear(self, news: News) -> None:
        self.space.hear(news)
        path = news.tenure.path
        if news.change is not Change.DOWN or not self.sources.knows(path):
            return
        if not self._freed:
            self._do(self._take_freed())
        self._freed.add(path)

    async def _take_freed(self) -> None:
        """Take what has become free, all that was told by now: of a node that ends it is much."""
        freed, self._freed = self._freed, set()
        await self.sources.take_free(freed)

    def _lost(self, held: Held, reason: str) -> None:
        self.space.lost(held, reason)

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._relay.loop.beneath.create_task(work)
        self._works.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._works.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("work for the cluster failed", exc_info=error)

    # -- standing still

    def hear(self) -> None:
        """Note that the supervisor speaks, as it does to each of its workers once a second."""
        self._held_back.hear()

    def _stood_still(self) -> None:
        if self._held_back.stood_still():
            self._hurry.set()


def _hosts(nodes: Mapping[str, NodeRecord]) -> set[tuple[str, NodeState]]:
    return {(node.name, node.state) for node in nodes.values()}


def _gate(settings: ClusterSettings) -> Authenticator:
    """Return who checks the credentials of nodes: their one user, by Digest alone."""
    return Authenticator(
        AccessSettings(
            realm=_REALM,
            methods=(AuthMethod.DIGEST_SHA256,),
            users=(
                UserSettings(
                    name=settings.node_user, password=settings.node_password, read=("**",)
                ),
            ),
        )
    )
