"""A mount of a client's own, for a program that runs no server: what is played or recorded by it.

It is the same data plane as a server's: packets pass through it in batches.
"""

from __future__ import annotations

from collections.abc import Sequence

from headwater.client.surroundings import Surroundings
from headwater.media.clock import Timer
from headwater.media.mount import Mount
from headwater.media.mount_table import MountTable
from headwater.media.publisher import Publisher
from headwater.media.settings import MountSettings
from headwater.media.tracks.track import Track
from headwater.protocol.sdp import SessionDescription
from headwater.relay.reports import Reports
from headwater.transports.ingest_publisher import IngestPublisher

_LOOK_S = 1.0
_REPORT_INTERVAL_S = 5.0
"""RFC 3550 §6.2; some cameras end a session that brings no receiver report for longer."""

# Nothing is kept for readers who come later, and whoever plays sees for himself when it is silent.
_SETTINGS = MountSettings(publisher_idle_timeout_s=0, grace_s=0, gop_cache_max_bytes=0)


class OwnMount:
    """One mount, with the reports that belong to it. A `Sink` of what is played.

    Attributes:
        mount: the mount; None before it has a publisher, and once it is closed.
    """

    def __init__(self, around: Surroundings, *, settings: MountSettings = _SETTINGS) -> None:
        loop = around.loop
        self.mount: Mount | None = None
        self._loop = loop
        self._table = MountTable(
            clock=loop.time,
            call_later=loop.call_later,
            settings=settings,
            participant=around.participant,
        )
        self._reports = Reports(self._table, around.participant, _REPORT_INTERVAL_S)
        self._timer: Timer | None = None

    def open(self, presentation: SessionDescription, publisher: Publisher) -> Mount:
        """Give the mount to a publisher."""
        self.mount = self._table.open("/", presentation, publisher)
        if self._timer is None:
            self._look_later()
        return self.mount

    def begin(
        self, presentation: SessionDescription, publisher: IngestPublisher
    ) -> Sequence[Track]:
        """Take in a publisher that a server feeds."""
        return self.open(presentation, publisher).tracks

    def end(self, publisher: IngestPublisher, reason: str) -> None:
        """Let go of it; the mount closes, and its reader reads what waits."""
        if self.mount is not None:
            self.mount.publisher_left(publisher, reason)
        self.close(reason)

    def close(self, reason: str) -> None:
        """Close the mount; a second call does nothing."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        mount, self.mount = self.mount, None
        if mount is not None:
            mount.close(reason)

    def _look_later(self) -> None:
        self._timer = self._loop.call_later(_LOOK_S, self._look)

    def _look(self) -> None:
        self._look_later()
        now = self._loop.time()
        self._table.check(now)
        self._reports.send_to_publishers(now)
        self._reports.send_to_readers(now)
