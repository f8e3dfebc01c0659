"""AAC to Opus, on a thread of its own: what no browser plays by WebRTC to what all of them do."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import av
import numpy as np
from av import AudioCodecContext, AudioResampler, CodecContext, Packet

from headwater.codecs.aac.config import AacConfig
from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.opus import CLOCK_RATE_HZ
from headwater.libav.encoding.encode_thread import EncodeThread
from headwater.libav.encoding.sound_encoder import SoundEncoder
from headwater.libav.encoding.wishes import SoundCodec, SoundWishes

_CHANNELS: Final = 2
_WISHES: Final = SoundWishes(SoundCodec.OPUS, CLOCK_RATE_HZ, _CHANNELS, 96_000)
_MOST_WAITING: Final = 64
"""Frames of AAC: more than a second."""
_MOST_APART: Final = CLOCK_RATE_HZ // 10
"""Time goes on by what was made, unless the publisher's clock is further from it than this."""


class OpusTranscoder:
    """Takes frames of AAC and gives access units of Opus, whose timestamps are of 48,000 Hz.

    `on_unit` is called on the loop by way of `call_soon_threadsafe`.
    """

    def __init__(
        self,
        on_unit: Callable[[AccessUnit], None],
        call_soon_threadsafe: Callable[[Callable[[], None]], object],
    ) -> None:
        self._on_unit = on_unit
        self._call_soon = call_soon_threadsafe
        self._thread = EncodeThread(
            self._work, most_waiting=_MOST_WAITING, name="opus for browsers"
        )
        self._config: AacConfig | None = None
        self._decoder: AudioCodecContext | None = None
        self._resampler: AudioResampler | None = None
        self._encoder: SoundEncoder | None = None
        self._position: int | None = None

    def put(self, frame: bytes, config: object, position: int) -> None:
        """Have a frame transcoded; what is set up otherwise than AAC is left out.

        `position` is its time in samples of 48,000 Hz, which does not wrap.
        """
        if isinstance(config, AacConfig):
            self._thread.put((frame, config, position))

    def close(self) -> None:
        """Make nothing more; a second call does nothing."""
        self._thread.stop()

    # -- on the thread

    def _work(self, given: tuple[bytes, AacConfig, int]) -> None:
        frame, config, position = given
        decoder, resampler, encoder = self._set_up(config)
        if self._position is None or abs(position - self._position) > _MOST_APART:
            self._position = position
        try:
            decoded = decoder.decode(Packet(frame))
        except av.FFmpegError:
            # One that is damaged; the next can be whole.
            return
        for sound in decoded:
            sound.pts = None
            for part in resampler.resample(sound):
                samples = part.to_ndarray().reshape(-1, _CHANNELS).astype(np.float32, copy=False)
                for _, made in encoder.encode(samples, self._position):
                    self._call_soon(partial(self._on_unit, made))
                self._position += len(samples)

    def _set_up(self, config: AacConfig) -> tuple[AudioCodecContext, AudioResampler, SoundEncoder]:
        if self._decoder is None or self._resampler is None or self._config != config:
            self._decoder = CodecContext.create("aac", "r")
            self._decoder.extradata = config.specific
            self._resampler = AudioResampler("flt", "stereo", CLOCK_RATE_HZ)
            self._config = config
        if self._encoder is None:
            self._encoder = SoundEncoder(_WISHES)
        return self._decoder, self._resampler, self._encoder
