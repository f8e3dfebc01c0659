"""What a program may wish of frames that it publishes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from headwater.libav.decoding.wishes import MOST_PIXELS
from headwater.libav.encoding.array_frame import PICTURE_FORMATS

K = TypeVar("K", bound=StrEnum)

AUTO = "auto"
MOST_FPS = 480.0
_BITS_PER_PIXEL = 0.1
"""What a picture with movement needs to look well, in H.264."""
_H265_SHARE = 0.6
"""H.265 needs about so much of H.264's bit rate."""
_LEAST_BIT_RATE_BPS = 100_000
_SOUND_BITS_PER_CHANNEL = 48_000


class VideoCodec(StrEnum):
    """How pictures are coded."""

    H264 = "h264"
    """What every player knows."""
    H265 = "h265"
    """Smaller, for more work; many browsers do not know it."""


class SoundCodec(StrEnum):
    """How sound is coded."""

    OPUS = "opus"
    """What browsers know, with little delay."""
    AAC = "aac"
    """What old players and recorders know."""
    PCMA = "pcma"
    """G.711 A-law: a telephone's."""
    PCMU = "pcmu"
    """G.711 µ-law: a telephone's."""


SAMPLE_RATES_HZ = {
    SoundCodec.OPUS: (48_000, 24_000, 16_000, 12_000, 8_000),
    SoundCodec.AAC: (48_000, 44_100, 32_000, 24_000, 22_050, 16_000),
    SoundCodec.PCMA: (8_000,),
    SoundCodec.PCMU: (8_000,),
}
"""Of the samples that a program gives, the usual one first."""


class Latency(StrEnum):
    """What the encoder may wait for."""

    LOW = "low"
    """Nothing: each picture leaves as soon as it is coded."""
    BALANCED = "balanced"
    """Some pictures to come, up to half a second: they look better for the same bit rate."""


@dataclass(frozen=True, slots=True)
class VideoWishes:
    """How pictures are published.

    Attributes:
        width: of every picture, in pixels; even.
        height: of every picture, in pixels; even.
        fps: about how many pictures come in a second; each has a time of its own all the same.
        pixel_format: of the arrays, by libav's name.
        codec: how they are coded.
        encoder: libav's name of the encoder; `auto` takes the first that works.
        bit_rate_bps: of the stream, about.
        key_frame_interval_s: the longest time between two key frames.
        latency: what the encoder may wait for.
    """

    width: int
    height: int
    fps: float
    pixel_format: str
    codec: VideoCodec
    encoder: str
    bit_rate_bps: int
    key_frame_interval_s: float
    latency: Latency


@dataclass(frozen=True, slots=True)
class SoundWishes:
    """How sound is published.

    Attributes:
        codec: how it is coded.
        sample_rate_hz: of the samples that the program gives.
        channels: 1 or 2.
        bit_rate_bps: of the stream, about; G.711 always has 64,000.
    """

    codec: SoundCodec
    sample_rate_hz: int
    channels: int
    bit_rate_bps: int


@dataclass(frozen=True, slots=True)
class PublishWishes:
    """What is published: pictures, sound, or both.

    Attributes:
        video: None for sound alone.
        sound: None for pictures alone.
        user_agent: what logs and status call the publisher.
    """

    video: VideoWishes | None
    sound: SoundWishes | None
    user_agent: str


def publish_wishes_of(
    *,
    size: tuple[int, int] | None = None,
    fps: float = 25.0,
    format: str = "bgr24",  # noqa: A002 - the program's name for it
    codec: str = "h264",
    encoder: str = AUTO,
    bit_rate_bps: int | None = None,
    key_frame_interval_s: float = 2.0,
    latency: str = "low",
    audio: str | None = None,
    sample_rate_hz: int | None = None,
    channels: int = 1,
    audio_bit_rate_bps: int | None = None,
    user_agent: str = "",
) -> PublishWishes:
    """Return the wishes of a program's arguments. Raises ValueError for those without sense."""
    if size is None and audio is None:
        raise ValueError("give `size`, the width and height of the pictures, or `audio`, or both")
    video = None
    if size is not None:
        width, height = _checked_size(size)
        if not 0 < fps <= MOST_FPS:
            raise ValueError(f"fps is more than 0 and at most {MOST_FPS:g}, not {fps}")
        if not key_frame_interval_s > 0:
            raise ValueError(f"key_frame_interval_s is more than 0, not {key_frame_interval_s}")
        if format not in PICTURE_FORMATS:
            known = ", ".join(PICTURE_FORMATS)
            raise ValueError(f"arrays of pictures have a format of {known}, not {format!r}")
        coded_as = _one_of(VideoCodec, codec, "codec")
        share = _H265_SHARE if coded_as is VideoCodec.H265 else 1.0
        usual_bps = round(width * height * fps * _BITS_PER_PIXEL * share)
        video = VideoWishes(
            width=width,
            height=height,
            fps=fps,
            pixel_format=format,
            codec=coded_as,
            encoder=encoder,
            bit_rate_bps=_bit_rate(bit_rate_bps, max(usual_bps, _LEAST_BIT_RATE_BPS)),
            key_frame_interval_s=key_frame_interval_s,
            latency=_one_of(Latency, latency, "latency"),
        )
    sound = None
    if audio is not None:
        heard_as = _one_of(SoundCodec, audio, "audio")
        rates_hz = SAMPLE_RATES_HZ[heard_as]
        rate_hz = rates_hz[0] if sample_rate_hz is None else sample_rate_hz
        if rate_hz not in rates_hz:
            known = ", ".join(map(str, rates_hz))
            raise ValueError(f"sample_rate_hz of {heard_as} is {known}, not {rate_hz}")
        most_channels = 1 if len(rates_hz) == 1 else 2
        if not 1 <= channels <= most_channels:
            raise ValueError(f"channels of {heard_as} are 1 to {most_channels}, not {channels}")
        usual_bps = _SOUND_BITS_PER_CHANNEL * channels
        sound = SoundWishes(heard_as, rate_hz, channels, _bit_rate(audio_bit_rate_bps, usual_bps))
    return PublishWishes(video, sound, user_agent)


def _checked_size(size: tuple[int, int]) -> tuple[int, int]:
    width, height = size
    for pixels in (width, height):
        # Chroma has a sample for two pixels: encoders take no odd number.
        if not 16 <= pixels <= MOST_PIXELS or pixels % 2:
            raise ValueError(
                f"width and height are even numbers from 16 to {MOST_PIXELS}, not {pixels}"
            )
    return width, height


def _bit_rate(wished_bps: int | None, usual_bps: int) -> int:
    if wished_bps is None:
        return usual_bps
    if wished_bps < 1_000:
        raise ValueError(f"a bit rate is in bits a second, 1000 at least, not {wished_bps}")
    return wished_bps


def _one_of(kinds: type[K], name: str, argument: str) -> K:
    try:
        return kinds(name)
    except ValueError:
        known = ", ".join(kinds)
        raise ValueError(f"{argument} is one of {known}, not {name!r}") from None
