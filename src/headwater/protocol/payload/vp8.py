"""VP8 in RTP packets (RFC 7741)."""

START_MASK = 0x17
FRAME_START = 0x10
"""§4.2: S (start of a partition) and the partition's index; a frame starts with both so."""
INTER_FRAME = 0x01
"""§4.3: the P bit of a frame's first byte is 0 for a key frame."""
_EXTENDED = 0x80


def descriptor_end(packet: bytes, at: int) -> int:
    """Return where the payload descriptor ends that begins at `at`.

    Raises:
        IndexError: the packet ends before.
    """
    end = at + 1
    if packet[at] & _EXTENDED:
        present = packet[end]
        end += 1
        if present & 0x80:
            # The picture id has two bytes when its first bit is set.
            end += 2 if packet[end] & 0x80 else 1
        end += (present >> 6 & 1) + bool(present & 0x30)
    return end
