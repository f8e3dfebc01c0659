"""A reader whose packets leave as `$` frames on its RTSP connection."""

from __future__ import annotations

import sys
from asyncio import AbstractEventLoop
from collections.abc import Callable, Sequence
from typing import TypeVar

from headwater.media.fan_out import Outlet
from headwater.media.packet_batch import PacketBatch
from headwater.media.reader import Reader
from headwater.media.settings import MountSettings
from headwater.media.slow_reader import SlowReaderGate
from headwater.media.track import Track
from headwater.net.stream import ByteStream
from headwater.protocol.header.transport import LowerTransport, TransportSpec
from headwater.protocol.interleaved import frame_interleaved
from headwater.protocol.rtcp_build import bye
from headwater.transports.channels import ChannelTable, give_back, take_pair
from headwater.transports.negotiation import Offer
from headwater.transports.queue_budget import QueueBudget
from headwater.transports.reader_reports import ReaderReports
from headwater.transports.session_end import SessionIdentity
from headwater.transports.session_reader import SessionReader
from headwater.transports.settings import TransportKind

EndT = TypeVar("EndT")


class _InterleavedOutlet(Outlet):
    """One track's way into one connection."""

    __slots__ = (
        "_budget",
        "_channel",
        "_key",
        "_reader",
        "_rtcp_channel",
        "_stream",
        "gate",
        "pair",
        "reports",
    )

    def __init__(
        self,
        reader: InterleavedReader,
        stream: ByteStream,
        gate: SlowReaderGate,
    ) -> None:
        self._reader = reader
        self._budget = reader.budget
        self._stream = stream
        self.gate = gate
        self.reports = ReaderReports()
        self.pair = (0, 1)
        self._channel = 0
        self._rtcp_channel = 1
        self._key = ("$", 0)

    def use(self, pair: tuple[int, int]) -> None:
        """Send on these channels from now on."""
        self.pair = pair
        self._channel, self._rtcp_channel = pair
        self._key = ("$", self._channel)

    def send_batch(self, batch: PacketBatch) -> None:
        """Write the batch's frames, which all readers on this channel share; or what the gate
        leaves of it while the connection does not keep up."""
        stream = self._stream
        now = batch.arrived_s
        queued_bytes = stream.queued_bytes
        age_s = 0.0
        if queued_bytes:
            age_s = stream.oldest_queued_s(now)
            budget = self._budget
            if budget.queued.size_bytes > budget.most_bytes:
                # Over its own bound too, whatever that is: the gate leaves out what it may.
                budget.refusals += 1
                queued_bytes = sys.maxsize
        admitted = self.gate.admit(batch, queued_bytes, age_s, now)
        if admitted is None:
            if self.gate.expired:
                self._reader.expire()
            return
        stream.write(admitted.shared(self._key, self._framed))

    def send_rtcp(self, packet: bytes) -> None:
        """Write one frame; a connection that lags behind does without."""
        if not self.gate.slow:
            self._stream.write(frame_interleaved(self._rtcp_channel, [packet]))

    def outlet_failed(self, error: Exception) -> None:
        """End the session: its delivery broke."""
        self._reader.fail(error)

    def _framed(self, batch: PacketBatch) -> bytes:
        return frame_interleaved(self._channel, batch.packets)


class InterleavedReader(SessionReader):
    """Writes the batches of its tracks into one TCP (or TLS) stream."""

    needs_pacing = False

    def __init__(
        self,
        identity: SessionIdentity,
        loop: AbstractEventLoop,
        stream: ByteStream,
        channels: ChannelTable,
        settings: MountSettings,
        on_too_slow: Callable[[Reader], None],
        budget: QueueBudget,
    ) -> None:
        super().__init__(identity, TransportKind.TCP)
        self._loop = loop
        self._stream = stream
        self._channels = channels
        self._settings = settings
        self._on_too_slow = on_too_slow
        self.budget = budget
        self._outlets: dict[int, _InterleavedOutlet] = {}
        self._tracks: dict[int, Track] = {}
        self._ending = False
        # Packets and bytes that gates left out whose tracks it has no more.
        self._former_drops = (0, 0)

    @property
    def track_indexes(self) -> Sequence[int]:
        """The tracks that are set up."""
        return sorted(self._outlets)

    @property
    def queued_bytes(self) -> int:
        """Bytes of the connection that the kernel has not taken yet."""
        return self._stream.queued_bytes

    @property
    def oldest_queued_s(self) -> float:
        """The age of the oldest of these bytes in seconds."""
        return self._stream.oldest_queued_s(self._loop.time())

    @property
    def dropped_packets(self) -> int:
        """Packets that its gates left out."""
        return self._former_drops[0] + sum(
            outlet.gate.dropped_packets for outlet in self._outlets.values()
        )

    @property
    def dropped_bytes(self) -> int:
        """The same in bytes."""
        return self._former_drops[1] + sum(
            outlet.gate.dropped_bytes for outlet in self._outlets.values()
        )

    @property
    def reported_lost_packets(self) -> int:
        """Packets that the reader says it lost; over TCP it never loses any on the way."""
        return sum(outlet.reports.cumulative_lost for outlet in self._outlets.values())

    @property
    def reported_fraction_lost(self) -> float:
        """The share lost lately, of the track with the largest."""
        return max((outlet.reports.fraction_lost for outlet in self._outlets.values()), default=0.0)

    def add_track(self, index: int, track: Track, offer: Offer) -> TransportSpec:
        """Take a channel pair for the track."""
        self.remove_track(index)
        gate = SlowReaderGate(self._settings, has_key_frames=track.has_key_frames)
        outlet = _InterleavedOutlet(self, self._stream, gate)
        outlet.use(
            take_pair(
                self._channels,
                offer.spec.interleaved,
                lambda _packets: self.identity.on_life(),
                lambda packets: self._receive_rtcp(outlet, packets),
            )
        )
        self._outlets[index] = outlet
        self._tracks[index] = track
        return TransportSpec(
            profile=offer.spec.profile,
            lower=LowerTransport.TCP,
            unicast=True,
            interleaved=outlet.pair,
            ssrc=track.ssrc,
            mode=offer.spec.mode,
        )

    def remove_track(self, index: int) -> None:
        """Stop one track and free its channels."""
        outlet = self._outlets.pop(index, None)
        if outlet is not None:
            self._tracks.pop(index).fan_out.remove(outlet)
            packets, size_bytes = self._former_drops
            self._former_drops = (
                packets + outlet.gate.dropped_packets,
                size_bytes + outlet.gate.dropped_bytes,
            )
            give_back(self._channels, outlet.pair)

    def release(self) -> None:
        """Free every channel."""
        for index in tuple(self._outlets):
            self.remove_track(index)

    def join(self, track_index: int, track: Track) -> None:
        """Begin live delivery."""
        track.fan_out.add(self._outlets[track_index])

    def leave(self, track_index: int, track: Track) -> None:
        """End live delivery."""
        outlet = self._outlets.get(track_index)
        if outlet is not None:
            track.fan_out.remove(outlet)

    def send_batch(self, track_index: int, batch: PacketBatch) -> None:
        """Send a cached batch."""
        outlet = self._outlets.get(track_index)
        if outlet is not None:
            outlet.send_batch(batch)

    def send_rtcp(self, track_index: int, packet: bytes) -> None:
        """Send an RTCP packet of the publisher."""
        outlet = self._outlets.get(track_index)
        if outlet is not None:
            outlet.send_rtcp(packet)

    def say_bye(self, reason: str) -> None:
        """Send RTCP BYE behind the last frames."""
        for index, outlet in self._outlets.items():
            ssrc = self._tracks[index].ssrc
            if ssrc is not None:
                outlet.send_rtcp(bye([ssrc], reason))

    def expire(self) -> None:
        """Have a reader closed that was slow for too long; what waits for it is lost."""
        self._end_by(self._on_too_slow, self)

    def fail(self, error: Exception) -> None:
        """End the session after an error in its delivery."""
        self._end_by(self.identity.on_close, f"delivery failed: {error}")

    def _end_by(self, way: Callable[[EndT], None], argument: EndT) -> None:
        # Later, since a fan-out may be going through its outlets right now.
        if not self._ending:
            self._ending = True
            self._loop.call_soon(way, argument)

    def _receive_rtcp(self, outlet: _InterleavedOutlet, packets: list[bytes]) -> None:
        self.identity.on_life()
        for packet in packets:
            outlet.reports.receive(packet)
