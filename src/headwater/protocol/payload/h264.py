"""NAL units of H.264 (ITU-T H.264 table 7-1), and the packets they travel in (RFC 6184 §5.2)."""

TYPE_BITS = 0x1F
"""Of a unit's header, and of a packet's first byte."""

SLICE = 1
PARTITION_A = 2
PARTITION_C = 4
IDR_SLICE = 5
SEI = 6
SPS = 7
PPS = 8
DELIMITER = 9
END_OF_SEQUENCE = 10
END_OF_STREAM = 11
FILLER = 12
STAP_A = 24
FU_A = 28

FU_START = 0x80
FU_END = 0x40
"""RFC 6184 §5.8: bits of the FU header."""
FIRST_SLICE = 0x80
"""`first_mb_in_slice` is 0 where its Exp-Golomb code is the lone bit 1 (ITU-T H.264 §7.3.3)."""
_SEI_RECOVERY_POINT = 6


def has_recovery_point(unit: bytes, at: int, end: int) -> bool:
    """Return whether one of a NAL unit's SEI messages is a recovery point (ITU-T H.264 §D.1.8).

    Args:
        unit: the NAL unit, or a packet that holds it.
        at: where its first SEI message begins, behind the unit's header.
        end: where the NAL unit ends.
    """
    while at + 2 < end:
        kind, size = unit[at], unit[at + 1]
        if kind == _SEI_RECOVERY_POINT:
            return True
        if 0xFF in (kind, size):
            # Types and sizes past 254 take several bytes; recovery points stand before such.
            return False
        at += 2 + size
    return False
