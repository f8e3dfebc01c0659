"""How the frames of each codec stand in MP4: the entry that describes them, their name, bytes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from headwater.codecs.aac.config import AacConfig
from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.av1.config import Av1Config
from headwater.codecs.configs import TrackConfig
from headwater.codecs.flac import FlacConfig
from headwater.codecs.h264.parameters import H264Config
from headwater.codecs.h265.parameters import H265Config
from headwater.codecs.mp4 import codec_names as names
from headwater.codecs.mp4.sound_entries import aac_entry, flac_entry, opus_entry
from headwater.codecs.mp4.video_entries import av1_entry, avc_entry, hevc_entry, vp9_entry
from headwater.codecs.opus import OpusConfig
from headwater.codecs.vp9.config import Vp9Config
from headwater.codecs.vp9.payloads import superframe
from headwater.protocol.payload import h264, h265

_H264_SETS = bytes((byte & h264.TYPE_BITS) in (h264.SPS, h264.PPS) for byte in range(256))
_H265_SETS = bytes(h265.VPS <= h265.unit_type(byte) <= h265.PPS for byte in range(256))
_NO_SETS = bytes(256)
ENCODINGS = frozenset(
    ("H264", "H265", "HEVC", "AV1", "VP9", "MPEG4-GENERIC", "MP4A-LATM", "OPUS", "PCMA", "PCMU")
)
"""What SDP calls, in capitals, the codecs that MP4 has a place for, G.711 as FLAC."""
_MOST_PIXELS = 0xFFFF
"""Of a side, in 16 bits."""


@dataclass(frozen=True, slots=True)
class SampleEntry:
    """What an initialisation segment says of one track."""

    box: bytes
    name: str
    """As RFC 6381 has it, for MIME types."""
    parts: Callable[[AccessUnit], Sequence[bytes]]
    """Makes the bytes of a sample, in pieces."""
    width: int = 0
    height: int = 0
    """In pixels; 0 for sound."""

    @property
    def is_picture(self) -> bool:
        """Whether it is a picture, or else sound."""
        return bool(self.width)


def sample_entry(config: TrackConfig, *, in_band: bool = False) -> SampleEntry | None:
    """Return how a track with this configuration is written; None where MP4 has no place for it.

    So it is with MJPEG and VP8, which no browser plays in MP4, and with G.711 (see `FlacEncoder`).

    Args:
        config: what its decoder is set up with.
        in_band: H.264's parameter sets stand in front of key frames (`avc3`): other sets need no
            other initialisation segment.
    """
    match config:
        case H264Config() if in_band:
            name = names.h264_name(config, "avc3")
            entry = SampleEntry(avc_entry(config, b"avc3"), name, _sized_units(_NO_SETS))
        case H264Config():
            entry = SampleEntry(
                avc_entry(config), names.h264_name(config), _sized_units(_H264_SETS)
            )
        case H265Config():
            entry = SampleEntry(
                hevc_entry(config), names.h265_name(config), _sized_units(_H265_SETS)
            )
        case Av1Config():
            entry = SampleEntry(av1_entry(config), names.av1_name(config), _as_it_is)
        case Vp9Config():
            entry = SampleEntry(vp9_entry(config), names.vp9_name(config), _superframe)
        case AacConfig():
            return SampleEntry(aac_entry(config), names.aac_name(config), _as_it_is)
        case OpusConfig():
            return SampleEntry(opus_entry(config), names.OPUS, _as_it_is)
        case FlacConfig():
            return SampleEntry(flac_entry(config), names.FLAC, _as_it_is)
        case _:
            return None
    width, height = min(config.width, _MOST_PIXELS), min(config.height, _MOST_PIXELS)
    return SampleEntry(entry.box, entry.name, entry.parts, width, height)


def _sized_units(left_out: bytes) -> Callable[[AccessUnit], Sequence[bytes]]:
    """Return what writes NAL units with their sizes, but for those in front that are left out.

    ISO/IEC 14496-15 §5.4.2.1, §8.4.3: parameter sets of `avc1` and `hvc1` stand in their entry
    alone.
    """

    def parts_of(unit: AccessUnit) -> Sequence[bytes]:
        units = unit.units
        if len(units) == 1:
            return len(units[0]).to_bytes(4, "big"), units[0]
        parts: list[bytes] = []
        for one in units:
            if not left_out[one[0]]:
                parts += (len(one).to_bytes(4, "big"), one)
        return parts

    return parts_of


def _as_it_is(unit: AccessUnit) -> Sequence[bytes]:
    return unit.units


def _superframe(unit: AccessUnit) -> Sequence[bytes]:
    return (superframe(unit.units),)
