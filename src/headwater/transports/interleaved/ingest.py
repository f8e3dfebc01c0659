"""A channel pair of an RTSP connection that feeds one track."""

from __future__ import annotations

from headwater.media.tracks.track import Track
from headwater.net.stream import ByteStream
from headwater.protocol.interleaved import frame_interleaved
from headwater.transports.ingest import Ingest
from headwater.transports.interleaved.channels import ChannelTable, dropped, give_back


class InterleavedIngest(Ingest):
    """Feeds a track from a pair of channels; frames that come before the start are dropped."""

    def __init__(self, stream: ByteStream, channels: ChannelTable, pair: tuple[int, int]) -> None:
        """Use a pair that is taken already; `close` gives it back."""
        self._stream = stream
        self._channels = channels
        self._pair: tuple[int, int] | None = pair

    def start(self, track: Track) -> None:
        """Let packets into the track: from here on each channel writes to it itself."""
        if self._pair is not None:
            rtp, rtcp = self._pair
            self._channels[rtp] = track.write
            self._channels[rtcp] = track.write_rtcp

    def stop(self) -> None:
        """Let no more packets in; the channels stay taken."""
        for channel in self._pair or ():
            self._channels[channel] = dropped

    def close(self) -> None:
        """Give back the channels."""
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
