"""What configurations and first frames say of a track: AAC, AV1, VP8, VP9."""

from __future__ import annotations

from collections.abc import Callable

from fuzz.target import Target
from headwater.codecs.aac.adts import adts_config, adts_header_bytes
from headwater.codecs.aac.config import AacConfig
from headwater.codecs.aac.latm import StreamMuxConfig
from headwater.codecs.av1.config import Av1Config
from headwater.codecs.bits import BitReader
from headwater.codecs.configs import TrackConfig
from headwater.codecs.vp8.config import Vp8Config
from headwater.codecs.vp9.config import Vp9Config


def of_adts(text: bytes) -> AacConfig:
    if not adts_header_bytes(text):
        raise ValueError("no ADTS")
    return adts_config(text)


def of_latm(text: bytes) -> AacConfig:
    audio = StreamMuxConfig.read(BitReader(text)).audio
    if audio.channels:
        again = StreamMuxConfig.read(BitReader(StreamMuxConfig.content_for(audio)))
        assert again.audio.specific.startswith(audio.specific[:2])
        assert (again.frames, again.other_bits) == (1, 0)
    return audio


READERS: tuple[Callable[[bytes], TrackConfig], ...] = (
    AacConfig.parse,
    of_adts,
    of_latm,
    Av1Config.parse,
    Vp8Config.of_key_frame,
    Vp9Config.of_key_frame,
)


def run(data: bytes) -> None:
    if len(data) < 2:
        return
    try:
        config = READERS[data[0] % len(READERS)](data[1:])
    except ValueError as error:
        assert str(error)
        return
    if isinstance(config, AacConfig):
        assert 0 < config.sample_rate_hz < 1 << 24
        assert 0 <= config.channels <= 8
        assert config.frame_samples in (480, 512, 960, 1024)
    elif isinstance(config, Av1Config | Vp8Config | Vp9Config):
        assert 0 <= config.width <= 1 << 16
        assert 0 <= config.height <= 1 << 16


TARGET = Target(
    invariant="any configuration is read, or refused with a reason, and its numbers are possible",
    run=run,
    words=(
        b"\x11\x90",
        b"\x2b\x92\x08\0",
        b"\xff\xf1\x4c\x40",
        b"\x40\0\x24\x20\x3f\xc0",
        b"\x0a\x0b\0\0\0",
        b"\x9d\x01\x2a",
        b"\x82\x49\x83\x42",
    ),
    max_bytes=200,
)
