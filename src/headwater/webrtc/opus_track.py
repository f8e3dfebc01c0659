"""A track whose sound no browser plays by WebRTC, as Opus: made while somebody hears it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, Protocol

from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.depacketizer import Depacketizer
from headwater.codecs.depacketizers import TrackFormat, depacketizer_for
from headwater.codecs.opus import CLOCK_RATE_HZ
from headwater.media.tracks.packet_batch import PacketBatch
from headwater.media.tracks.timeline import signed_32
from headwater.media.tracks.track import Track
from headwater.webrtc.view_batch import ViewBatch
from headwater.webrtc.view_track import ViewTrack

TRANSCODED: Final = frozenset({"MPEG4-GENERIC", "MP4A-LATM"})
"""Encodings of AAC."""


class Transcoder(Protocol):
    """Makes Opus of another codec, somewhere else than on the loop."""

    def put(self, frame: bytes, config: object, position: int) -> None:
        """Take a frame, what its decoder is set up with, and its time in samples of 48,000 Hz."""

    def close(self) -> None:
        """Make nothing more."""


MakeTranscoder = Callable[[Callable[[AccessUnit], None]], Transcoder]
"""Returns a transcoder; the function is called on the loop with what it makes."""


class OpusTrack(ViewTrack):
    """Gives nothing at once: what is made is delivered when it is there."""

    def __init__(
        self,
        track: Track,
        depacketizer: Depacketizer[object],
        make: MakeTranscoder,
        deliver: Callable[[Sequence[ViewBatch]], None],
    ) -> None:
        """`deliver` takes what was made, later than the packets that it was made of."""
        super().__init__(track.index, "audio", "OPUS", track, depacketizer)
        self.clock_rate_hz = CLOCK_RATE_HZ
        self._rate_hz = TrackFormat.of(track.media).clock_rate_hz
        self._make = make
        self._deliver = deliver
        self._transcoder: Transcoder | None = None
        self._listeners = 0
        # The newest timestamp that came, without wrapping.
        self._last_came: int | None = None

    @classmethod
    def for_track(
        cls,
        track: Track,
        make: MakeTranscoder,
        deliver: Callable[[Sequence[ViewBatch]], None],
    ) -> OpusTrack | None:
        """Return a view of a track; None where nothing transcodes its codec."""
        if track.media.encoding not in TRANSCODED:
            return None
        depacketizer = depacketizer_for(track.media)
        return None if depacketizer is None else cls(track, depacketizer, make, deliver)

    def listen(self) -> None:
        """Count one who hears it; the first has it made."""
        self._listeners += 1
        if self._transcoder is None:
            self._transcoder = self._make(self._made)

    def unlisten(self) -> None:
        """Forget one who was counted; with the last it ends."""
        self._listeners -= 1
        if self._listeners == 0 and self._transcoder is not None:
            self._transcoder.close()
            self._transcoder = None

    def batches_of(self, batch: PacketBatch) -> Iterator[ViewBatch]:
        """Have the packets transcoded; yield nothing."""
        transcoder = self._transcoder
        if transcoder is not None:
            for unit in self.units_of(batch):
                self._last_came = at = self._unwrapped(unit.timestamp)
                position = at * CLOCK_RATE_HZ // self._rate_hz
                transcoder.put(unit.units[0], self._depacketizer.config, position)
        return iter(())

    def rtp_time_of(self, timestamp: int) -> int:
        """Return the time of a timestamp of the publisher, by the clock of Opus."""
        return self._unwrapped(timestamp) * CLOCK_RATE_HZ // self._rate_hz & 0xFFFFFFFF

    def _unwrapped(self, timestamp: int) -> int:
        at = self._last_came
        return timestamp if at is None else at + signed_32(timestamp - at)

    def _made(self, unit: AccessUnit) -> None:
        if self._transcoder is not None:
            packets = self._packetizer.packets(unit)
            self._deliver(list(self._cut(packets, begins_key_frame=False)))
