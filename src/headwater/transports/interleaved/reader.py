"""A reader whose packets leave as `$` frames on its RTSP connection.

A server serves a peer by it, which asked for the channels (`add_track`). A client sends by it to a
server: it reserves channels, offers them, and agrees to those that the server chose
(`sending_offers`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from headwater.media.readers.reader import Reader
from headwater.media.readers.slow_reader import SlowReaderGate
from headwater.media.settings import MountSettings
from headwater.media.tracks.packet_batch import PacketBatch
from headwater.media.tracks.track import Track
from headwater.net.event_loop import EventLoop
from headwater.net.stream import ByteStream
from headwater.protocol.header.transport import TransportSpec
from headwater.protocol.rtcp_build import bye
from headwater.transports.interleaved.channels import (
    ChannelConsumer,
    ChannelTable,
    exchange_pair,
    give_back,
    take_pair,
)
from headwater.transports.interleaved.lane import InterleavedLaneTable
from headwater.transports.interleaved.outlet import InterleavedOutlet
from headwater.transports.offers.negotiation import Offer
from headwater.transports.offers.offer_answers import interleaved_answer
from headwater.transports.queue_budget import QueueBudget
from headwater.transports.session_media import SessionIdentity
from headwater.transports.session_reader import SessionReader
from headwater.transports.settings import TransportKind


class InterleavedReader(SessionReader):
    """Writes the batches of its tracks into one TCP (or TLS) stream."""

    needs_pacing = False

    def __init__(
        self,
        identity: SessionIdentity,
        loop: EventLoop,
        stream: ByteStream,
        channels: ChannelTable,
        settings: MountSettings,
        on_too_slow: Callable[[Reader], None],
        budget: QueueBudget,
        lanes: InterleavedLaneTable,
    ) -> None:
        super().__init__(identity, TransportKind.TCP, on_too_slow)
        self._loop = loop
        self._stream = stream
        self._channels = channels
        self._settings = settings
        self._budget = budget
        self._lanes = lanes
        self._outlets: dict[int, InterleavedOutlet] = {}
        # RTCP packets that were left out on ways it has no more.
        self._former_rtcp_drops = 0
        self._tracks: dict[int, Track] = {}
        stream.count_queue_in(budget.queued)

    @property
    def _deliveries(self) -> Mapping[int, InterleavedOutlet]:
        return self._outlets

    @property
    def queued_bytes(self) -> int:
        """Bytes of the connection that the kernel has not taken yet."""
        return self._stream.queued_bytes

    @property
    def oldest_queued_s(self) -> float:
        """The age of the oldest of these bytes in seconds."""
        return self._stream.oldest_queued_s(self._loop.time())

    @property
    def dropped_rtcp_packets(self) -> int:
        """RTCP packets that were left out because the connection did not keep up."""
        now = sum(outlet.dropped_rtcp_packets for outlet in self._outlets.values())
        return self._former_rtcp_drops + now

    def add_track(self, index: int, track: Track, offer: Offer) -> TransportSpec:
        """Take a channel pair for the track, and say which in the answer."""
        pair = self.reserve(index, track, offer.spec.interleaved)
        return interleaved_answer(offer, pair, track.ssrc)

    def reserve(
        self, index: int, track: Track, wanted: tuple[int, int] | None = None
    ) -> tuple[int, int]:
        """Take a channel pair for the track: the wanted one where it is free.

        Raises ProtocolError 453 when all are taken.
        """
        self.remove_track(index)
        gate = SlowReaderGate(self._settings, has_key_frames=track.has_key_frames)
        outlet = InterleavedOutlet(self, self._stream, gate, self._budget)
        outlet.use(
            take_pair(
                self._channels,
                wanted,
                ChannelConsumer(lambda _packets, _frames: self.identity.on_life()),
                ChannelConsumer(
                    lambda packets, _frames: self._receive_rtcp(outlet, track, packets)
                ),
            )
        )
        self._outlets[index] = outlet
        self._tracks[index] = track
        return outlet.pair

    def agree(self, index: int, pair: tuple[int, int]) -> None:
        """Send a track that is reserved on the pair that the peer has chosen; before `join`.

        Raises ProtocolError, and changes nothing, when another track has one of these channels.
        """
        outlet = self._outlets[index]
        exchange_pair(self._channels, outlet.pair, pair)
        outlet.use(pair)

    def remove_track(self, index: int) -> None:
        """Stop one track and free its channels."""
        outlet = self._outlets.pop(index, None)
        if outlet is not None:
            self._lanes.leave(self._tracks.pop(index), outlet)
            self.offered.end(index)
            self._keep_drops(outlet)
            self._former_rtcp_drops += outlet.dropped_rtcp_packets
            give_back(self._channels, outlet.pair)

    def join(self, track_index: int, track: Track) -> None:
        """Begin live delivery."""
        self._lanes.join(track, self._outlets[track_index])
        self.offered.begin(track_index, track)

    def leave(self, track_index: int, track: Track) -> None:
        """End live delivery."""
        outlet = self._outlets.get(track_index)
        if outlet is not None:
            self._lanes.leave(track, outlet)
            self.offered.end(track_index)

    def send_batch(self, track_index: int, batch: PacketBatch) -> None:
        """Send a cached batch."""
        outlet = self._outlets.get(track_index)
        if outlet is not None:
            self.offered.add(batch)
            outlet.send_batch(batch)

    def send_rtcp(self, track_index: int, batch: PacketBatch) -> None:
        """Send compound RTCP packets of the publisher."""
        outlet = self._outlets.get(track_index)
        if outlet is not None:
            outlet.send_rtcp(batch)

    def say_bye(self, reason: str) -> None:
        """Send RTCP BYE behind the last frames."""
        for index, outlet in self._outlets.items():
            ssrc = self._tracks[index].ssrc
            if ssrc is not None:
                outlet.send_rtcp(PacketBatch([bye([ssrc], reason)], self._loop.time()))

    def fail(self, error: Exception) -> None:
        """End the session after an error in its delivery."""
        # Later, since a fan-out may be going through its outlets right now.
        self._loop.call_soon(self.identity.on_close, f"delivery failed: {error}")

    def _receive_rtcp(self, outlet: InterleavedOutlet, track: Track, packets: list[bytes]) -> None:
        self.identity.on_life()
        for packet in packets:
            outlet.reports.receive(packet, track)
