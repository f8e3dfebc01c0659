"""A TCP connection: what comes from it, how it ends, and what its owner is told."""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import Final

from headwater.log_pace import paced_logger
from headwater.net.event_loop import EventLoop, Timer
from headwater.net.read_memory import read_memory
from headwater.net.second_look import SecondLooks, second_looks
from headwater.net.socket_address import Address, address_text, unmapped
from headwater.net.stream import (
    NOBODY,
    ByteStream,
    HalfCloseReceiver,
    QueuedTotal,
    StreamReceiver,
    may_write_on,
)
from headwater.net.tcp_options import INHERITED, set_tcp_options
from headwater.net.tcp_send_queue import TcpSendQueue
from headwater.net.urgent_sockets import urgent_sockets

__all__ = ["ByteStream", "HalfCloseReceiver", "StreamReceiver", "TcpStream"]

_log = paced_logger(__name__)

# After its last byte a closing stream waits so long for the peer to close too. Closing with bytes
# unread would send a reset, which can destroy the answer that is still on its way.
_LINGER_S: Final = 0.5
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


class TcpStream(TcpSendQueue):
    """Owns a connected socket from now on; reading begins in the loop's next turn.

    `receiver` may be replaced at any time. `initial_data` are bytes already read from the socket;
    they are delivered first. An exception that the receiver raises is logged and ends this stream
    alone. See ByteStream for what the methods do.
    """

    peer_certificate: Final = None

    __slots__ = (
        "_close_deadline_s",
        "_ended",
        "_initial_data",
        "_memory",
        "_reading",
        "_reading_on",
        "_reads_per_wake",
        "_recv_into",
        "_second_looks",
        "_timer",
        "_to_be_seen",
        "_watched",
        "bytes_received",
        "local_address",
        "peer_address",
        "receiver",
        "secure",
    )

    def __init__(
        self,
        sock: socket.socket,
        loop: EventLoop,
        receiver: StreamReceiver,
        *,
        initial_data: bytes = b"",
        read_bytes: int = 65_536,
        reads_per_wake: int = 4,
        close_deadline_s: float = 2.0,
        peer_address: Address | None = None,
        queued_total: QueuedTotal | None = None,
        was_accepted: bool = False,
    ) -> None:
        """`was_accepted`: the socket is one that a `TcpListener` handed over."""
        if sock.gettimeout() != 0:
            sock.setblocking(False)
        if not (was_accepted and INHERITED):
            try:
                set_tcp_options(sock)
            except OSError:
                _log.debug("A new connection takes no options: it is gone already")
        super().__init__(sock, loop, queued_total or QueuedTotal())
        self._recv_into = sock.recv_into
        self._memory = read_memory(loop, read_bytes)
        # Where the loop tells of an error but once, one that came with data is found by these.
        self._second_looks: SecondLooks | None = second_looks(loop)
        self._to_be_seen = False
        self._reads_per_wake = reads_per_wake
        self._close_deadline_s = close_deadline_s
        self._initial_data = initial_data
        self._timer: Timer | None = None
        # Whether the loop tells when there is something to read.
        self._watched = False
        self._reading = True
        self._reading_on = False
        self._ended = False
        self.receiver: StreamReceiver = receiver
        self.local_address: Address = _address_of(sock, "getsockname")
        self.peer_address: Address = peer_address or _address_of(sock, "getpeername")
        self.secure: bool = False
        self.bytes_received: int = len(initial_data)
        if initial_data:
            loop.call_soon(self._begin)
        else:
            self._watch()

    # -- reading

    def pause_reading(self) -> None:
        """Take nothing from the peer until `resume_reading`."""
        if self._reading and not self.closed:
            self._reading = False
            self._watch_no_more()

    def resume_reading(self) -> None:
        """Undo `pause_reading`."""
        if self._reading or self.closed:
            return
        self._reading = True
        if self._initial_data:
            self._loop.call_soon(self._begin)
        else:
            self._watch()

    def read_first(self) -> None:
        """Have it read before other work from now on, until `read_in_turn`."""
        urgent_sockets(self._loop).add(self._descriptor, self._read_at_once)

    def read_in_turn(self) -> None:
        """Undo `read_first`, also once it is closed."""
        urgent_sockets(self._loop).discard(self._descriptor, self._read_at_once)

    def _read_at_once(self) -> None:
        if self._watched:
            self._read()

    def _begin(self) -> None:
        """Deliver what was read before, then read on."""
        if not self._reading or self._released:
            return
        data, self._initial_data = self._initial_data, b""
        if data and not self.closed:
            try:
                self.receiver.stream_data(data)
            except Exception as error:  # noqa: BLE001 - as below
                self._contain(error)
        if self._reading and not self._released:
            self._watch()

    def _watch(self) -> None:
        if not self._watched and not self._ended:
            self._watched = True
            self._loop.add_reader(self._descriptor, self._read)

    def _watch_no_more(self) -> None:
        if self._watched:
            self._watched = False
            self._loop.remove_reader(self._descriptor)

    def _read(self) -> None:
        """Read a bounded number of times, so that one busy peer cannot starve the others."""
        if self._reading_on:
            return
        memory, recv_into = self._memory, self._recv_into
        for _ in range(self._reads_per_wake):
            try:
                came_bytes = recv_into(memory)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                self.abort(error)
                return
            if not came_bytes:
                self._end()
                return
            self.bytes_received += came_bytes
            if not self.closed:
                try:
                    self.receiver.stream_data(memory[:came_bytes])
                except Exception as error:  # noqa: BLE001 - a receiver's fault ends its stream alone
                    self._contain(error)
            if not self._reading:
                return
            if came_bytes < len(memory):
                # It has emptied the socket: the call that would say so can be saved.
                if not self._to_be_seen and self._second_looks is not None:
                    self._to_be_seen = True
                    self._second_looks.add(self, self._loop)
                return
        if self._second_looks is not None:
            self._reading_on = True
            self._loop.call_soon(self._read_on)

    def _read_on(self) -> None:
        self._reading_on = False
        if self._watched:
            self._read()

    def look_again(self) -> None:
        """See whether an error came with the last data."""
        self._to_be_seen = False
        if self._watched:
            self._read()

    def _end(self) -> None:
        """Handle the peer's end of data."""
        self._ended = True
        self._watch_no_more()
        if self.closed:
            if not self.queued_bytes:
                self._release(None)
            return
        receiver = self.receiver
        if may_write_on(receiver):
            try:
                if receiver.stream_ended():
                    return
            except Exception as error:  # noqa: BLE001 - as above
                self._contain(error)
        self.close()

    # -- closing

    def close(self, deadline_s: float | None = None) -> None:
        """Take no more writes or data, flush what is queued, then close."""
        if self.closed:
            return
        self.closed = True
        self._tell_writers()
        if self.queued_bytes:
            delay_s = self._close_deadline_s if deadline_s is None else deadline_s
            self._timer = self._loop.call_later(delay_s, self._give_up, delay_s)
            self._watch_for_end()
        else:
            self._linger()

    def abort(self, error: Exception | None = None) -> None:
        """Close at once, giving up what is queued."""
        if self._released:
            return
        # A reset frees the kernel's buffers of a dead peer at once. It must not follow an orderly
        # end: it could destroy bytes that the peer has yet to read.
        if self.queued_bytes or not self.closed:
            with contextlib.suppress(OSError):
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._release(error)

    def detach(self) -> socket.socket | None:
        """Give the socket back and forget it; the receiver is told nothing more.

        None, and nothing changes, where something waits to be written or the stream is closed.
        """
        if self.queued_bytes or self.closed or self._ended:
            return None
        self._released = self.closed = True
        self._reading = False
        self._tell_writers()
        # What comes from now on is for who gets the socket.
        self._watch_no_more()
        return self._sock

    def _give_up(self, deadline_s: float) -> None:
        self.abort(TimeoutError(f"{self.queued_bytes} bytes not sent {deadline_s:g} s after close"))

    def _watch_for_end(self) -> None:
        """Read on, though only to see the peer's end and to leave nothing unread."""
        self._reading = True
        self._watch()

    def _linger(self) -> None:
        """End our side in order and give the peer a moment to end its own."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._ended:
            # Nothing of the peer is unread, so closing ends our side in order as well.
            self._release(None)
            return
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._release(None)
            return
        self._watch_for_end()
        self._timer = self._loop.call_later(_LINGER_S, self._release, None)

    def _release(self, error: Exception | None) -> None:
        if self._released:
            return
        self._released = True
        if not self.closed:
            self.closed = True
            self._tell_writers()
        self._reading = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._watched:
            self._watch_no_more()
        if self._to_be_seen and self._second_looks is not None:
            self._second_looks.discard(self)
        if self.queued_bytes:
            self._wait_no_more()
            self._forget_queue()
        self._sock.close()
        self._loop.call_soon(self._tell_closed, error)

    # -- telling

    def _queue_emptied(self) -> None:
        if self.closed:
            self._linger()
            return
        try:
            self.receiver.stream_drained()
        except Exception as error:  # noqa: BLE001 - a receiver's fault ends its stream alone
            self._contain(error)

    def _tell_closed(self, error: Exception | None) -> None:
        # It knows its owner no more: else both would stay in memory, some 5 kB, until a full
        # collection of what knows each other.
        receiver, self.receiver = self.receiver, NOBODY
        try:
            receiver.stream_closed(error)
        except Exception:  # noqa: BLE001 - logged; nothing is left to end
            self._log_receiver_error()

    def _contain(self, error: Exception) -> None:
        self._log_receiver_error()
        self.abort(error)

    def _log_receiver_error(self) -> None:
        _log.exception("Stream receiver failed", extra={"peer": address_text(self.peer_address)})


def _address_of(sock: socket.socket, question: str) -> Address:
    """Return the socket's own or its peer's address; `("", 0)` when it has none (any more)."""
    try:
        address = sock.getsockname() if question == "getsockname" else sock.getpeername()
    except OSError:
        return ("", 0)
    return unmapped(address) if isinstance(address, tuple) else ("", 0)
