"""H.264 access units to payloads (RFC 6184 packetization mode 1): whole units, STAP-A, FU-A."""

from collections.abc import Sequence

from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.nal.payloads import nal_payloads
from headwater.protocol.payload import h264

_FORBIDDEN, _REFERENCE = 0x80, 0x60


def h264_payloads(unit: AccessUnit, room: int) -> list[bytes]:
    """Cut an access unit into payloads of at most `room` bytes."""
    return nal_payloads(
        unit.units,
        room,
        aggregate_header=_aggregate_header,
        fragment_header=_fragment_header,
        header_bytes=1,
    )


def _aggregate_header(units: Sequence[bytes]) -> bytes:
    # RFC 6184 §5.7: F is set if one unit has it, NRI is the largest of all units.
    forbidden = any(unit[0] & _FORBIDDEN for unit in units)
    reference = max(unit[0] & _REFERENCE for unit in units)
    return bytes((forbidden * _FORBIDDEN | reference | h264.STAP_A,))


def _fragment_header(unit: bytes) -> tuple[bytes, int]:
    first = unit[0]
    return bytes((first & ~h264.TYPE_BITS | h264.FU_A,)), first & h264.TYPE_BITS
