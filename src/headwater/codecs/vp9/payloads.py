"""VP9 frames to payloads (RFC 9628)."""

from headwater.codecs.access_unit import AccessUnit
from headwater.protocol.payload.vp9 import FRAME_END, FRAME_START, INTER_PREDICTED


def vp9_payloads(unit: AccessUnit, room: int) -> list[bytes]:
    """Cut a picture into payloads of at most `room` bytes, without picture ids and layers.

    Frames of several spatial layers travel as one: their order tells a decoder what they are.
    """
    frame = superframe(unit.units)
    size = room - 1
    inter = 0 if unit.key_frame else INTER_PREDICTED
    starts = range(0, len(frame), size)
    last = starts[-1] if starts else 0
    return [
        bytes((inter | (not at and FRAME_START) | (at == last and FRAME_END),))
        + frame[at : at + size]
        for at in starts
    ]


def superframe(frames: tuple[bytes, ...]) -> bytes:
    """Return the frames of one picture as one, with an index (VP9 specification annex B)."""
    if not 1 < len(frames) <= 8:
        return b"".join(frames)
    size_bytes = -(-max(map(len, frames)).bit_length() // 8)
    marker = bytes((0xC0 | size_bytes - 1 << 3 | len(frames) - 1,))
    sizes = b"".join(len(frame).to_bytes(size_bytes, "little") for frame in frames)
    return b"".join(frames) + marker + sizes + marker
