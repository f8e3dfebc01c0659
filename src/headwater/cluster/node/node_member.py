"""A worker of a machine that is a node: a mount is looked for in the machine, then in the cluster.

All workers together are the node. What another node has is pulled by one of them, always the same
for a path, which has it as any publisher of the machine; the others take it over the bus.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace

from headwater.cluster.bus.sending import BUS_ID
from headwater.cluster.member import Member, Tell
from headwater.cluster.messages import ClusterNews, Hearing, RegistryTold, ToWorker
from headwater.cluster.node.asked_registry import AskedRegistry
from headwater.cluster.node.cluster_node import ClusterNode
from headwater.cluster.patience import QUICK_LOOKS
from headwater.cluster.registry.registry import RegistryGone
from headwater.cluster.settings import WorkerSettings
from headwater.media.mount import Mount
from headwater.media.observer import ObservedMount
from headwater.media.publisher import Publisher
from headwater.protocol.header.node_ask import FETCH, NodeAsk
from headwater.relay.end import End
from headwater.relay.errors import NotHere
from headwater.relay.finding import Wanted
from headwater.relay.relay import Relay


class NodeMember(Member):
    """The name space of a worker whose machine is a node of a cluster.

    A publisher claims its path in the machine, and then in the cluster. The claim of what is pulled
    from another node is of the machine alone, and yields to everybody who publishes here.
    """

    def __init__(
        self,
        name: str,
        relay: Relay,
        tell: Tell,
        settings: WorkerSettings,
        fetcher_of: Callable[[str], str],
        session_mark: str,
        node: ClusterNode,
        registry: AskedRegistry,
    ) -> None:
        super().__init__(name, relay, tell, settings, fetcher_of, session_mark)
        self._space = node.space
        self._space.look_again = self._look_again
        self._sources = node.sources
        self._sources.fetches = self._is_mine
        self._registry = registry

    # -- what the relay asks

    def claim(self, end: End, *, replaces: bool) -> Awaitable[None]:
        """Have the path for a publisher on all workers, and at all nodes."""
        return self._claim_everywhere(end, replaces=replaces)

    def give_back(self, publisher_id: str) -> None:
        """End a publisher's claims, and what others pull by them."""
        super().give_back(publisher_id)
        self._space.give_back(publisher_id)

    def fetches(self, path: str) -> bool:
        """Return whether this worker, of this node, is the one to fetch the source of a path."""
        return self._is_mine(path) and self._space.fetches(path)

    def resolves(self, path: str) -> bool:
        """Return whether this worker asks the hook for the source of a path: who would fetch it."""
        return self._is_mine(path)

    async def may_fetch(self, path: str) -> bool:
        """Claim a path for its source, where this is the worker to fetch it."""
        return self._is_mine(path) and await self._space.may_fetch(path)

    def pulls(self, path: str) -> bool:
        """Return whether the mount of a path is taken from another worker, or another node."""
        return super().pulls(path) or self._space.pulls(path)

    async def find(self, wanted: Wanted) -> Mount | None:
        """Bring a mount from the worker that has it, else from the node that has it.

        Raises Elsewhere, NotHere, SourceDown, SourceTooSlow.
        """
        if wanted.node is not None:
            return await self._find_for_node(wanted, wanted.node)
        present = self._relay.mounts.get(wanted.path)
        await self._space.send_on(wanted, is_here=present is not None)
        if present is not None:
            return present
        return await super().find(replace(wanted, stays=True))

    # -- what the relay tells

    def publisher_started(self, mount: ObservedMount, publisher: Publisher) -> None:
        """Tell that the path is filled; claim it now where that was not done before."""
        if publisher.id.startswith(BUS_ID):
            return
        if self._space.pulling.is_pulled(mount.path, publisher):
            self._do(self._claim_late(mount.path, publisher.id, yields=True))
        elif publisher.id in self._tenures:
            super().publisher_started(mount, publisher)
            self._space.publisher_started(mount, publisher)
        else:
            self._do(self._claim_late_everywhere(mount, publisher))

    def publisher_stopped(self, mount: ObservedMount, publisher: Publisher, reason: str) -> None:
        """End the publisher's claims, and send away who pulls by them."""
        self._space.publisher_stopped(mount, publisher, reason)
        super().publisher_stopped(mount, publisher, reason)
        is_kept = self._relay.reservations.is_kept(mount.path)
        if publisher.id.startswith(BUS_ID) and not is_kept:
            self._space.send_nodes_away(mount.path)

    # -- what the supervisor says

    def receive(self, message: ToWorker, sock: socket.socket | None) -> None:
        """Take what the supervisor says of paths, in the machine and in the cluster."""
        match message:
            case RegistryTold() | ClusterNews() | Hearing():
                self._registry.receive(message)
            case _:
                super().receive(message, sock)

    def supervisor_gone(self) -> None:
        """Wait for no answer any more, neither of the machine nor of the cluster."""
        super().supervisor_gone()
        self._registry.give_up()

    # -- claims

    async def _claim_everywhere(self, end: End, *, replaces: bool) -> None:
        await self._claim(end.id, end.path, lambda: end.closed, replaces=replaces)
        try:
            await self._space.claim(end, replaces=replaces)
        except BaseException:
            super().give_back(end.id)
            raise
        self.bus.leave(end.path)

    async def _claim_late_everywhere(self, mount: ObservedMount, publisher: Publisher) -> None:
        await self._claim_late(mount.path, publisher.id)
        if publisher.id in self._tenures:
            self._space.publisher_started(mount, publisher)

    def _leave_bus(self, path: str) -> None:
        """Do nothing yet: another node may have the path."""

    def _end_publisher(self, path: str, publisher_id: str, reason: str) -> None:
        super()._end_publisher(path, publisher_id, reason)
        mount = self._relay.mounts.get(path)
        publisher = None if mount is None else mount.publisher
        if publisher is not None and publisher.id == publisher_id:
            self._space.pulling.leave(path)

    # -- finding

    async def _brought(self, wanted: Wanted) -> Mount | None:
        mount = await super()._brought(wanted)
        if mount is None and wanted.node is None and self._is_mine(wanted.path):
            mount = await self._space.find(wanted)
            if mount is None:
                # Meanwhile another worker of this node may have got a publisher.
                mount = await super()._brought(wanted)
        return mount

    async def _is_awaited(self, path: str, looks: int) -> bool:
        if self._is_mine(path):
            return False
        if await super()._is_awaited(path, looks):
            return True
        # The worker that pulls it may have just begun, or ended.
        return looks + 1 < QUICK_LOOKS and await self._space.is_elsewhere(path, ready=False)

    def _is_mine(self, path: str) -> bool:
        return self._fetcher_of(path) == self.name

    def _look_again(self, path: str) -> None:
        pulls = self._space.pulling if self._is_mine(path) else self.bus
        pulls.look_again(path)

    async def _can_be_fetched(self, path: str, wanted: Wanted | None) -> bool:
        if self._is_mine(path):
            return False
        if await super()._can_be_fetched(path, wanted):
            return True
        return await self._space.is_elsewhere(path, ready=wanted is None)

    async def _fetched(self, path: str, wanted: Wanted | None) -> Mount | None:
        if wanted is not None:
            return await super()._fetched(path, wanted)
        mount = self._relay.mounts.get(path)
        if mount is None or mount.publisher is None:
            mount = await self._space.pulling.bring(path)
        return mount

    async def _find_for_node(self, wanted: Wanted, ask: NodeAsk) -> Mount | None:
        """Return a mount that another node asks for; None where its source is to be started here.

        It is never one that is pulled from another node: one hop is all.
        """
        path, fetches = wanted.path, ask.epoch == FETCH
        if self._space.holding.of(path) is not None or (fetches and self._is_mine(path)):
            return await self._space.find(wanted)
        if not fetches and await self._epoch_of(path) != ask.epoch:
            raise NotHere(path)
        mount = await self._brought(wanted)
        if mount is None or mount.publisher is None:
            raise NotHere(path)
        if fetches and await self._epoch_of(path) is None:
            raise NotHere(path)
        return mount

    async def _epoch_of(self, path: str) -> int | None:
        """Return by which epoch the node holds a path; None as well where nobody can say."""
        try:
            return await self._registry.epoch_of(path)
        except RegistryGone:
            return None
