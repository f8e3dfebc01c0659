"""Sample entries of pictures: what a decoder is set up with (ISO/IEC 14496-12 §12.1.3)."""

from collections.abc import Sequence
from struct import Struct

from headwater.codecs.av1.config import Av1Config
from headwater.codecs.h264.parameters import H264Config
from headwater.codecs.h265.parameters import H265Config
from headwater.codecs.mp4.boxes import box, full_box
from headwater.codecs.vp9.config import Vp9Config
from headwater.protocol.payload import h265

_VISUAL = Struct(">6xH16xHHIIIH32xHh")
_RESOLUTION = 72 << 16
_DEPTH = 24
_SIZE_BYTES_MINUS_1 = 3
"""Sizes in front of NAL units have four bytes."""
_MOST_SPS, _MOST_PPS = 31, 255
# ISO/IEC 14496-15 §5.3.3.1.2: profiles whose record tells chroma format and depth.
_HIGH_PROFILES = frozenset({100, 110, 122, 144, 244})
_UNSPECIFIED = 2
_MOST_PIXELS = 0xFFFF


def avc_entry(config: H264Config, kind: bytes = b"avc1") -> bytes:
    """Return `avc1`, or `avc3`, whose parameter sets stand in the samples."""
    sps = config.first
    in_record = kind == b"avc1"
    sets = [
        bytes((1, sps.profile, sps.constraints, sps.level, 0xFC | _SIZE_BYTES_MINUS_1)),
        _counted(config.sps[:_MOST_SPS] if in_record else (), 0xE0),
        _counted(config.pps[:_MOST_PPS] if in_record else (), 0),
    ]
    if sps.profile in _HIGH_PROFILES:
        depths = 0xF8 | sps.bit_depth_luma - 8, 0xF8 | sps.bit_depth_chroma - 8
        sets.append(bytes((0xFC | sps.chroma_format, *depths, 0)))
    return _visual(kind, config.width, config.height, box(b"avcC", *sets))


def hevc_entry(config: H265Config) -> bytes:
    """Return `hvc1`: Apple's players take no `hev1`."""
    sps = config.first
    told = sps.profile
    record = [
        bytes((1, told.space << 6 | told.tier << 5 | told.profile)),
        told.compatibility.to_bytes(4, "big"),
        told.constraints.to_bytes(6, "big"),
        # Level, no smallest segments, no kind of parallelism.
        bytes((told.level, 0xF0, 0, 0xFC, 0xFC | sps.chroma_format)),
        bytes((0xF8 | sps.bit_depth_luma - 8, 0xF8 | sps.bit_depth_chroma - 8)),
        # No frame rate; sub-layers, their nesting, bytes of a size, and how many arrays there are.
        bytes((0, 0, sps.sub_layers << 3 | sps.nested << 2 | _SIZE_BYTES_MINUS_1, 3)),
    ]
    for kind, sets in ((h265.VPS, config.vps), (h265.SPS, config.sps), (h265.PPS, config.pps)):
        # All sets of the kind are here (array_completeness), as `hvc1` wants it.
        record.append(bytes((0x80 | kind, 0)) + _counted(sets, 0))
    return _visual(b"hvc1", config.width, config.height, box(b"hvcC", *record))


def av1_entry(config: Av1Config) -> bytes:
    """Return `av01` (AV1 in ISOBMFF §2.3)."""
    across, down = config.subsampling
    flags = config.tier << 7 | (config.bit_depth > 8) << 6 | (config.bit_depth == 12) << 5
    flags |= config.monochrome << 4 | across << 3 | down << 2 | config.chroma_position
    record = bytes((0x81, config.profile << 5 | config.level, flags, 0))
    entry = box(b"av1C", record, config.sequence_header)
    return _visual(b"av01", config.width, config.height, entry)


def vp9_entry(config: Vp9Config) -> bytes:
    """Return `vp09` (VP Codec ISO Media File Format Binding)."""
    sampling = config.bit_depth << 4 | config.chroma_subsampling << 1 | config.full_range
    colours = (_UNSPECIFIED, _UNSPECIFIED, _UNSPECIFIED)
    record = bytes((config.profile, config.level, sampling, *colours, 0, 0))
    return _visual(b"vp09", config.width, config.height, full_box(b"vpcC", 1, 0, record))


def _counted(sets: Sequence[bytes], flags: int) -> bytes:
    sized = b"".join(len(one).to_bytes(2, "big") + one for one in sets)
    return bytes((flags | len(sets),)) + sized


def _visual(kind: bytes, width: int, height: int, record: bytes) -> bytes:
    size = min(width, _MOST_PIXELS), min(height, _MOST_PIXELS)
    fields = _VISUAL.pack(1, *size, _RESOLUTION, _RESOLUTION, 0, 1, _DEPTH, -1)
    return box(kind, fields, record)
