"""A publisher whose packets come as `$` frames on its RTSP connection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from headwater.media.track import Track
from headwater.net.stream import ByteStream
from headwater.protocol.header.transport import LowerTransport, TransportSpec
from headwater.protocol.interleaved import frame_interleaved
from headwater.transports.channels import ChannelTable, give_back, take_pair
from headwater.transports.negotiation import Offer
from headwater.transports.session_end import SessionIdentity
from headwater.transports.session_publisher import SessionPublisher
from headwater.transports.settings import TransportKind


class InterleavedPublisher(SessionPublisher):
    """Feeds tracks from channel pairs; frames that come before RECORD are dropped."""

    def __init__(
        self, identity: SessionIdentity, stream: ByteStream, channels: ChannelTable
    ) -> None:
        super().__init__(identity, TransportKind.TCP)
        self._stream = stream
        self._channels = channels
        self._pairs: dict[int, tuple[int, int]] = {}
        self._tracks: Sequence[Track] = ()

    @property
    def track_indexes(self) -> Sequence[int]:
        """The tracks that are set up."""
        return sorted(self._pairs)

    def add_track(self, index: int, offer: Offer) -> TransportSpec:
        """Take a channel pair for the track."""
        old = self._pairs.pop(index, None)
        if old is not None:
            give_back(self._channels, old)
        pair = take_pair(
            self._channels,
            offer.spec.interleaved,
            partial(self._receive_rtp, index),
            partial(self._receive_rtcp, index),
        )
        self._pairs[index] = pair
        return replace(
            TransportSpec(profile=offer.spec.profile, lower=LowerTransport.TCP),
            unicast=True,
            interleaved=pair,
            mode=offer.spec.mode,
        )

    def start(self, tracks: Sequence[Track]) -> None:
        """Let packets into the tracks: from here on each channel writes to its track itself."""
        self._tracks = tracks
        for index, (rtp, rtcp) in self._pairs.items():
            self._channels[rtp] = tracks[index].write
            self._channels[rtcp] = tracks[index].write_rtcp

    def stop(self) -> None:
        """Let no more packets in."""
        self._tracks = ()
        for index, (rtp, rtcp) in self._pairs.items():
            self._channels[rtp] = partial(self._receive_rtp, index)
            self._channels[rtcp] = partial(self._receive_rtcp, index)

    def release(self) -> None:
        """Give back every channel."""
        self._tracks = ()
        for pair in self._pairs.values():
            give_back(self._channels, pair)
        self._pairs.clear()

    def send_rtcp(self, track_index: int, packet: bytes) -> None:
        """Send an RTCP packet on the track's second channel.

        A publisher that has not taken the last one does without: the next says more.
        """
        pair = self._pairs.get(track_index)
        if pair is not None and not self._stream.queued_bytes:
            self._stream.write(frame_interleaved(pair[1], [packet]))

    def _receive_rtp(self, index: int, packets: list[bytes]) -> None:
        if self._tracks:
            self._tracks[index].write(packets)

    def _receive_rtcp(self, index: int, packets: list[bytes]) -> None:
        if self._tracks:
            self._tracks[index].write_rtcp(packets)
