"""Open bitstream units: their sizes, and their headers (AV1 specification §5.3)."""

_HAS_EXTENSION = 0x04
_HAS_SIZE = 0x02
_LONGEST_LEB128 = 8


def leb128(number: int) -> bytes:
    """Return a number as the format writes sizes: seven bits a byte, the lowest first."""
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def read_leb128(content: bytes, at: int) -> tuple[int, int]:
    """Return the number that begins at `at`, and where it ends.

    Raises:
        IndexError: it does not end, or is longer than any size.
    """
    number = 0
    for index in range(_LONGEST_LEB128):
        byte = content[at + index]
        number |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return number, at + index + 1
    raise IndexError("a LEB128 number of more than 8 bytes")


def header_bytes(unit: bytes) -> int:
    """Return how many bytes the header has, without the size field."""
    return 2 if unit[0] & _HAS_EXTENSION else 1


def with_size(unit: bytes) -> bytes:
    """Return an OBU with its size field; one that has it already comes without bytes behind it.

    Raises:
        IndexError: it ends before its header, or before the size that it tells.
    """
    head = header_bytes(unit)
    if len(unit) < head:
        raise IndexError("an OBU that ends inside its header")
    if not unit[0] & _HAS_SIZE:
        return bytes((unit[0] | _HAS_SIZE,)) + unit[1:head] + leb128(len(unit) - head) + unit[head:]
    size, at = read_leb128(unit, head)
    if at + size > len(unit):
        raise IndexError("an OBU that is shorter than its size field tells")
    return unit[: at + size]


def without_size(unit: bytes) -> bytes:
    """Return an OBU without its size field: the payload format leaves it out."""
    if not unit[0] & _HAS_SIZE:
        return unit
    head = header_bytes(unit)
    _, at = read_leb128(unit, head)
    return bytes((unit[0] & ~_HAS_SIZE,)) + unit[1:head] + unit[at:]


def payload_of(unit: bytes) -> bytes:
    """Return what stands behind an OBU's header and size field.

    Raises:
        IndexError: it ends before.
    """
    at = header_bytes(unit)
    if unit[0] & _HAS_SIZE:
        _, at = read_leb128(unit, at)
    return unit[at:]
