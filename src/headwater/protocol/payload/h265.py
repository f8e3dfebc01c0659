"""NAL units of H.265 (ITU-T H.265 table 7-1), and the packets they travel in (RFC 7798 §4.4)."""

SLICE_TYPES = range(32)
IRAP_TYPES = range(16, 24)
"""Slices of intra random access points: BLA, IDR, CRA."""
CRA_SLICE = 21
RASL_TYPES = range(8, 10)
"""Slices of pictures that refer to what was before their random access point."""
VPS = 32
SPS = 33
PPS = 34
DELIMITER = 35
END_OF_SEQUENCE = 36
END_OF_STREAM = 37
FILLER = 38
SEI_PREFIX = 39
SEI_SUFFIX = 40
AGGREGATE = 48
FRAGMENT = 49

FU_START = 0x80
FU_END = 0x40
"""RFC 7798 §4.4.3: bits of the FU header."""
FU_TYPE = 0x3F
FIRST_SLICE = 0x80
"""`first_slice_segment_in_pic_flag` is the first bit after the header (ITU-T H.265 §7.3.6.1)."""


def unit_type(first: int) -> int:
    """Return the type that a unit's, or a packet's, first byte says."""
    return first >> 1 & 0x3F
