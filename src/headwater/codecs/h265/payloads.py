"""H.265 access units to payloads (RFC 7798): whole units, aggregation and fragmentation packets."""

from collections.abc import Sequence

from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.nal.payloads import nal_payloads
from headwater.protocol.payload import h265

_KEPT = 0x81
"""F and the first bit of the layer, in a header's first byte."""


def h265_payloads(unit: AccessUnit, room: int) -> list[bytes]:
    """Cut an access unit into payloads of at most `room` bytes."""
    return nal_payloads(
        unit.units,
        room,
        aggregate_header=_aggregate_header,
        fragment_header=_fragment_header,
        header_bytes=2,
    )


def _aggregate_header(units: Sequence[bytes]) -> bytes:
    # RFC 7798 §4.4.2: F is set if one unit has it; layer and temporal id are the lowest of all.
    forbidden = any(unit[0] & 0x80 for unit in units)
    lowest = min((unit[0] & 1) << 8 | unit[1] for unit in units)
    return bytes((forbidden * 0x80 | h265.AGGREGATE << 1 | lowest >> 8, lowest & 0xFF))


def _fragment_header(unit: bytes) -> tuple[bytes, int]:
    header = bytes((unit[0] & _KEPT | h265.FRAGMENT << 1, unit[1]))
    return header, h265.unit_type(unit[0])
