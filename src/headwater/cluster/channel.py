"""Messages, and sockets with them, between two processes of one machine that know each other."""

from __future__ import annotations

import contextlib
import pickle
import socket
import struct
from collections import deque
from collections.abc import Callable
from typing import Final

from headwater.log_pace import paced_logger
from headwater.net.event_loop import EventLoop

logger = paced_logger(__name__)

_HEAD: Final = struct.Struct(">IB")
"""The length of a message, and whether a socket comes with it."""
_READ_BYTES: Final = 262_144
_MOST_MESSAGE_BYTES: Final = 256 << 20
_MOST_QUEUED_BYTES: Final = 256 << 20
"""What may wait for a process that does not read; more is as good as its end."""


def first_message(sock: socket.socket) -> object:
    """Wait for the first message of a `Channel` at the other end, before there is one at this end.

    Raises EOFError where the other end is closed instead.
    """
    length, _ = _HEAD.unpack(_exactly(sock, _HEAD.size))
    return pickle.loads(_exactly(sock, length))  # noqa: S301 - of a process of this program


def _exactly(sock: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        came = sock.recv(size - len(data))
        if not came:
            raise EOFError("the other process is gone")
        data += came
    return bytes(data)


OnMessage = Callable[[object, socket.socket | None], None]


class Channel:
    """One end of a Unix stream socket that both processes got from the one that started them.

    Messages are pickled: nobody but these two processes can write here. `on_message` gets each with
    its socket, which it owns. `on_closed` is called once when the other end is gone or breaks the
    form; after `close` it is not.
    """

    def __init__(
        self,
        sock: socket.socket,
        loop: EventLoop,
        on_message: OnMessage,
        on_closed: Callable[[], None],
    ) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._descriptor = sock.fileno()
        self._loop = loop
        self._on_message = on_message
        self._on_closed = on_closed
        self._received = bytearray()
        # Sockets that came before their message was whole; None for one that could not be taken.
        self._came: deque[socket.socket | None] = deque()
        self._queue: deque[tuple[memoryview, socket.socket | None]] = deque()
        self._queued_bytes = 0
        self.closed = False
        loop.add_reader(self._descriptor, self._read)

    def send(self, message: object, sock: socket.socket | None = None) -> None:
        """Send a message behind all others. A socket is given away: it is closed here."""
        if self.closed:
            if sock is not None:
                sock.close()
            return
        body = pickle.dumps(message)
        data = memoryview(_HEAD.pack(len(body), sock is not None) + body)
        self._queue.append((data, sock))
        self._queued_bytes += len(data)
        if self._queued_bytes > _MOST_QUEUED_BYTES:
            self._break("too much waits for it")
        elif len(self._queue) == 1:
            self._flush()

    def close(self) -> None:
        """Say and hear nothing more; a second call does nothing."""
        if self.closed:
            return
        self.closed = True
        self._loop.remove_reader(self._descriptor)
        self._loop.remove_writer(self._descriptor)
        self._sock.close()
        for sock in (*self._came, *(sock for _, sock in self._queue)):
            if sock is not None:
                sock.close()
        self._came.clear()
        self._queue.clear()

    def _flush(self) -> None:
        queue = self._queue
        while queue:
            data, sock = queue[0]
            try:
                if sock is None:
                    sent = self._sock.send(data)
                else:
                    sent = socket.send_fds(self._sock, [data], [sock.fileno()])
            except (BlockingIOError, InterruptedError):
                self._loop.add_writer(self._descriptor, self._flush)
                return
            except OSError as error:
                self._break(str(error))
                return
            self._queued_bytes -= sent
            if sock is not None:
                sock.close()
            if sent < len(data):
                queue[0] = (data[sent:], None)
            else:
                queue.popleft()
        self._loop.remove_writer(self._descriptor)

    def _read(self) -> None:
        try:
            data, descriptors, flags, _ = socket.recv_fds(self._sock, _READ_BYTES, 1)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._break(str(error))
            return
        # One read brings the sockets of one message at most (unix(7)).
        self._came.extend(socket.socket(fileno=number) for number in descriptors)
        if flags & socket.MSG_CTRUNC and not descriptors:
            self._came.append(None)
        if not data:
            self._break("")
            return
        self._received += data
        while not self.closed and self._next():
            pass

    def _next(self) -> bool:
        received = self._received
        if len(received) < _HEAD.size:
            return False
        length, with_socket = _HEAD.unpack_from(received)
        if length > _MOST_MESSAGE_BYTES:
            self._break(f"a message of {length} bytes")
            return False
        end = _HEAD.size + length
        if len(received) < end:
            return False
        body = bytes(memoryview(received)[_HEAD.size : end])
        del received[:end]
        sock = self._came.popleft() if with_socket and self._came else None
        try:
            message = pickle.loads(body)  # noqa: S301 - of a process of this program
        except Exception:
            logger.exception("a message of another process was not understood")
            if sock is not None:
                sock.close()
            return True
        try:
            self._on_message(message, sock)
        except Exception:
            logger.exception("a message of another process failed")
            if sock is not None:
                with contextlib.suppress(OSError):
                    sock.close()
        return True

    def _break(self, cause: str) -> None:
        if self.closed:
            return
        logger.debug("channel closed", extra={"cause": cause})
        self.close()
        self._loop.call_soon(self._on_closed)
