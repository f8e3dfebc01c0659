"""Access units to pictures or sound by libav, one after another."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import cast

import av
from av import AudioCodecContext, AudioFrame, CodecContext, Packet, VideoCodecContext, VideoFrame
from av.codec.hwaccel import HWAccel

from headwater.codecs.aac.config import AacConfig
from headwater.codecs.av1.config import Av1Config
from headwater.codecs.configs import TrackConfig
from headwater.codecs.flac import FlacConfig
from headwater.codecs.g711 import G711Config
from headwater.codecs.h264.parameters import H264Config
from headwater.codecs.h265.parameters import H265Config
from headwater.codecs.mjpeg.config import MjpegConfig
from headwater.codecs.opus import OpusConfig
from headwater.codecs.vp8.config import Vp8Config
from headwater.codecs.vp9.config import Vp9Config
from headwater.libav.decoding.coded_unit import CodedUnit, UnitsInside
from headwater.log_pace import paced_logger

logger = paced_logger(__name__)

_START_CODE = b"\0\0\0\1"
_NAMES: Mapping[type[TrackConfig], str] = {
    H264Config: "h264",
    H265Config: "hevc",
    Av1Config: "libdav1d",
    Vp8Config: "vp8",
    Vp9Config: "vp9",
    MjpegConfig: "mjpeg",
    AacConfig: "aac",
    OpusConfig: "opus",
    FlacConfig: "flac",
}
"""libav's decoders by what sets them up; G.711 has two."""
_LAWS = {"PCMU": "pcm_mulaw", "PCMA": "pcm_alaw"}

Decoded = VideoFrame | AudioFrame


class UnitDecoder(ABC):
    """What decodes the access units of one track, in order, from one thread."""

    @abstractmethod
    def decode(self, coded: CodedUnit) -> Sequence[tuple[Decoded, CodedUnit]]:
        """Return what came out, each with what it was decoded from; waits for it."""

    def open(self) -> None:  # noqa: B027 - most can decode at once
        """Wait until it can decode; called once, before all else."""

    def interrupt(self) -> None:  # noqa: B027 - most cannot be
        """End what `open` or `decode` waits for, where that can be; called by other threads."""

    def close(self) -> None:  # noqa: B027 - most have nothing to free
        """Free what it has; called once, after all else."""


class Decoder(UnitDecoder):
    """Decodes one track with libav. Broken input is counted, and the next key frame goes on.

    One thread decodes: with several for whole pictures libav gives each of them late, and with
    three and more it never returns (PyAV 18 and 19).

    Attributes:
        broken_units: access units that libav could not read.
    """

    def __init__(
        self, config: TrackConfig, clock_rate_hz: int, *, device: str | None = None
    ) -> None:
        """Open a decoder.

        Args:
            config: what the depacketizer knows of the codec.
            clock_rate_hz: of the track.
            device: libav's name of what decodes in hardware, such as `cuda` or `vaapi`; where that
                fails the processor does it.

        Raises:
            av.FFmpegError: libav has no such decoder.
        """
        name = _LAWS[config.law] if isinstance(config, G711Config) else _NAMES[type(config)]
        context = _context_of(name, device)
        context.thread_type = "NONE"
        context.thread_count = 1
        if isinstance(config, AacConfig):
            context.extradata = config.specific
        if isinstance(context, AudioCodecContext) and not isinstance(config, AacConfig):
            context.sample_rate = config.sample_rate_hz  # type: ignore[union-attr]
            context.layout = "stereo" if config.channels == 2 else "mono"  # type: ignore[union-attr]
        self._context = cast("VideoCodecContext | AudioCodecContext", context)
        self._has_start_codes = isinstance(config, H264Config | H265Config)
        self._clock_rate_hz = clock_rate_hz
        self._inside = UnitsInside()
        self.broken_units = 0

    def decode(self, coded: CodedUnit) -> Sequence[tuple[Decoded, CodedUnit]]:
        """Take the next access unit; return what came out, with what each was decoded from."""
        units = coded.unit.units
        if self._has_start_codes:
            units = tuple([part for unit in units for part in (_START_CODE, unit)])
        packet = Packet(b"".join(units))
        packet.pts = coded.position
        packet.time_base = Fraction(1, self._clock_rate_hz)
        inside = self._inside
        inside.add(coded)
        try:
            frames = self._context.decode(packet)
        except av.FFmpegError:
            self.broken_units += 1
            return ()
        return [(frame, inside.take(frame.pts, coded)) for frame in frames]


def _context_of(name: str, device: str | None) -> CodecContext:
    """Return a decoder that works in hardware, or one of the processor where there is none."""
    if device is not None:
        try:
            # Without a driver or a card libav refuses to make one, whatever the fall back.
            hardware = HWAccel(device, allow_software_fallback=True)
            return CodecContext.create(name, "r", hwaccel=hardware)
        except (av.FFmpegError, OSError, RuntimeError) as error:
            extra = {"device": device, "cause": error}
            logger.warning("a device cannot decode here, the processor does", extra=extra)
    return CodecContext.create(name, "r")
