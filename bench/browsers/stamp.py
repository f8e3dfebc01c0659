"""The camera's stamp in what browsers get (`load/wire.h`), and the clock that it is of."""

import struct
import time

MAGIC = struct.pack("<I", 0x48575442)
_MASK = 0x5A5A5A5A5A5A5A5A
_STAMP = struct.Struct("<4sIQQIHHI")


def first_sent_ns(content: bytes, *, within: int | None = None) -> int | None:
    """Return when the first frame in it was sent, by the monotonic clock; None without a stamp."""
    return _sent_ns(content, content.find(MAGIC, 0, within))


def _sent_ns(content: bytes, at: int) -> int | None:
    if at < 0 or at + _STAMP.size > len(content):
        return None
    sent_ns: int = _STAMP.unpack_from(content, at)[3] ^ _MASK
    return sent_ns


def wall_ahead_ns() -> int:
    """By how much the wall clock is ahead of the monotonic one: what the kernel notes is wall."""
    return time.time_ns() - time.monotonic_ns()
