"""VP9 in RTP packets (RFC 9628)."""

INTER_PREDICTED = 0x40
FRAME_START = 0x08
FRAME_END = 0x04
"""§4.2: bits of the payload descriptor's first byte."""
_PICTURE_ID, _LAYERS, _FLEXIBLE, _SCALABILITY = 0x80, 0x20, 0x10, 0x02


def spatial_layer(packet: bytes, at: int) -> int:
    """Return the spatial layer that the descriptor at `at` tells, 0 where it tells none.

    Raises:
        IndexError: the packet ends before.
    """
    descriptor = packet[at]
    if not descriptor & _LAYERS:
        return 0
    return packet[_after_picture_id(packet, at)] >> 1 & 0x07


def descriptor_end(packet: bytes, at: int) -> int:
    """Return where the payload descriptor ends that begins at `at`.

    Raises:
        IndexError: the packet ends before.
    """
    descriptor = packet[at]
    at = _after_picture_id(packet, at)
    if descriptor & _LAYERS:
        at += 1 if descriptor & _FLEXIBLE else 2
    if descriptor & _FLEXIBLE and descriptor & INTER_PREDICTED:
        # Up to three references, each with a bit that says whether another follows.
        for _ in range(3):
            at += 1
            if not packet[at - 1] & 1:
                break
    if descriptor & _SCALABILITY:
        at = _after_scalability(packet, at)
    return at


def _after_picture_id(packet: bytes, at: int) -> int:
    if not packet[at] & _PICTURE_ID:
        return at + 1
    return at + (3 if packet[at + 1] & 0x80 else 2)


def _after_scalability(packet: bytes, at: int) -> int:
    # §4.2.1: the scalability structure.
    structure = packet[at]
    at += 1
    if structure & 0x10:
        at += 4 * ((structure >> 5) + 1)
    if structure & 0x08:
        pictures = packet[at]
        at += 1
        for _ in range(pictures):
            at += 1 + (packet[at] >> 2 & 0x03)
    return at


def begins_key_frame(header: int) -> bool:
    """Return whether a frame's first byte is that of a key frame.

    VP9 bitstream specification §6.2: marker 2, two bits of profile, a reserved bit in profile 3,
    then show_existing_frame and frame_type, both 0 for a key frame.
    """
    if header >> 6 != 2:
        return False
    return not header & (0x06 if header & 0x30 == 0x30 else 0x0C)
