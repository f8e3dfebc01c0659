"""VP8 frames to payloads (RFC 7741)."""

from headwater.codecs.access_unit import AccessUnit
from headwater.protocol.payload.vp8 import FRAME_START

_FIRST, _OTHER = bytes((FRAME_START,)), b"\0"


def vp8_payloads(unit: AccessUnit, room: int) -> list[bytes]:
    """Cut a frame into payloads of at most `room` bytes, without picture ids.

    Borders of partitions are not looked for: RFC 7741 §4.2 lets a payload hold several.
    """
    frame = b"".join(unit.units)
    size = room - 1
    payloads = [_OTHER + frame[at : at + size] for at in range(0, len(frame), size)]
    if payloads:
        payloads[0] = _FIRST + payloads[0][1:]
    return payloads
