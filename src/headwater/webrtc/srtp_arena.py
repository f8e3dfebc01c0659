"""One place in memory where packets are encrypted by libsrtp, with no Python between two of them.

`lib` and `ffi` are pylibsrtp's own names for libsrtp. Where they are not what they were, packets
are encrypted by what pylibsrtp promises (`srtp.protect_each`), which takes about twice the time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import chain, repeat
from operator import add, itemgetter
from typing import Any, Final

from headwater.net.datagram_vector import MOST_SLOTS
from headwater.net.segmentation import Run
from headwater.net.udp_destination import Slots
from headwater.webrtc.layout import MOST_LAID_OUT_BYTES, MOST_LAID_OUT_PACKETS, Layout

_ALIGNED_BYTES: Final = 64
_first = itemgetter(0)


class Arena:
    """Slots for as many peers as are served together; only what is used of them takes memory."""

    def __init__(self) -> None:
        """Raises ImportError, AttributeError where pylibsrtp has other names."""
        from pylibsrtp._binding import ffi, lib

        self._memmove = ffi.memmove
        self._protect = lib.srtp_protect
        self._bytes = ffi.new("char[]", MOST_SLOTS * MOST_LAID_OUT_BYTES)
        self._address = int(ffi.cast("uintptr_t", self._bytes))
        self._view = memoryview(ffi.buffer(self._bytes))
        lengths = self._lengths = ffi.new("int[]", MOST_SLOTS * MOST_LAID_OUT_PACKETS)
        self._length_pointers = [lengths + place for place in range(len(lengths))]

    def protect(self, session: Any, layout: Layout) -> list[Run]:
        """Return the packets of a layout, encrypted for one peer."""
        if any(self._encrypt((handle_of(session),), layout)):
            # One of them cannot be sent, and nobody knows which: the others can.
            return []
        view = self._view
        return [
            Run(bytes(view[start:stop]), segment, count)
            for start, stop, segment, count in layout.bounds
        ]

    def protect_all(self, handles: Sequence[Any], layout: Layout) -> tuple[Slots, list[int]]:
        """Encrypt the packets of a layout for at most `MOST_SLOTS` peers, each in a slot.

        Returns the slots, and the places of peers for whom it failed.
        """
        statuses = list(self._encrypt(handles, layout))
        failed = []
        if any(statuses):
            count = len(layout.starts)
            failed = [
                at // count
                for at in range(0, len(statuses), count)
                if any(statuses[at : at + count])
            ]
        return Slots(self._view, self._address, _apart(layout)), failed

    def _encrypt(self, handles: Sequence[Any], layout: Layout) -> map[int]:
        """Return what libsrtp says of each packet, peer after peer; it works when that is read."""
        peers, count = len(handles), len(layout.starts)
        slots = layout.slots
        apart = _apart(layout)
        while len(slots) < peers:
            begin = self._bytes + len(slots) * apart
            slots.append(list(map(add, repeat(begin), layout.starts)))
        buffer = layout.buffer
        copies = map(self._memmove, map(_first, slots[:peers]), repeat(buffer), repeat(len(buffer)))
        deque(copies, maxlen=0)
        lengths = layout.lengths * peers
        self._memmove(self._lengths, lengths, len(lengths))
        return map(
            self._protect,
            chain.from_iterable(map(repeat, handles, repeat(count))),
            chain.from_iterable(slots[:peers]),
            self._length_pointers,
        )


def handle_of(session: Any) -> Any:
    """Return libsrtp's handle of a session of pylibsrtp, which must outlive it."""
    return session._srtp[0]  # noqa: SLF001 - see above


def _apart(layout: Layout) -> int:
    return -(-len(layout.buffer) // _ALIGNED_BYTES) * _ALIGNED_BYTES
