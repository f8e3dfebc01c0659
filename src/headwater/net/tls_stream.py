"""A TCP connection under TLS, with the interface of a plain one."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from headwater.net.event_loop import EventLoop
from headwater.net.socket_address import Address
from headwater.net.stream import QueuedTotal, StreamReceiver, may_write_on
from headwater.net.tcp_stream import TcpStream

# One TLS record holds at most this much plaintext (RFC 8446 section 5.1).
_RECORD_BYTES: Final = 16_384
_MOST_UNREAD_PROTOCOL_BYTES: Final = 32_768


class TlsStream:
    """Owns a connected socket and speaks TLS on it; see ByteStream for what the methods do.

    Writes before the handshake has ended wait for it. `queued_bytes` counts bytes as they go over
    the wire. A handshake that fails or takes longer than `handshake_deadline_s` is told by
    `stream_closed` with an `ssl.SSLError` or `TimeoutError`. `initial_data` are bytes already read
    from the socket, so that one port may serve both by the first byte.

    `check_peer` is given the peer's certificate as DER (None without one) before a byte is written
    or delivered; what it raises, an `ssl.SSLError`, fails the handshake.
    """

    __slots__ = (
        "_check_peer",
        "_close_deadline_s",
        "_early",
        "_early_bytes",
        "_ended",
        "_failure",
        "_handshake_deadline_s",
        "_incoming",
        "_outgoing",
        "_tcp",
        "_timer",
        "_tls",
        "_unread_protocol_bytes",
        "closed",
        "handshake_done",
        "receiver",
        "secure",
    )

    def __init__(
        self,
        sock: socket.socket,
        loop: EventLoop,
        receiver: StreamReceiver,
        context: ssl.SSLContext,
        *,
        initial_data: bytes = b"",
        server_hostname: str | None = None,
        server_side: bool = True,
        check_peer: Callable[[bytes | None], None] | None = None,
        handshake_deadline_s: float = 10.0,
        read_bytes: int = 65_536,
        reads_per_wake: int = 4,
        close_deadline_s: float = 2.0,
        peer_address: Address | None = None,
        queued_total: QueuedTotal | None = None,
        was_accepted: bool = False,
    ) -> None:
        """`was_accepted`: see `TcpStream`."""
        self.receiver: StreamReceiver = receiver
        self.secure: bool = True
        self.closed: bool = False
        self.handshake_done: bool = False
        """Whether TLS is established; data flows from then on."""
        self._early: deque[bytes] = deque()
        self._early_bytes = 0
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_side, server_hostname=server_hostname
        )
        self._check_peer = check_peer
        self._handshake_deadline_s = handshake_deadline_s
        self._close_deadline_s: float | None = None
        self._ended = False
        self._unread_protocol_bytes = 0
        self._failure: Exception | None = None
        self._tcp = TcpStream(
            sock,
            loop,
            self,
            initial_data=initial_data,
            read_bytes=read_bytes,
            reads_per_wake=reads_per_wake,
            close_deadline_s=close_deadline_s,
            peer_address=peer_address,
            queued_total=queued_total,
            was_accepted=was_accepted,
        )
        self._timer = loop.call_later(handshake_deadline_s, self._handshake_overdue)
        if not server_side:
            loop.call_soon(self._advance)

    @property
    def local_address(self) -> Address:
        """The address of this end."""
        return self._tcp.local_address

    @property
    def peer_address(self) -> Address:
        """The address of the other end, IPv4-mapped ones as IPv4."""
        return self._tcp.peer_address

    @property
    def queued_bytes(self) -> int:
        """Bytes written and not yet taken by the kernel, encrypted ones as they go."""
        return self._tcp.queued_bytes + self._early_bytes

    @property
    def writes_stalled_since(self) -> float | None:
        """When the kernel last took bytes, while some are queued; None when none are."""
        return self._tcp.writes_stalled_since

    @property
    def bytes_received(self) -> int:
        """Bytes that came from the wire so far, encryption included."""
        return self._tcp.bytes_received

    @property
    def bytes_sent(self) -> int:
        """Bytes that the kernel took for the wire so far, encryption included."""
        return self._tcp.bytes_sent

    @property
    def peer_certificate(self) -> dict[str, Any] | None:
        """The peer's verified certificate as `ssl` decodes it; None when it showed none."""
        return (self._tls.getpeercert() or None) if self.handshake_done else None

    @property
    def direct(self) -> None:
        """None: what is written must be encrypted."""
        return None

    def oldest_queued_s(self, now: float) -> float:
        """Return the age in seconds of the oldest unsent byte, 0.0 when nothing is queued."""
        return self._tcp.oldest_queued_s(now)

    def write(self, data: bytes) -> None:
        """Encrypt, send now what the kernel takes and queue the rest."""
        if self.closed:
            return
        if not self.handshake_done:
            self._early.append(data)
            self._early_bytes += len(data)
            return
        try:
            self._encrypt(data)
        except ssl.SSLError as error:
            self.abort(error)
            return
        self._tcp.write(self._outgoing.read())

    def count_queue_in(self, total: QueuedTotal) -> None:
        """Count what is queued in another total from now on."""
        self._tcp.count_queue_in(total)

    def cork(self) -> None:
        """Queue what is written until `uncork`, so that it leaves in one system call."""
        self._tcp.cork()

    def uncork(self) -> None:
        """Send what was queued since `cork`; without one it does nothing."""
        self._tcp.uncork()

    def pause_reading(self) -> None:
        """Take nothing from the peer until `resume_reading`."""
        self._tcp.pause_reading()

    def resume_reading(self) -> None:
        """Undo `pause_reading`."""
        self._tcp.resume_reading()

    def read_first(self) -> None:
        """Have it read before other work from now on, until `read_in_turn`."""
        self._tcp.read_first()

    def read_in_turn(self) -> None:
        """Undo `read_first`, also once it is closed."""
        self._tcp.read_in_turn()

    def close(self, deadline_s: float | None = None) -> None:
        """Take no more writes or data, flush what is queued and close_notify, then close."""
        if self.closed:
            return
        self.closed = True
        if self._early:
            # What was written waits for the handshake, and so does the end.
            self._close_deadline_s = deadline_s
            return
        self._timer.cancel()
        if self.handshake_done:
            # Sends our close_notify (RFC 8446 section 6.1); the peer's is not waited for.
            with contextlib.suppress(ssl.SSLError):
                self._tls.unwrap()
            self._tcp.write(self._outgoing.read())
        self._tcp.close(deadline_s)

    def abort(self, error: Exception | None = None) -> None:
        """Close at once, giving up what is queued."""
        self.closed = True
        self._timer.cancel()
        self._tcp.abort(error)

    # -- what the TCP stream tells

    def stream_data(self, data: bytes) -> None:
        """Take encrypted bytes from the TCP stream."""
        self._incoming.write(data)
        self._advance()

    def stream_drained(self) -> None:
        """Pass on that the TCP stream's queue is empty."""
        self.receiver.stream_drained()

    def stream_closed(self, error: Exception | None) -> None:
        """Pass on that the TCP stream is gone."""
        self.closed = True
        self._timer.cancel()
        self._early.clear()
        self._early_bytes = 0
        self.receiver.stream_closed(self._failure or error)

    def stream_ended(self) -> bool:
        """Ask the receiver whether it goes on writing after the peer's end of data."""
        if self._ended:
            return not self.closed
        self._ended = True
        receiver = self.receiver
        if not self.handshake_done:
            self._early.clear()
            self.closed = False
            self._failure = ConnectionResetError("peer left during the TLS handshake")
        elif may_write_on(receiver) and receiver.stream_ended():
            return True
        self.close()
        return False

    # -- TLS

    def _advance(self) -> None:
        """Take the handshake, then the data, as far as the received bytes allow."""
        try:
            if not self.handshake_done:
                self._tls.do_handshake()
                self._established()
        except ssl.SSLWantReadError:
            self._tcp.write(self._outgoing.read())
            return
        except ssl.SSLError as error:
            self._fail(error)
            return
        if not self.closed:
            self._decrypt()

    def _established(self) -> None:
        if self._check_peer is not None:
            self._check_peer(self._tls.getpeercert(binary_form=True))
        self.handshake_done = True
        self._timer.cancel()
        while self._early:
            self._encrypt(self._early.popleft())
        self._early_bytes = 0
        self._tcp.write(self._outgoing.read())
        if self.closed:
            self.closed = False
            self.close(self._close_deadline_s)

    def _decrypt(self) -> None:
        """Deliver all records in one piece, so that peers with a record a frame make batches."""
        records: list[bytes] = []
        failure: ssl.SSLError | None = None
        try:
            while record := self._tls.read(_RECORD_BYTES):
                records.append(record)
        except ssl.SSLWantReadError:
            ended = False
        except ssl.SSLError as error:
            failure, ended = error, False
        else:
            # close_notify: the peer sends no more.
            ended = True
        if self._outgoing.pending:
            self._answer_protocol()
        if records and not self.closed:
            self.receiver.stream_data(records[0] if len(records) == 1 else b"".join(records))
        if failure is not None:
            self._fail(failure)
        elif ended:
            self.stream_ended()

    def _answer_protocol(self) -> None:
        """Send what TLS itself has to say, unless the peer asks ever more and takes none of it.

        Each KeyUpdate (RFC 8446 section 4.6.3) may ask for one in return.
        """
        tcp = self._tcp
        if not tcp.queued_bytes:
            self._unread_protocol_bytes = 0
        self._unread_protocol_bytes += self._outgoing.pending
        if self._unread_protocol_bytes > _MOST_UNREAD_PROTOCOL_BYTES:
            self.abort(ConnectionAbortedError("the peer takes nothing of what its TLS asks for"))
            return
        tcp.write(self._outgoing.read())

    def _encrypt(self, data: bytes) -> None:
        """Encrypt all of `data`; one call to OpenSSL takes no more than one record (16 KiB)."""
        sent = self._tls.write(data)
        if sent != len(data):
            view = memoryview(data)
            while sent < len(data):
                sent += self._tls.write(view[sent:])

    def _fail(self, error: Exception) -> None:
        """Send the alert that OpenSSL has prepared, then close and tell why."""
        self.closed = True
        self._timer.cancel()
        self._early.clear()
        self._failure = error
        self._tcp.write(self._outgoing.read())
        self._tcp.close()

    def _handshake_overdue(self) -> None:
        self.abort(TimeoutError(f"TLS handshake not done after {self._handshake_deadline_s:g} s"))
