"""What a program gives, track by track: encoded on a thread, handed on as packets."""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic, TypeVar

import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

from headwater.codecs.payloaders import PAYLOADERS
from headwater.libav.encoding.array_frame import picture_of, samples_of
from headwater.libav.encoding.encode_thread import EncodeThread
from headwater.libav.encoding.encoder_choice import first_that_works
from headwater.libav.encoding.encoder_table import EncoderKind
from headwater.libav.encoding.packet_track import Outgoing, PacketTrack
from headwater.libav.encoding.presentation import DescribedTrack, sound_track, video_track
from headwater.libav.encoding.sound_encoder import SoundEncoder
from headwater.libav.encoding.stream_clock import PictureClock, SoundClock
from headwater.libav.encoding.video_encoder import CLOCK_RATE_HZ, Coded, VideoEncoder
from headwater.libav.encoding.wishes import SoundWishes, VideoWishes

Send = Callable[[Sequence[Outgoing]], None]
"""Called in a track's thread with what is to be sent."""

_ONE_PICTURE = 1
"""The newest picture waits for the encoder, and no other."""
_MOST_SOUND = 100
"""Pieces of sound that wait: some seconds."""
_FLUSH_S = 2.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Given(Generic[T]):
    """What a program gave, and when.

    Attributes:
        media: the picture, or the sound.
        given_s: when it was given, by the monotonic clock.
        wall_s: when it was taken, in seconds since 1970.
        told: whether the program said when it was taken.
    """

    media: T
    given_s: float
    wall_s: float
    told: bool


class GivenTrack(ABC, Generic[T]):
    """One track that a program fills, from any thread.

    Attributes:
        thread: what encodes it.
    """

    def __init__(self, name: str, most_waiting: int) -> None:
        self.thread: EncodeThread[Given[T]] = EncodeThread(
            self._encode, most_waiting=most_waiting, name=name
        )
        self._send: Send | None = None
        self._packets: PacketTrack | None = None

    @abstractmethod
    def open(self) -> DescribedTrack:
        """Find an encoder; return how the track is described. Raises EncoderMissing."""

    def begin(self, index: int, described: DescribedTrack, cname: str, send: Send) -> None:
        """Hand packets on from now on, as those of the track with this index."""
        self._send = send
        self._packets = PacketTrack(
            index,
            PAYLOADERS[described.encoding],
            payload_type=described.payload_type,
            clock_rate_hz=int(described.rtpmap.split("/")[1]),
            cname=cname,
        )

    async def finish(self) -> None:
        """Hand on what waits, and take nothing more."""
        await self.thread.finish(self._flush, _FLUSH_S)

    @abstractmethod
    def _encode(self, given: Given[T]) -> None:
        """Encode and hand on; called in the thread."""

    @abstractmethod
    def _flush(self) -> None:
        """Hand on what is inside the encoder; called in the thread."""

    def _hand_on(self, coded: Sequence[Coded]) -> None:
        assert self._packets is not None  # noqa: S101 - begun before anything is given
        assert self._send is not None  # noqa: S101
        parts = self._packets.outgoing(coded)
        if parts:
            self._send(parts)


class PictureTrack(GivenTrack[VideoFrame]):
    """Pictures of one size.

    Attributes:
        wishes: what the program wants.
        kind: the encoder that was chosen; None before `open`.
    """

    def __init__(self, wishes: VideoWishes, name: str) -> None:
        super().__init__(name, _ONE_PICTURE)
        self.wishes = wishes
        self.kind: EncoderKind | None = None
        self._encoder: VideoEncoder | None = None
        self._clock = PictureClock(CLOCK_RATE_HZ, _by_chance())
        self._key_frame_wanted = False

    def open(self) -> DescribedTrack:
        """Find an encoder that works on this machine."""
        self.kind, config = first_that_works(self.wishes)
        return video_track(self.wishes.codec, config)

    def want_key_frame(self) -> None:
        """Have the next picture coded without others."""
        self._key_frame_wanted = True

    def give(self, picture: object, taken: datetime | None) -> None:
        """Have a picture encoded; raises ValueError for one that does not fit."""
        wishes = self.wishes
        if taken is None:
            taken = getattr(picture, "wallclock", None)
        video = picture_of(picture, wishes.width, wishes.height, wishes.pixel_format)
        self.thread.put(_given(video, taken, 0.0))

    def _encode(self, given: Given[VideoFrame]) -> None:
        assert self.kind is not None  # noqa: S101 - opened before
        assert self._packets is not None  # noqa: S101
        try:
            if self._encoder is None:
                self._encoder = VideoEncoder(self.kind, self.wishes)
            wanted, self._key_frame_wanted = self._key_frame_wanted, False
            placed = self._clock.place(given.given_s, given.wall_s, told=given.told)
            self._packets.note(placed)
            coded = self._encoder.encode(given.media, placed.position, key_frame=wanted)
        except Exception:
            self._encoder = None
            raise
        self._hand_on(coded)

    def _flush(self) -> None:
        if self._encoder is not None:
            self._hand_on(self._encoder.flush())


class SoundTrack(GivenTrack[NDArray[np.float32]]):
    """Samples of one rate."""

    def __init__(self, wishes: SoundWishes, name: str) -> None:
        super().__init__(name, _MOST_SOUND)
        self.wishes = wishes
        self._encoder: SoundEncoder | None = None
        self._clock = SoundClock(wishes.sample_rate_hz, _by_chance())

    def open(self) -> DescribedTrack:
        """Make an encoder."""
        self._encoder = SoundEncoder(self.wishes)
        return sound_track(self.wishes, self._encoder.config)

    def give(self, samples: object, taken: datetime | None) -> None:
        """Have samples encoded; raises ValueError for those that do not fit."""
        if taken is None:
            taken = getattr(samples, "wallclock", None)
        array = samples_of(samples, self.wishes.channels)
        self.thread.put(_given(array, taken, len(array) / self.wishes.sample_rate_hz))

    def _encode(self, given: Given[NDArray[np.float32]]) -> None:
        encoder = self._encoder
        assert encoder is not None  # noqa: S101 - opened before
        assert self._packets is not None  # noqa: S101
        placed = self._clock.place(given.given_s, len(given.media), given.wall_s, told=given.told)
        position = placed.position * encoder.clock_rate_hz // self.wishes.sample_rate_hz
        self._packets.note(replace(placed, position=position))
        self._hand_on(encoder.encode(given.media, placed.position))

    def _flush(self) -> None:
        """Leave what fills no frame: it is some milliseconds."""


def _given(media: T, taken: datetime | None, lasted_s: float) -> Given[T]:
    given_s = time.monotonic()
    if taken is None:
        return Given(media, given_s, time.time() - lasted_s, told=False)
    if taken.tzinfo is None:
        raise ValueError(f"wallclock needs a time zone, as datetime.now(UTC) has: {taken}")
    return Given(media, given_s, taken.timestamp(), told=True)


def _by_chance() -> int:
    """Return a first time stamp (RFC 3550 §5.1: it is by chance)."""
    return int.from_bytes(os.urandom(4), "big")
