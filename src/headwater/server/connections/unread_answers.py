"""The answers that a peer was sent and has not taken yet."""

from __future__ import annotations

from headwater.net.stream import ByteStream

MOST_UNREAD_BYTES = 32 * 1024
"""Of answers that a peer has not taken; with more it gets no further request answered."""


class UnreadAnswers:
    """Counts the answers of one connection that still wait in its queue.

    Media may wait in the same queue: an answer has left once the kernel has taken all bytes up to
    its end.
    """

    __slots__ = ("_ends", "_size_bytes", "_stream")

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        # For each answer its end, as a position in the bytes of the stream, and its size. They are
        # few, and an empty deque takes ten times the memory.
        self._ends: list[tuple[int, int]] = []
        self._size_bytes = 0

    def written(self, size_bytes: int) -> None:
        """Note an answer that was just written to the stream."""
        stream = self._stream
        self._ends.append((stream.bytes_sent + stream.queued_bytes, size_bytes))
        self._size_bytes += size_bytes

    @property
    def size_bytes(self) -> int:
        """The bytes of the answers that the kernel has not taken whole."""
        ends, sent = self._ends, self._stream.bytes_sent
        while ends and ends[0][0] <= sent:
            self._size_bytes -= ends.pop(0)[1]
        return self._size_bytes
