"""Where streams are read to, before what came is copied to an object of just its size.

A `recv` of 64 KiB makes an object of so many bytes and then cuts it, each time another piece of
memory. What is kept of a camera's pictures between two such pieces leaves holes that none fits in.
"""

from __future__ import annotations

import mmap
from weakref import WeakKeyDictionary

from headwater.net.event_loop import EventLoop

_of_loops: WeakKeyDictionary[EventLoop, dict[int, mmap.mmap]] = WeakKeyDictionary()


def read_memory(loop: EventLoop, size_bytes: int) -> mmap.mmap:
    """Return what all streams on a loop that read so much at once share.

    A slice of it is an object of bytes. It is theirs only until the next of them reads.
    """
    by_size = _of_loops.setdefault(loop, {})
    memory = by_size.get(size_bytes)
    if memory is None:
        memory = by_size[size_bytes] = private_memory(size_bytes)
    return memory


def private_memory(size_bytes: int) -> mmap.mmap:
    """Return memory that a process which is forked off does not share."""
    if hasattr(mmap, "MAP_PRIVATE"):
        return mmap.mmap(-1, size_bytes, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return mmap.mmap(-1, size_bytes)
