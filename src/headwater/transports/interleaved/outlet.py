"""One track's way into one RTSP connection."""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable
from functools import lru_cache, partial

from headwater.media.readers.slow_reader import SlowReaderGate
from headwater.media.tracks.fan_out import Outlet
from headwater.media.tracks.packet_batch import FRAMES_KEYS, PacketBatch
from headwater.net.stream import ByteStream
from headwater.protocol.interleaved import frame_interleaved, frame_run
from headwater.transports.delivery_owner import DeliveryOwner
from headwater.transports.queue_budget import QueueBudget
from headwater.transports.reader_reports import ReaderReports


class InterleavedOutlet(Outlet):
    """Writes a track's batches as `$` frames, or what the gate leaves of them.

    Attributes:
        stream: the connection.
        budget: what may be queued for all readers together.
        gate: what it may send while the connection does not keep up.
        reports: what the reader said of it.
        pair: its RTP and RTCP channels.
        dropped_rtcp_packets: compound RTCP packets that it left out because it lagged behind.
    """

    __slots__ = (
        "_frames",
        "_key",
        "_owner",
        "budget",
        "dropped_rtcp_packets",
        "gate",
        "pair",
        "reports",
        "stream",
    )

    def __init__(
        self, owner: DeliveryOwner, stream: ByteStream, gate: SlowReaderGate, budget: QueueBudget
    ) -> None:
        self._owner = owner
        self.budget = budget
        self.stream = stream
        self.gate = gate
        self.reports = ReaderReports()
        self.dropped_rtcp_packets = 0
        self.use((0, 1))

    def use(self, pair: tuple[int, int]) -> None:
        """Send on these channels from now on."""
        self.pair = pair
        self._key, self._frames = framing(pair[0])

    def send_batch(self, batch: PacketBatch) -> None:
        """Write the batch's frames, which all readers on this channel share; or what the gate
        leaves of it while the connection does not keep up."""
        stream = self.stream
        now = batch.arrived_s
        queued_bytes = stream.queued_bytes
        age_s = 0.0
        if queued_bytes:
            age_s = stream.oldest_queued_s(now)
            if self.budget.spent:
                # Over its own bound too, whatever that is: the gate leaves out what it may.
                self.budget.refusals += 1
                queued_bytes = sys.maxsize
        admitted = self.gate.admit(batch, queued_bytes, age_s, now)
        if admitted is None:
            if self.gate.expired:
                self._owner.expire()
            return
        stream.write(admitted.shared(self._key, self._frames))

    @property
    def direct_send(self) -> Callable[[bytes], int] | None:
        """What sends a whole batch just as `send_batch` would; None while that has more to do."""
        path = self.stream.direct
        return None if path is None or self.gate.slow else path.send

    @property
    def dropped(self) -> tuple[int, int]:
        """Packets and bytes that the gate left out."""
        return self.gate.dropped_packets, self.gate.dropped_bytes

    def send_rtcp(self, batch: PacketBatch) -> None:
        """Write the packets' frames, shared by all readers on this channel.

        A connection that lags behind does without them: the next report says more than these.
        """
        stream = self.stream
        queued_bytes = stream.queued_bytes
        age_s = stream.oldest_queued_s(batch.arrived_s) if queued_bytes else 0.0
        over_budget = queued_bytes > 0 and self.budget.spent
        self.budget.refusals += over_budget
        if over_budget or not self.gate.takes_rtcp(queued_bytes, age_s):
            self.dropped_rtcp_packets += len(batch.packets)
            return
        stream.write(batch.shared(FRAMES_KEYS[self.pair[1]], self._framed_rtcp))

    def outlet_failed(self, error: Exception) -> None:
        """End the session: its delivery broke."""
        self._owner.fail(error)

    def _framed_rtcp(self, batch: PacketBatch) -> bytes:
        return frame_interleaved(self.pair[1], batch.packets)


@lru_cache(maxsize=256)
def framing(channel: int) -> tuple[Hashable, Callable[[PacketBatch], bytes]]:
    """Return under which key a batch keeps its frames for a channel, and what makes them.

    All readers have the same two objects: there are thousands of them, and few channels.
    """
    return FRAMES_KEYS[channel], partial(_frames_of, channel)


def _frames_of(channel: int, batch: PacketBatch) -> bytes:
    run = batch.joined
    if run is None or not batch.segment_bytes:
        return frame_interleaved(channel, batch.packets)
    return frame_run(channel, run, batch.segment_bytes)
