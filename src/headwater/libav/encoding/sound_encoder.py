"""Samples to access units by libav: each holds one frame of the codec."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import av
import numpy as np
from av import AudioCodecContext, AudioFrame, CodecContext
from numpy.typing import NDArray

from headwater.codecs.aac.config import AacConfig
from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.configs import SoundConfig
from headwater.codecs.g711 import G711Config
from headwater.codecs.opus import CLOCK_RATE_HZ as OPUS_CLOCK_RATE_HZ
from headwater.codecs.opus import OpusConfig
from headwater.libav.encoding.errors import EncoderMissing
from headwater.libav.encoding.video_encoder import Coded
from headwater.libav.encoding.wishes import SoundCodec, SoundWishes

_G711_FRAMES_A_SECOND = 50


@dataclass(frozen=True, slots=True)
class _Kind:
    """libav's encoder, the samples that it takes, and its options."""

    name: str
    sample_format: str
    options: dict[str, str]


_KINDS = {
    SoundCodec.OPUS: _Kind("libopus", "flt", {"application": "lowdelay"}),
    SoundCodec.AAC: _Kind("aac", "fltp", {}),
    SoundCodec.PCMA: _Kind("pcm_alaw", "s16", {}),
    SoundCodec.PCMU: _Kind("pcm_mulaw", "s16", {}),
}


class SoundEncoder:
    """Codes samples of one track, in order.

    Attributes:
        config: what a decoder of them is set up with.
        clock_rate_hz: of the track.
    """

    def __init__(self, wishes: SoundWishes) -> None:
        """Open an encoder. Raises EncoderMissing where libav has none."""
        kind = _KINDS[wishes.codec]
        try:
            context = cast("AudioCodecContext", CodecContext.create(kind.name, "w"))
            context.sample_rate = wishes.sample_rate_hz
            context.format = kind.sample_format
            context.layout = "stereo" if wishes.channels == 2 else "mono"
            context.time_base = Fraction(1, wishes.sample_rate_hz)
            context.bit_rate = wishes.bit_rate_bps
            context.options = dict(kind.options)
            context.open()
        except (av.FFmpegError, ValueError) as error:
            raise EncoderMissing(
                f"libav's encoder {kind.name} for {wishes.codec} cannot be used here: {error}."
                " Choose another codec of sound, or PyAV's own wheel"
            ) from error
        self._context = context
        self._kind = kind
        self._rate_hz = wishes.sample_rate_hz
        self._channels = wishes.channels
        self._frame_samples = context.frame_size or wishes.sample_rate_hz // _G711_FRAMES_A_SECOND
        self._left = np.empty((0, wishes.channels), np.float32)
        self._position = 0
        self.config = _config_of(wishes, context.extradata or b"")
        is_opus = wishes.codec is SoundCodec.OPUS
        self.clock_rate_hz = OPUS_CLOCK_RATE_HZ if is_opus else wishes.sample_rate_hz

    def encode(self, samples: NDArray[np.float32], position: int) -> Sequence[Coded]:
        """Take the next samples; return what is done. What fills no frame waits for the next.

        Args:
            samples: `(samples, channels)` from -1 to 1.
            position: of the first one, in samples; where it is not the next one, what waits is
                dropped, and time goes on there.
        """
        if position != self._position + len(self._left):
            self._left = self._left[:0]
            self._position = position
        waiting = np.concatenate((self._left, samples))
        coded: list[Coded] = []
        size = self._frame_samples
        whole = len(waiting) - len(waiting) % size
        for at in range(0, whole, size):
            coded += self._encode_frame(waiting[at : at + size])
        self._left = waiting[whole:]
        return coded

    def _encode_frame(self, samples: NDArray[np.float32]) -> list[Coded]:
        frame = AudioFrame.from_ndarray(
            self._laid_out(samples),
            format=self._kind.sample_format,
            layout="stereo" if self._channels == 2 else "mono",
        )
        frame.sample_rate = self._rate_hz
        frame.time_base = Fraction(1, self._rate_hz)
        frame.pts = self._position
        self._position += len(samples)
        coded = []
        for packet in self._context.encode(frame):
            position = (packet.pts or 0) * self.clock_rate_hz // self._rate_hz
            coded.append((position, AccessUnit(position & 0xFFFFFFFF, (bytes(packet),))))
        return coded

    def _laid_out(self, samples: NDArray[np.float32]) -> NDArray[np.float32] | NDArray[np.int16]:
        match self._kind.sample_format:
            case "fltp":
                return np.ascontiguousarray(samples.T)
            case "s16":
                return np.round(samples.reshape(1, -1) * 32_767.0).astype(np.int16)
            case _:
                return np.ascontiguousarray(samples.reshape(1, -1))


def _config_of(wishes: SoundWishes, extradata: bytes) -> SoundConfig:
    match wishes.codec:
        case SoundCodec.OPUS:
            return OpusConfig()
        case SoundCodec.AAC:
            return AacConfig.parse(extradata)
        case SoundCodec.PCMA | SoundCodec.PCMU as law:
            return G711Config(law.upper())
