"""Where a stream that lost its step can be picked up again."""

import re
from collections.abc import Container
from dataclasses import dataclass

from headwater.protocol.interleaved import DOLLAR, FRAME_HEADER_BYTES
from headwater.protocol.method import Method

_MESSAGE_STARTS = (b"RTSP/1.", *(f"{method} ".encode() for method in Method))
_LONGEST_BYTES = max(map(len, _MESSAGE_STARTS))
_FOOTHOLD = re.compile(b"|".join(map(re.escape, (b"$", *_MESSAGE_STARTS))))
_CUT_FOOTHOLD = re.compile(
    b"(?:%s)\\Z"
    % b"|".join(
        re.escape(start[:length]) for start in _MESSAGE_STARTS for length in range(1, len(start))
    )
)
_MIN_PACKET_BYTES = 8  # an RTCP header with its SSRC; RTP has 12
_FIRST_LETTERS = frozenset(start[0] for start in _MESSAGE_STARTS)


@dataclass(frozen=True, slots=True)
class Foothold:
    """Result of a search.

    Attributes:
        at: everything before this index is garbage.
        needed_bytes: 0 when a message or frame begins at `at`; else how many bytes, counted
            from `at`, there must be before the search can go on.
    """

    at: int
    needed_bytes: int


def find_foothold(buffer: bytes, position: int, channels: Container[int]) -> Foothold:
    """Return the first place from the position on where a message or a frame begins.

    A message is known by its method or by `RTSP/1.`. A `$` counts when its channel is one of
    those given, RTP or RTCP of version 2 follows, and behind the frame stands what begins
    another frame or message. So the answer does not depend on how the bytes were cut, and a
    false `$` swallows nothing.
    """
    size = len(buffer)
    for found in _FOOTHOLD.finditer(buffer, position):
        at = found.start()
        if buffer[at] != DOLLAR:
            return Foothold(at, 0)
        if at + FRAME_HEADER_BYTES >= size:
            return Foothold(at, FRAME_HEADER_BYTES + 1)
        length = (buffer[at + 2] << 8) + buffer[at + 3]
        looks_like_media = (
            buffer[at + 1] in channels
            and length >= _MIN_PACKET_BYTES
            and buffer[at + FRAME_HEADER_BYTES] & 0xC0 == 0x80
        )
        if not looks_like_media:
            continue
        end = at + FRAME_HEADER_BYTES + length
        if end >= size:
            return Foothold(at, end + 1 - at)
        if buffer[end] in _FIRST_LETTERS:
            if end + _LONGEST_BYTES > size:
                return Foothold(at, end + _LONGEST_BYTES - at)
            if _FOOTHOLD.match(buffer, end):
                return Foothold(at, 0)
        elif buffer[end] == DOLLAR:
            return Foothold(at, 0)
    cut = _CUT_FOOTHOLD.search(buffer, max(position, size - _LONGEST_BYTES))
    at = cut.start() if cut else size
    return Foothold(at, size - at + 1)
