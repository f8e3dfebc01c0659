"""Boxes, of which MP4 files consist (ISO/IEC 14496-12 §4.2)."""


def box(kind: bytes, *parts: bytes) -> bytes:
    """Return a box with this content."""
    size = 8 + sum(map(len, parts))
    return b"".join((size.to_bytes(4, "big"), kind, *parts))


def full_box(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    """Return a box whose content begins with a version and flags."""
    return box(kind, (version << 24 | flags).to_bytes(4, "big"), *parts)


def descriptor(tag: int, *parts: bytes) -> bytes:
    """Return a descriptor of MPEG-4 systems, as `esds` has them (ISO/IEC 14496-1 §8.3.3)."""
    content = b"".join(parts)
    size = len(content)
    length = bytearray((size & 0x7F,))
    while size > 0x7F:
        size >>= 7
        length.insert(0, size & 0x7F | 0x80)
    return bytes((tag,)) + length + content
