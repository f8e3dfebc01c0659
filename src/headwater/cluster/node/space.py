"""The name space of a cluster as one of its nodes sees it: claims, finds, pulls."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from headwater.client.surroundings import Surroundings
from headwater.cluster.node.directory import LeaseDirectory
from headwater.cluster.node.endings import until_ended
from headwater.cluster.node.holding import Held, Holding
from headwater.cluster.node.node_pulls import NodePulls, Nodes
from headwater.cluster.node.redirects import Redirects
from headwater.cluster.node.settings import ClusterSettings, ReaderWay
from headwater.cluster.node.source_claims import SourceClaims
from headwater.cluster.patience import QUICK_LOOKS, Outlook, patiently
from headwater.cluster.registry.records import Change, Lease, News
from headwater.cluster.registry.registry import RegistryGone
from headwater.log_pace import paced_logger
from headwater.media.errors import MountBusy
from headwater.media.mount import Mount
from headwater.media.observer import MountObserver, ObservedMount
from headwater.media.publisher import Publisher
from headwater.net.event_loop import EventLoop
from headwater.net.tcp_listener import OnConnection, PortListener, TcpListener
from headwater.protocol.header.node_ask import FETCH, NodeAsk
from headwater.relay.end import End, EndKind
from headwater.relay.errors import Elsewhere, NotHere, SourceDown
from headwater.relay.finding import Wanted
from headwater.relay.relay import Relay

logger = paced_logger(__name__)

_CLOSE_DEADLINE_S: Final = 5.0
"""How long what is under way may take at the end: what the registry and other nodes answer."""


class NodeSpace(MountObserver):
    """The `NameSpace` of a node's relay, which also watches its mounts and finds those of others.

    What is here goes first: a mount that this node has is never looked for elsewhere.
    """

    shares_ports = False
    session_mark = ""

    def __init__(
        self,
        name: str,
        relay: Relay,
        holding: Holding,
        directory: LeaseDirectory,
        sources: SourceClaims,
        nodes: Nodes,
        settings: ClusterSettings,
        around: Surroundings,
        make_way: Callable[[str], Coroutine[Any, Any, None]],
    ) -> None:
        """`make_way` ends a publisher of a path whose connection is gone."""
        self.name = name
        self.settings = settings
        """May be changed at any time, as far as a running node can."""
        self.holding = holding
        self._relay = relay
        self._directory = directory
        self._sources = sources
        self._nodes = nodes
        self._make_way = make_way
        self._redirects = Redirects(relay.clock)
        # By the publisher's id: what it has claimed.
        self._claims: dict[str, Held] = {}
        # How many of the pulls have been looked at in this round.
        self._checked_pulls = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        self.pulling = NodePulls(name, relay, directory, sources, nodes, settings, around)
        # Who had the path before may be alive and go on sending, cut off from the registry alone.
        sources.on_claimed = self.pulling.leave
        self.look_again = self.pulling.look_again
        """Looks who has a path whose readers here wait for a publisher."""

    # -- what the relay asks

    def listener(
        self, loop: EventLoop, on_connection: OnConnection, *, backlog: int, overload_answer: bytes
    ) -> PortListener:
        """Have the port for this process alone."""
        return TcpListener(loop, on_connection, backlog=backlog, overload_answer=overload_answer)

    def claim(self, end: End, *, replaces: bool) -> Awaitable[None]:
        """Have the path for a publisher at all nodes."""
        # A task of its own: what was granted is given back, whoever waits for it or does not.
        task = self._do(self._claim(end.path, end.id, lambda: end.closed, replaces=replaces))
        return asyncio.shield(task)

    def give_back(self, publisher_id: str) -> None:
        """End a publisher's claim; one that has claimed nothing is fine."""
        held = self._claims.pop(publisher_id, None)
        if held is not None and self.holding.forget(held):
            self._do(self.holding.release(held))

    def fetches(self, path: str) -> bool:
        """Return whether this node is the one to fetch the source of a path."""
        return self._sources.holds(path)

    def resolves(self, path: str) -> bool:  # noqa: ARG002 - each node's own hook
        """Ask the hook of this node, whose reader it is."""
        return True

    async def may_fetch(self, path: str) -> bool:
        """Claim a path for its source."""
        return await self._sources.claim(path)

    def pulls(self, path: str) -> bool:
        """Return whether the mount of a path is taken from another node."""
        return self.pulling.has(path)

    async def find(self, wanted: Wanted) -> Mount | None:
        """Bring a mount from the node that has it, or send the reader there.

        A reader waits for a path that is claimed and not filled yet, and for a source whose node
        begins or has died; another node never does. Raises Elsewhere, NotHere, SourceDown,
        SourceTooSlow.
        """
        if wanted.node is not None:
            return await self._find_for(wanted, wanted.node)
        return await patiently(wanted.path, lambda looks: self._look_for(wanted, looks))

    async def send_on(self, wanted: Wanted, *, is_here: bool) -> None:
        """Send a reader elsewhere where that is to be. Raises Elsewhere.

        `is_here`: the mount is here, or at another worker of this machine.
        """
        if self.settings.mode is ReaderWay.PULL or wanted.stays:
            return
        if is_here:
            self._send_away(wanted)
            return
        lease = await self._lease_of(wanted.path)
        if lease is None:
            return
        is_own = lease.tenure.holder == self.name
        self._send_away(wanted, "" if is_own else lease.tenure.holder)
        if not is_own:
            self._send_elsewhere(wanted, lease)

    async def is_elsewhere(self, path: str, *, ready: bool) -> bool:
        """Return whether another node has a path; `ready`: and fills it, asked anew."""
        lease = await self._lease_of(path, anew=ready)
        if lease is None or lease.tenure.holder == self.name:
            return False
        return lease.ready or not ready

    # -- what the relay tells

    def publisher_started(self, mount: ObservedMount, publisher: Publisher) -> None:
        """Tell that the path is filled; claim it now where that was not done before."""
        if self.pulling.is_pulled(mount.path, publisher):
            return
        held = self._claims.get(publisher.id) or self._sources.held(mount.path)
        if held is not None:
            self._do(self.holding.mark_ready(held))
        else:
            self._do(self._claim_late(mount.path, publisher.id))

    def publisher_stopped(self, mount: ObservedMount, publisher: Publisher, reason: str) -> None:  # noqa: ARG002
        """End the publisher's claim, and send the nodes away that pull by it."""
        if self.pulling.is_pulled(mount.path, publisher):
            return
        held = self._claims.get(publisher.id)
        if held is None:
            # A source, or who has lost the path: another node may have it.
            self._relay.loop.call_soon(self.look_again, mount.path)
            return
        self.give_back(publisher.id)
        self.send_nodes_away(mount.path)

    def send_nodes_away(self, path: str) -> None:
        """End the readers of a path that are other nodes: they look who has it now."""
        present = self._relay.mounts.get(path)
        for reader in () if present is None else present.readers:
            end = self._relay.ends.get(reader.id) if reader.is_relay else None
            if end is not None and end.kind is EndKind.NODE:
                self._relay.loop.call_soon(self._relay.send_away, end, "publisher left")

    # -- what the registry tells

    def hear(self, news: News) -> None:
        """Take news of a path, which are hints: what is done about them asks the registry again."""
        self._directory.hear(news)
        tenure = news.tenure
        match news.change:
            case Change.UP | Change.READY if tenure.holder != self.name:
                held = self.holding.of(tenure.path)
                if held is not None and held.tenure.epoch < tenure.epoch:
                    self._do(self._look_at(held))
                elif news.change is Change.READY and self.pulling.has(tenure.path):
                    self.pulling.publisher_up(tenure)
                elif news.change is Change.READY:
                    self.look_again(tenure.path)
            case Change.WAY if tenure.holder == self.name:
                self._do(self._make_way(tenure.path))
            case _:
                pass

    def look_at_all(self) -> None:
        """Look who has the paths that readers here wait for: news may have been missed."""
        self._directory.forget_all()
        for mount in self._relay.mounts:
            if mount.publisher is None:
                self.look_again(mount.path)

    async def check_pulls(self, most: int) -> None:
        """See whether what is pulled is still held by whom it is pulled from. Raises RegistryGone.

        Of more than `most` the rest waits for the next time: news tell of most changes at once.
        """
        tenures = self.pulling.tenures()
        first = self._checked_pulls if self._checked_pulls < len(tenures) else 0
        some = tenures[first : first + most]
        self._checked_pulls = first + len(some)
        # Together: they go in few pipelines, and a beat must not wait for each.
        leases = await asyncio.gather(*(self._directory.find(tenure.path) for tenure in some))
        for tenure, lease in zip(some, leases, strict=True):
            if lease is not None and lease.ready and lease.tenure.epoch > tenure.epoch:
                self.pulling.publisher_up(lease.tenure)

    def lost(self, held: Held, reason: str) -> None:
        """End whoever fills a path that another node has now."""
        tenure = held.tenure
        logger.warning("lease lost", extra={"mount": tenure.path, "cause": reason})
        for publisher_id, own in tuple(self._claims.items()):
            if own is held:
                del self._claims[publisher_id]
                self._relay.close_by_id(publisher_id, reason)
        self._sources.lost(held)
        # The news that another has it may have come while the path was still filled here.
        self.look_again(tenure.path)

    async def aclose(self) -> None:
        """Pull nothing more, and wait for what is under way, but not for ever."""
        self.pulling.stop()
        await until_ended(lambda: [*self._tasks, *self.pulling.ending], _CLOSE_DEADLINE_S)

    # -- its own

    async def _claim(
        self, path: str, publisher_id: str, is_gone: Callable[[], bool], *, replaces: bool
    ) -> None:
        if self._sources.drains:
            raise MountBusy("this node drains; publish to another one")
        held = await self.holding.claim(path, replaces=replaces)
        if is_gone():
            if self.holding.forget(held):
                await self.holding.release(held)
            raise MountBusy(f"the publisher of {path} is gone")
        self._claims[publisher_id] = held
        self.pulling.leave(path)

    async def _claim_late(self, path: str, publisher_id: str) -> None:
        """Claim for a publisher that could not wait for it, such as one of a program."""

        def is_gone() -> bool:
            return not self._relay.mounts.is_filled_by(path, publisher_id)

        try:
            await self._claim(path, publisher_id, is_gone, replaces=False)
        except MountBusy as error:
            self._relay.close_by_id(publisher_id, str(error))
        else:
            await self.holding.mark_ready(self._claims[publisher_id])

    async def _look_at(self, held: Held) -> None:
        """Give up a path where the registry says that another node has it by a later claim."""
        try:
            lease = await self._directory.find(held.tenure.path, anew=True)
        except RegistryGone:
            return
        if lease is not None and lease.tenure.epoch > held.tenure.epoch:
            if lease.tenure.holder != self.name and self.holding.forget(held):
                self.lost(held, "another node has the path now")
            else:
                self.look_again(held.tenure.path)

    def _send_elsewhere(self, wanted: Wanted, lease: Lease) -> None:
        if not lease.ready or wanted.stays:
            return
        holder = self._nodes.all.get(lease.tenure.holder)
        url = self._redirects.url_for(self.settings.mode, wanted.request, lease, holder)
        if url is not None:
            raise Elsewhere(wanted.path, url)

    def _send_away(self, wanted: Wanted, holder: str = "") -> None:
        """Send a reader to another node where this one drains."""
        if not self._sources.drains or wanted.stays:
            return
        way, nodes = self.settings.mode, self._nodes.all
        url = self._redirects.url_away(way, wanted.request, wanted.path, nodes, holder)
        if url is not None:
            raise Elsewhere(wanted.path, url)

    async def _find_for(self, wanted: Wanted, ask: NodeAsk) -> Mount | None:
        """Return a mount that another node asks for; None where its source is to be started.

        It is never one that is pulled itself: one hop is all.
        """
        path = wanted.path
        if ask.epoch == FETCH:
            if not await self._sources.claim(path):
                raise NotHere(path)
            return None
        # The registry may have told the other node of a claim whose answer is on its way here.
        await self._sources.settled(path)
        held = self.holding.of(path)
        if held is None or held.tenure.epoch != ask.epoch:
            raise NotHere(path)
        mount = self._relay.mounts.get(path)
        if mount is not None and mount.publisher is not None and not self.pulling.has(path):
            return mount
        if self._sources.holds(path):
            return None
        raise NotHere(path)

    async def _look_for(self, wanted: Wanted, looks: int) -> Mount | Outlook | None:
        path = wanted.path
        present = self._relay.mounts.get(path)
        if present is not None:
            self._send_away(wanted)
            return present
        try:
            # A lease may have moved while it was being asked for; later, news tell of it.
            lease = await self._directory.find(path, anew=0 < looks < QUICK_LOOKS)
        except RegistryGone:
            return None
        if lease is None:
            return await self._fetched(wanted)
        if lease.tenure.holder == self.name:
            return None
        self._send_away(wanted, lease.tenure.holder)
        self._send_elsewhere(wanted, lease)
        mount = await self.pulling.bring(path, wanted)
        may_come = self._sources.knows(path) or not lease.ready or looks + 1 < QUICK_LOOKS
        return Outlook.COMING if mount is None and may_come else mount

    async def _fetched(self, wanted: Wanted) -> Mount | Outlook | None:
        """Have a source fetched by the node that is to do it; None where that is this one."""
        path = wanted.path
        chosen = self._sources.chosen(path) if self._sources.knows(path) else None
        if chosen is None:
            return None
        mount = None
        if chosen.name != self.name:
            mount = await self.pulling.bring(path, wanted)
        if mount is None and not await self._sources.claim(path):
            return Outlook.COMING
        return mount

    async def _lease_of(self, path: str, *, anew: bool = False) -> Lease | None:
        try:
            return await self._directory.find(path, anew=anew)
        except RegistryGone:
            return None

    def _do(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None and not isinstance(error, MountBusy | SourceDown):
            logger.error("work for the cluster failed", exc_info=error)
