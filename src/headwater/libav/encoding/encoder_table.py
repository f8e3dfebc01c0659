"""Which of libav's encoders may code pictures, and how each is told to be quick."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from headwater.libav.encoding.wishes import Latency, VideoCodec

Options = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class EncoderKind:
    """One of libav's encoders.

    Attributes:
        name: libav's.
        pixel_format: what it takes.
        always: its options.
        low: more of them where nothing may be waited for.
        balanced: more of them where some pictures may be.
    """

    name: str
    pixel_format: str = "yuv420p"
    always: Options = field(default_factory=dict)
    low: Options = field(default_factory=dict)
    balanced: Options = field(default_factory=dict)

    def options(self, latency: Latency) -> dict[str, str]:
        """Return what libav is told."""
        return {**self.always, **(self.low if latency is Latency.LOW else self.balanced)}


def _nvenc(name: str) -> EncoderKind:
    return EncoderKind(
        name,
        always={"forced-idr": "1", "rc": "cbr"},
        low={"preset": "p2", "tune": "ull", "zerolatency": "1", "delay": "0"},
        balanced={"preset": "p4", "tune": "ll", "rc-lookahead": "8"},
    )


def _videotoolbox(name: str) -> EncoderKind:
    return EncoderKind(name, always={"allow_sw": "0"}, low={"realtime": "1", "prio_speed": "1"})


def _qsv(name: str) -> EncoderKind:
    return EncoderKind(
        name,
        "nv12",
        always={"forced_idr": "1"},
        low={"async_depth": "1", "preset": "veryfast"},
        balanced={"async_depth": "4", "preset": "medium"},
    )


def _amf(name: str) -> EncoderKind:
    return EncoderKind(
        name,
        "nv12",
        always={"forced_idr": "1"},
        low={"usage": "ultralowlatency", "quality": "speed"},
        balanced={"usage": "lowlatency", "quality": "balanced"},
    )


_X264 = EncoderKind(
    "libx264",
    always={"forced-idr": "1"},
    low={"preset": "veryfast", "tune": "zerolatency"},
    balanced={"preset": "veryfast", "rc-lookahead": "8"},
)
_X265 = EncoderKind(
    "libx265",
    always={"forced-idr": "1", "x265-params": "log-level=error:repeat-headers=1"},
    low={"preset": "ultrafast", "tune": "zerolatency"},
    balanced={"preset": "veryfast"},
)

ENCODERS: Mapping[VideoCodec, Sequence[EncoderKind]] = {
    VideoCodec.H264: (
        _nvenc("h264_nvenc"),
        _videotoolbox("h264_videotoolbox"),
        _qsv("h264_qsv"),
        _amf("h264_amf"),
        EncoderKind("h264_v4l2m2m"),
        _X264,
        EncoderKind("libopenh264", always={"allow_skip_frames": "0"}),
        EncoderKind("h264_mf", "nv12", low={"scenario": "live_streaming"}),
    ),
    VideoCodec.H265: (
        _nvenc("hevc_nvenc"),
        _videotoolbox("hevc_videotoolbox"),
        _qsv("hevc_qsv"),
        _amf("hevc_amf"),
        EncoderKind("hevc_v4l2m2m"),
        _X265,
        EncoderKind("hevc_mf", "nv12", low={"scenario": "live_streaming"}),
    ),
}
"""In the order in which they are tried: what a graphics card or camera chip does comes first."""


def kinds_for(codec: VideoCodec, wished: str) -> Sequence[EncoderKind]:
    """Return the encoders to try: the one that is wished for, or all with `auto`.

    Raises:
        ValueError: the encoder is none of this codec.
    """
    kinds = ENCODERS[codec]
    if wished == "auto":
        return kinds
    named = [kind for kind in kinds if kind.name == wished]
    if not named:
        known = ", ".join(kind.name for kind in kinds)
        raise ValueError(f"encoder is auto or one of {known} for {codec}, not {wished!r}")
    return named
