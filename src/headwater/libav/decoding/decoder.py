"""Access units to pictures or sound by libav, one after another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Protocol, cast

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
from headwater.libav.decoding.coded_unit import CodedUnit

_START_CODE = b"\0\0\0\1"
_MOST_UNITS_INSIDE = 64
"""Access units that a decoder may hold at one time: those of the deepest reordering are 16."""
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


class UnitDecoder(Protocol):
    """What decodes the access units of one track, in order, from one thread."""

    def decode(self, coded: CodedUnit) -> Sequence[tuple[Decoded, CodedUnit]]:
        """Return what came out, each with what it was decoded from; waits for it."""


class Decoder:
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
            av.FFmpegError: libav has no such decoder or device.
        """
        name = _LAWS[config.law] if isinstance(config, G711Config) else _NAMES[type(config)]
        hardware = None if device is None else HWAccel(device, allow_software_fallback=True)
        context = CodecContext.create(name, "r", hwaccel=hardware)
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
        self._inside: dict[int, CodedUnit] = {}
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
        inside[coded.position] = coded
        if len(inside) > _MOST_UNITS_INSIDE:
            del inside[next(iter(inside))]
        try:
            frames = self._context.decode(packet)
        except av.FFmpegError:
            self.broken_units += 1
            return ()
        return [(frame, self._unit_of(frame.pts, coded)) for frame in frames]

    def _unit_of(self, position: int | None, last: CodedUnit) -> CodedUnit:
        if position is None:
            return last
        return self._inside.pop(position, last)
