"""Sample entries of sound: what a decoder is set up with (ISO/IEC 14496-12 §12.2.3)."""

from struct import Struct

from headwater.codecs.aac.config import AacConfig
from headwater.codecs.flac import FlacConfig
from headwater.codecs.mp4.boxes import box, descriptor, full_box
from headwater.codecs.opus import OpusConfig

_AUDIO = Struct(">6xH8xHH4xI")
_BITS = 16
# ISO/IEC 14496-1 §7.2.6: descriptors, and what they say of MPEG-4 audio.
_STREAM, _DECODER, _SPECIFIC, _SYNC = 3, 4, 5, 6
_MPEG_4_AUDIO, _AUDIO_STREAM = 0x40, 0x15
_MP4_SYNC = b"\2"


def aac_entry(config: AacConfig) -> bytes:
    """Return `mp4a` (ISO/IEC 14496-14 §5.6)."""
    decoder = descriptor(
        _DECODER,
        # No size of a buffer, no bit rates: nobody knows them of live sound.
        bytes((_MPEG_4_AUDIO, _AUDIO_STREAM)) + bytes(11),
        descriptor(_SPECIFIC, config.specific),
    )
    stream = descriptor(_STREAM, bytes(3), decoder, descriptor(_SYNC, _MP4_SYNC))
    # A program config element tells the channels where the configuration does not.
    channels = config.channels or 2
    return _audio(b"mp4a", channels, config.sample_rate_hz, full_box(b"esds", 0, 0, stream))


def opus_entry(config: OpusConfig) -> bytes:
    """Return `Opus` (Encapsulation of Opus in ISOBMFF §4.3).

    Nothing is skipped at the start: who joins a stream that goes on has no encoder's delay there.
    """
    rate = config.sample_rate_hz.to_bytes(4, "big")
    record = bytes((0, config.channels, 0, 0)) + rate + bytes(3)
    return _audio(b"Opus", config.channels, config.sample_rate_hz, box(b"dOps", record))


def flac_entry(config: FlacConfig) -> bytes:
    """Return `fLaC` (Encapsulation of FLAC in ISO Base Media File Format §3.3)."""
    record = full_box(b"dfLa", 0, 0, config.stream_info)
    return _audio(b"fLaC", config.channels, config.sample_rate_hz, record)


def _audio(kind: bytes, channels: int, rate_hz: int, record: bytes) -> bytes:
    # 16 bits before the point: rates above stand in the record alone.
    rate = rate_hz << 16 if rate_hz < 1 << 16 else 0
    return box(kind, _AUDIO.pack(1, channels, _BITS, rate), record)
