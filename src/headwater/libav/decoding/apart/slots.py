"""How memory for frames is divided, and how the process of a decoder writes to it."""

from __future__ import annotations

import mmap
import sys

SLOTS = 16
SLOT_BYTES = (128 if sys.maxsize > 1 << 32 else 16) << 20
"""More than a picture of 7680x4320 with 10 bits has. What nobody writes to takes no memory."""
MEMORY_BYTES = SLOTS * SLOT_BYTES


class WrittenMemory:
    """The side of the process that writes."""

    def __init__(self, descriptor: int) -> None:
        self._memory = memoryview(mmap.mmap(descriptor, MEMORY_BYTES))

    def slot(self, index: int) -> memoryview:
        """Return a slot to write to."""
        begin = index * SLOT_BYTES
        return self._memory[begin : begin + SLOT_BYTES]
