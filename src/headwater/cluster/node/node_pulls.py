"""What a node pulls from the other nodes of its cluster."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Protocol

from headwater.client.surroundings import Surroundings
from headwater.cluster.leases import Tenure
from headwater.cluster.node.directory import LeaseDirectory
from headwater.cluster.node.rtsp_pull import RtspPull, client_settings
from headwater.cluster.node.settings import ClusterSettings, node_url_refusal
from headwater.cluster.node.source_claims import SourceClaims
from headwater.cluster.pulls import OnEnded, Pulls
from headwater.cluster.registry.records import NodeRecord
from headwater.cluster.registry.registry import RegistryGone
from headwater.log_pace import paced_logger
from headwater.media.publisher import Publisher
from headwater.protocol.header.node_ask import FETCH
from headwater.relay.finding import Wanted
from headwater.relay.relay import Relay
from headwater.server.request_uri import encode_path
from headwater.shown_text import shown, url_without_credentials

logger = paced_logger(__name__)

_OPENING_DEADLINE_S: Final = 10.0
_MOST_IN_VAIN: Final = 1024
_TOLD_AGAIN_S: Final = 60.0
"""That a mount does not come is told so often, also where readers wait for it and it is tried
several times a second; of more paths than these, more often."""
_NOWHERE: Final = "rtsp://node.invalid"
"""Of a node that has ended since its lease was read: the pull ends at once (RFC 2606 §2)."""


class Nodes(Protocol):
    """The nodes of the cluster, as the last sign of life brought them."""

    @property
    def all(self) -> Mapping[str, NodeRecord]:
        """Those that live, by name."""


class NodePulls(Pulls):
    """Pulls by RTSP from the node that has a lease, or that is to fetch the source of a path.

    Attributes:
        ending: what is under way of pulls, also of those that have ended.
    """

    def __init__(
        self,
        name: str,
        relay: Relay,
        directory: LeaseDirectory,
        sources: SourceClaims,
        nodes: Nodes,
        settings: ClusterSettings,
        around: Surroundings,
    ) -> None:
        super().__init__(
            relay,
            self._holder_of,
            self._pull_from,
            linger_s=settings.linger_s,
            opening_deadline_s=_OPENING_DEADLINE_S,
        )
        self.name = name
        self.ending: set[asyncio.Task[None]] = set()
        self._directory = directory
        self._sources = sources
        self._nodes = nodes
        self._settings = settings
        self._around = around
        # By the node's name: where the lease says that it is reached, until the pull begins.
        self._lease_urls: dict[str, str] = {}
        # By path: by which claim pulls are in vain, and since when that is told.
        self._in_vain: OrderedDict[str, tuple[Tenure, float]] = OrderedDict()

    def is_pulled(self, path: str, publisher: Publisher) -> bool:
        """Return whether a publisher is a pull from another node."""
        pulled = self.of(path)
        return isinstance(pulled, RtspPull) and pulled.is_publisher(publisher)

    async def _holder_of(self, path: str, wanted: Wanted | None) -> Tenure | None:
        try:
            lease = await self._directory.find(path, anew=wanted is None)
        except RegistryGone:
            return None
        if lease is not None:
            if lease.tenure.holder == self.name or not (lease.ready or wanted is not None):
                return None
            self._lease_urls[lease.tenure.holder] = lease.url
            return lease.tenure
        chosen = self._sources.chosen(path) if wanted is not None else None
        if chosen is None or chosen.name == self.name:
            return None
        return Tenure(path, chosen.name, FETCH)

    def _pull_from(self, tenure: Tenure, wanted: Wanted | None, on_ended: OnEnded) -> RtspPull:
        node = self._nodes.all.get(tenure.holder)
        waits = wanted is not None or self._sources.knows(tenure.path)
        # A node may have come since this one's last sign of life.
        lease_url = self._lease_urls.pop(tenure.holder, "")
        url = lease_url or (_NOWHERE if node is None else node.url)
        if refusal := node_url_refusal(url):
            extra = {"node": shown(tenure.holder), "mount": tenure.path}
            cause = shown(url_without_credentials(url) + refusal)
            logger.error("the URL of a node cannot be used", extra={**extra, "cause": cause})
            url = _NOWHERE
        pull = RtspPull(
            self._relay,
            tenure,
            url.rstrip("/") + encode_path(tenure.path),
            self.name,
            client_settings(self._settings, waits=waits),
            self._around,
            on_ended,
            tried_before=self._tried_before(tenure),
        )
        self._keep(pull.done)
        pull.opened.add_done_callback(lambda _: self._forget_if_open(pull))
        if tenure.epoch == FETCH:
            pull.opened.add_done_callback(lambda _: self._learn(pull))
        return pull

    async def _learn_epoch(self, pull: RtspPull) -> None:
        """Note by which claim a mount comes that was fetched for this node."""
        try:
            lease = await self._directory.find(pull.tenure.path, anew=True)
        except RegistryGone:
            return
        if lease is not None and lease.tenure.holder == pull.tenure.holder:
            pull.tenure = replace(pull.tenure, epoch=lease.tenure.epoch)

    def _tried_before(self, tenure: Tenure) -> bool:
        """Note that a path is pulled; return whether that was in vain a short time ago."""
        now = self._relay.clock()
        before, told_s = self._in_vain.get(tenure.path, (None, now))
        if before == tenure and now - told_s < _TOLD_AGAIN_S:
            return True
        self._in_vain[tenure.path] = tenure, now
        self._in_vain.move_to_end(tenure.path)
        if len(self._in_vain) > _MOST_IN_VAIN:
            self._in_vain.popitem(last=False)
        return False

    def _forget_if_open(self, pull: RtspPull) -> None:
        if pull.began:
            self._in_vain.pop(pull.tenure.path, None)

    def _learn(self, pull: RtspPull) -> None:
        self._keep(self._relay.loop.beneath.create_task(self._learn_epoch(pull)))

    def _keep(self, task: asyncio.Task[None]) -> None:
        self.ending.add(task)
        task.add_done_callback(self.ending.discard)
