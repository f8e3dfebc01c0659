"""What waits to leave on a TCP connection: a queue that can be measured by bytes, age, stall."""

from __future__ import annotations

import socket
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Final, Self

from headwater.net.event_loop import EventLoop
from headwater.net.kernel_features import probe
from headwater.net.stream import DirectWriter, QueuedTotal

# Far below IOV_MAX (1,024), and enough to fill a send buffer with batches.
_BUFFERS_PER_CALL: Final = 64
# An empty deque takes 760 bytes, and nearly all connections have nothing queued: they share these.
_NO_BUFFERS: Final[deque[bytes | memoryview]] = deque(maxlen=0)
_NO_TIMES: Final[deque[float]] = deque(maxlen=0)
# An empty list takes 56.
_NOTHING_HELD: Final[list[bytes]] = []


class TcpSendQueue(ABC):
    """The writing half of a stream; see ByteStream and DirectPath for what the methods do.

    The other half ends both: it sets `closed`, after which nothing more is taken, and
    `_released`, once the socket is given back.
    """

    __slots__ = (
        "_bytes_sent",
        "_corked",
        "_descriptor",
        "_held",
        "_loop",
        "_queue",
        "_queued_at_s",
        "_queued_total",
        "_released",
        "_send",
        "_sock",
        "_vectored",
        "_waits_for_room",
        "_writers",
        "closed",
        "queued_bytes",
        "writes_stalled_since",
    )

    def __init__(self, sock: socket.socket, loop: EventLoop, queued_total: QueuedTotal) -> None:
        self._sock = sock
        self._descriptor = sock.fileno()
        self._loop = loop
        self._send = sock.send
        self._vectored = probe().sendmsg
        self._queue: deque[bytes | memoryview] = _NO_BUFFERS
        self._queued_at_s: deque[float] = _NO_TIMES
        self._queued_total = queued_total
        self._corked = False
        # What was written since `cork`, in front of which nothing was queued.
        self._held = _NOTHING_HELD
        # Whether the loop tells when the kernel takes bytes again.
        self._waits_for_room = False
        self._released = False
        self.closed: bool = False
        self.queued_bytes: int = 0
        self.writes_stalled_since: float | None = None
        self._bytes_sent = 0
        self._writers: tuple[DirectWriter, ...] = ()

    @abstractmethod
    def abort(self, error: Exception | None = None) -> None:
        """Close at once, giving up what is queued."""

    @abstractmethod
    def _queue_emptied(self) -> None:
        """Learn that the kernel has taken all that waited for it."""

    def count_queue_in(self, total: QueuedTotal) -> None:
        """Count what is queued in another total from now on."""
        self._queued_total.size_bytes -= self.queued_bytes
        total.size_bytes += self.queued_bytes
        self._queued_total = total

    def write(self, data: bytes) -> None:
        """Send now what the kernel takes and queue the rest without copying it."""
        if self.closed:
            return
        if self._queue:
            self._enqueue(data, self._loop.time())
            return
        if self._corked:
            self._held.append(data)
            self.queued_bytes += len(data)
            self._queued_total.size_bytes += len(data)
            return
        try:
            sent = self._send(data)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError as error:
            self.abort(error)
            return
        self._bytes_sent += sent
        if sent != len(data):
            self.go_on(data, sent)

    def cork(self) -> None:
        """Queue what is written until `uncork`, so that it leaves in one system call."""
        self._corked = True
        if self._held is _NOTHING_HELD:
            self._held = []
        if self._writers:
            self._tell_writers()

    def uncork(self) -> None:
        """Send what was queued since `cork`; without one it does nothing."""
        if not self._corked:
            return
        self._corked = False
        if self._writers:
            self._tell_writers()
        if not self._held or self._released:
            return
        held, size_bytes = self._take_held()
        try:
            if 1 < len(held) <= _BUFFERS_PER_CALL and self._vectored:
                sent = self._sock.sendmsg(held)
            else:
                sent = self._send(b"".join(held))
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError as error:
            self.abort(error)
            return
        self._bytes_sent += sent
        if sent != size_bytes:
            # Rarely does the kernel not take what a reader begins with.
            self.go_on(b"".join(held), sent)
        elif self.closed:
            self._queue_emptied()

    def oldest_queued_s(self, now: float) -> float:
        """Return the age in seconds of the oldest unsent byte, 0.0 when nothing is queued."""
        return now - self._queued_at_s[0] if self._queued_at_s else 0.0

    @property
    def bytes_sent(self) -> int:
        """Bytes that the kernel took for the wire so far."""
        for writer in self._writers:
            writer.settle()
        return self._bytes_sent

    # -- the way past it

    @property
    def direct(self) -> Self:
        """The stream itself."""
        return self

    @property
    def send(self) -> Callable[[bytes], int] | None:
        """The socket's own `send` as long as `write` would do nothing else, None otherwise."""
        return None if self._queue or self._corked or self.closed else self._send

    def watch(self, writer: DirectWriter) -> None:
        """Tell `writer` from now on when `send` changes, and have it settle when bytes count."""
        self._writers = (*self._writers, writer)

    def unwatch(self, writer: DirectWriter) -> None:
        """Tell `writer` no more."""
        self._writers = tuple([known for known in self._writers if known is not writer])

    def note_sent(self, size_bytes: int) -> None:
        """Count bytes that were sent directly; a negative number takes some back."""
        self._bytes_sent += size_bytes

    def go_on(self, data: bytes, sent: int) -> None:
        """Queue the rest of `data`, of which the kernel took `sent` bytes, and wait for room."""
        now = self._loop.time()
        self._enqueue(memoryview(data)[sent:] if sent else data, now)
        self.writes_stalled_since = now
        self._wait_for_room()

    def _tell_writers(self) -> None:
        for writer in self._writers:
            writer.stream_changed()

    # -- the queue

    def _wait_for_room(self) -> None:
        self._waits_for_room = True
        self._loop.add_writer(self._descriptor, self._flush)

    def _wait_no_more(self) -> None:
        if self._waits_for_room:
            self._waits_for_room = False
            self._loop.remove_writer(self._descriptor)

    def _take_held(self) -> tuple[list[bytes], int]:
        held, self._held = self._held, _NOTHING_HELD
        # Nothing else was queued.
        size_bytes, self.queued_bytes = self.queued_bytes, 0
        self._queued_total.size_bytes -= size_bytes
        return held, size_bytes

    def _enqueue(self, data: bytes | memoryview, now: float) -> None:
        if not self._queue:
            self._queue, self._queued_at_s = deque(), deque()
            self._tell_writers()
        self._queue.append(data)
        self._queued_at_s.append(now)
        self.queued_bytes += len(data)
        self._queued_total.size_bytes += len(data)

    def _flush(self) -> None:
        """Go on with the queue now that the kernel takes bytes again."""
        if not self._send_queued():
            return
        self._wait_no_more()
        self._queue_emptied()

    def _send_queued(self) -> bool:
        """Hand queued buffers to the kernel until it takes no more; tell whether all have left."""
        queue = self._queue
        if self.writes_stalled_since is None:
            self.writes_stalled_since = self._loop.time()
        while queue:
            buffers = list(islice(queue, _BUFFERS_PER_CALL)) if self._vectored else [queue[0]]
            try:
                sent = self._sock.sendmsg(buffers) if len(buffers) > 1 else self._send(buffers[0])
            except (BlockingIOError, InterruptedError):
                return False
            except OSError as error:
                self.abort(error)
                return False
            self._bytes_sent += sent
            self.queued_bytes -= sent
            self._queued_total.size_bytes -= sent
            self.writes_stalled_since = self._loop.time()
            if not self._forget(sent, len(buffers)):
                return False
        self._queue, self._queued_at_s = _NO_BUFFERS, _NO_TIMES
        self.writes_stalled_since = None
        self._tell_writers()
        return True

    def _forget(self, sent: int, offered: int) -> bool:
        """Drop `sent` bytes from the head of the queue; tell whether that was all of `offered`."""
        queue, queued_at_s = self._queue, self._queued_at_s
        for _ in range(offered):
            head = queue[0]
            if sent < len(head):
                if sent:
                    queue[0] = memoryview(head)[sent:]
                return False
            sent -= len(head)
            queue.popleft()
            queued_at_s.popleft()
        return True

    def _forget_queue(self) -> None:
        """Give up what is queued."""
        self._held = _NOTHING_HELD
        self._queue, self._queued_at_s = _NO_BUFFERS, _NO_TIMES
        self._queued_total.size_bytes -= self.queued_bytes
        self.queued_bytes = 0
        self.writes_stalled_since = None
