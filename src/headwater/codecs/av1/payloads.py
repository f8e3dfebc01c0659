"""AV1 temporal units to payloads (AOMedia's "RTP Payload Format For AV1" §4)."""

from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.av1.obu import leb128, with_size, without_size
from headwater.protocol.payload.av1 import CONTINUED, CONTINUES, NEW_SEQUENCE

_SIZE_BYTES = 2
_MOST_ROOM = 1 << 14
"""Sizes of elements in smaller payloads have two bytes at most."""


def av1_payloads(unit: AccessUnit, room: int) -> list[bytes]:
    """Cut a temporal unit into payloads of at most `room` bytes; each element has its size.

    Raises:
        ValueError: a unit ends too early.
    """
    room = min(room, _MOST_ROOM)
    payloads: list[bytes] = []
    elements: list[bytes] = []
    left = room - 1
    continues = False
    for whole in unit.units:
        try:
            rest = without_size(with_size(whole))
        except IndexError as error:
            raise ValueError(f"no AV1 unit: {error}") from None
        while rest:
            if left <= _SIZE_BYTES:
                payloads.append(_payload(elements, continues=continues, continued=False))
                elements, left, continues = [], room - 1, False
            part, rest = rest[: left - _SIZE_BYTES], rest[left - _SIZE_BYTES :]
            elements.append(part)
            left -= _SIZE_BYTES + len(part)
            if rest:
                payloads.append(_payload(elements, continues=continues, continued=True))
                elements, left, continues = [], room - 1, True
    if elements:
        payloads.append(_payload(elements, continues=continues, continued=False))
    if payloads and unit.key_frame:
        payloads[0] = bytes((payloads[0][0] | NEW_SEQUENCE,)) + payloads[0][1:]
    return payloads


def _payload(elements: list[bytes], *, continues: bool, continued: bool) -> bytes:
    parts = [bytes((continues * CONTINUES | continued * CONTINUED,))]
    for element in elements:
        parts += (leb128(len(element)), element)
    return b"".join(parts)
