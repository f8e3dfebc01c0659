"""Memory that a program shares with the process of a decoder: slots of one frame each.

The memory has no name, so nothing of it is left in the file system: it goes with the last who has
it, however that one ends.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import weakref
from tempfile import TemporaryFile

import numpy as np
from numpy.typing import NDArray

from headwater.libav.decoding.apart.slots import MEMORY_BYTES, SLOT_BYTES, SLOTS


class FrameMemory:
    """The program's side: frames are views of their slots, which are free when no view is left.

    Attributes:
        descriptor: of the memory, for the process that is to write to it.
    """

    def __init__(self) -> None:
        """Make it. Raises OSError where there is no room for it."""
        self.descriptor = _nameless_file()
        try:
            os.ftruncate(self.descriptor, MEMORY_BYTES)
            _seal(self.descriptor)
            self._memory = mmap.mmap(self.descriptor, MEMORY_BYTES)
        except BaseException:
            self.close_descriptor()
            raise
        self._free = list(range(SLOTS))

    @property
    def free(self) -> tuple[int, ...]:
        """The slots that nothing looks at, the one that was freed last first: it is warm."""
        return tuple(reversed(self._free))

    def close_descriptor(self) -> None:
        """Close it once the process has it; the memory stays while anybody looks at it."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def look_at(self, slot: int, size_bytes: int) -> NDArray[np.uint8]:
        """Return what is in a free slot, which is not free while that or a view of it lives.

        Raises ValueError for a slot that is not free, or too small.
        """
        if not 0 < size_bytes <= SLOT_BYTES:
            raise ValueError(f"a slot has {SLOT_BYTES} bytes, not {size_bytes}")
        if slot not in self._free:
            raise ValueError(f"slot {slot} is not free")
        begin = slot * SLOT_BYTES
        view: NDArray[np.uint8] = np.frombuffer(self._memory, np.uint8, size_bytes, begin)
        self._free.remove(slot)
        # Called in whatever thread lets go of the last view: appending needs no lock.
        weakref.finalize(view, self._free.append, slot).atexit = False
        return view


def _nameless_file() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("headwater-frames", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with TemporaryFile(buffering=0) as file:
        return os.dup(file.fileno())


def _seal(descriptor: int) -> None:
    """Let nobody make the memory smaller: who reads what is gone then is killed (SIGBUS)."""
    if hasattr(fcntl, "F_ADD_SEALS") and hasattr(os, "memfd_create"):
        seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
