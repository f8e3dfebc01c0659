"""NAL units to payloads, as H.264 and H.265 have it in common."""

from collections.abc import Callable, Sequence

_SIZE_BYTES = 2
_FU_START, _FU_END = 0x80, 0x40


def nal_payloads(
    units: Sequence[bytes],
    room: int,
    *,
    aggregate_header: Callable[[Sequence[bytes]], bytes],
    fragment_header: Callable[[bytes], tuple[bytes, int]],
    header_bytes: int,
) -> list[bytes]:
    """Cut units into payloads: small neighbours together, large ones in fragments.

    Args:
        units: NAL units without start codes.
        room: the most bytes of a payload.
        aggregate_header: makes what stands in front of units that travel together.
        fragment_header: makes what stands in front of each fragment of a unit, and the unit's type
            for the FU header behind it.
        header_bytes: size of a unit's own header, which its fragments do not repeat.
    """
    payloads: list[bytes] = []
    together: list[bytes] = []
    taken = header_bytes
    for unit in units:
        size = len(unit) + _SIZE_BYTES
        if taken + size > room and together:
            payloads.append(_aggregate(together, aggregate_header))
            together, taken = [], header_bytes
        if len(unit) > room:
            payloads += _fragments(unit, room, *fragment_header(unit), header_bytes)
        elif header_bytes + size > room:
            payloads.append(unit)
        else:
            together.append(unit)
            taken += size
    if together:
        payloads.append(_aggregate(together, aggregate_header))
    return payloads


def _aggregate(units: Sequence[bytes], header: Callable[[Sequence[bytes]], bytes]) -> bytes:
    if len(units) == 1:
        return units[0]
    parts = [header(units)]
    for unit in units:
        parts += (len(unit).to_bytes(_SIZE_BYTES, "big"), unit)
    return b"".join(parts)


def _fragments(unit: bytes, room: int, header: bytes, kind: int, header_bytes: int) -> list[bytes]:
    size = room - len(header) - 1
    first, middle, last = (header + bytes((bit | kind,)) for bit in (_FU_START, 0, _FU_END))
    starts = range(header_bytes, len(unit), size)
    payloads = [middle + unit[at : at + size] for at in starts]
    payloads[0] = first + unit[header_bytes : header_bytes + size]
    payloads[-1] = last + unit[starts[-1] :]
    return payloads
