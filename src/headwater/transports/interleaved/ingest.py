"""A channel pair of an RTSP connection that feeds one track."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from headwater.media.tracks.track import Track
from headwater.net.stream import ByteStream
from headwater.protocol.interleaved import frame_interleaved
from headwater.transports.ingest import Ingest
from headwater.transports.interleaved.channels import (
    DROPPED,
    ChannelConsumer,
    ChannelTable,
    give_back,
)

_MOST_EARLY_BYTES: Final = 1 << 20
"""A key frame of a large picture; whoever sends more before its PLAY is answered loses the rest."""


class InterleavedIngest(Ingest):
    """Feeds a track from a pair of channels.

    Frames that come before the start are dropped, but where their arrival is waited for.
    """

    def __init__(self, stream: ByteStream, channels: ChannelTable, pair: tuple[int, int]) -> None:
        """Use a pair that is taken already; `close` gives it back."""
        self._stream = stream
        self._channels = channels
        self._pair: tuple[int, int] | None = pair
        self._early: _EarlyFrames | None = None

    def start(self, track: Track) -> None:
        """Let packets into the track: from here on each channel writes to it itself."""
        if self._pair is None:
            return
        rtp, rtcp = self._pair
        self._channels[rtp] = ChannelConsumer(track.write, track.write_run)
        self._channels[rtcp] = ChannelConsumer(track.write_rtcp)
        self._stream.read_first()
        early, self._early = self._early, None
        if early is not None:
            early.write_to(track)

    def on_arrival(self, call: Callable[[], None]) -> None:
        """Keep from now on what comes before the start, and call once a packet of RTP has."""
        if self._pair is not None:
            rtp, rtcp = self._pair
            self._early = early = _EarlyFrames(call)
            self._channels[rtp] = ChannelConsumer(early.take)
            self._channels[rtcp] = ChannelConsumer(early.take_reports)

    def stop(self) -> None:
        """Let no more packets in; the channels stay taken."""
        self._early = None
        self._stream.read_in_turn()
        for channel in self._pair or ():
            self._channels[channel] = DROPPED

    def close(self) -> None:
        """Give back the channels."""
        self._early = None
        self._stream.read_in_turn()
        pair, self._pair = self._pair, None
        if pair is not None:
            give_back(self._channels, pair)

    def send_rtcp(self, packet: bytes) -> None:
        """Send an RTCP packet on the second channel.

        A peer that has not taken the last one does without: the next says more.
        """
        if self._pair is not None and not self._stream.queued_bytes:
            self._stream.write(frame_interleaved(self._pair[1], [packet]))

    def open_nat(self) -> None:
        """Do nothing: the connection is open already."""


class _EarlyFrames:
    """What comes on a pair of channels before the start, in its order, and no more than fits."""

    def __init__(self, on_first: Callable[[], None]) -> None:
        self._on_first: Callable[[], None] | None = on_first
        self._kept: list[tuple[bool, list[bytes]]] = []
        self._size_bytes = 0

    def take(self, packets: list[bytes], _frames: bytes | None = None) -> None:
        """Keep RTP."""
        self._keep(packets, are_reports=False)
        call, self._on_first = self._on_first, None
        if call is not None:
            call()

    def take_reports(self, packets: list[bytes], _frames: bytes | None = None) -> None:
        """Keep RTCP; some cameras send it before they answer PLAY (Reolink)."""
        self._keep(packets, are_reports=True)

    def write_to(self, track: Track) -> None:
        """Let all of it into the track."""
        for are_reports, packets in self._kept:
            if are_reports:
                track.write_rtcp(packets)
            else:
                track.write(packets)

    def _keep(self, packets: list[bytes], *, are_reports: bool) -> None:
        self._size_bytes += sum(map(len, packets))
        if self._size_bytes <= _MOST_EARLY_BYTES:
            self._kept.append((are_reports, packets))
