"""What comes before the first byte of RTSP: a PROXY header, a TLS hello, or nothing."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass

from headwater.log_pace import paced_logger
from headwater.net.event_loop import EventLoop
from headwater.net.proxy_protocol import ProxyProtocolError, parse_proxy_header
from headwater.net.socket_address import Address

_log = paced_logger(__name__)

_READ_BYTES = 4096
_MOST_BYTES = 16_384
"""Of what is looked at: a record of TLS has no more."""
_TLS_HANDSHAKE = 0x16
"""First byte of a TLS record that carries a handshake (RFC 8446 §5.1); no RTSP begins so."""


@dataclass(frozen=True, slots=True)
class Greeting:
    """What a connection began with.

    Attributes:
        peer: the client's address: the PROXY header's where there was one that told it.
        initial_data: bytes already read that belong to TLS or RTSP.
        tls: whether those bytes begin a TLS handshake.
        http: whether it is one of HTTP, where that was to be told.
    """

    peer: Address
    initial_data: bytes
    tls: bool
    http: bool = False


class Preamble:
    """Reads a new connection's first bytes and says what it is, or why it is none.

    Exactly one of the two callbacks is called, never from the constructor. The socket is closed
    when it is `on_failure`; `on_greeting` takes it over.
    """

    def __init__(
        self,
        sock: socket.socket,
        peer: Address,
        loop: EventLoop,
        *,
        expects_proxy: bool,
        deadline_s: float,
        on_greeting: Callable[[socket.socket, Greeting], None],
        on_failure: Callable[[Address, str], None],
        begins_http: Callable[[bytes], bool | None] | None = None,
    ) -> None:
        """`begins_http` tells connections of HTTP by what has come, None while more has to."""
        self._begins_http = begins_http
        sock.setblocking(False)
        self._sock = sock
        self._peer = peer
        self._loop = loop
        self._expects_proxy = expects_proxy
        self._on_greeting = on_greeting
        self._on_failure = on_failure
        self._data = b""
        self._done = False
        self._timer = loop.call_later(deadline_s, self._fail, "no first byte in time")
        try:
            loop.add_reader(sock.fileno(), self._on_readable)
        except BaseException:
            self._timer.cancel()
            raise

    def close(self) -> None:
        """Close the socket without a word; after the end nothing happens."""
        if not self._done:
            self._let_go()
            self._sock.close()

    def _on_readable(self) -> None:
        try:
            self._read()
        except Exception as error:  # noqa: BLE001 - one peer's trouble, and nobody else's
            _log.error(
                "Connection's first bytes not taken",
                exc_info=error,
                extra={"peer": self._peer[0]},
            )
            self._fail(repr(error))

    def _read(self) -> None:
        try:
            data = self._sock.recv(_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._fail(str(error))
            return
        if not data:
            self._fail("closed before its first byte")
            return
        self._data += data
        if self._expects_proxy:
            try:
                header = parse_proxy_header(self._data)
            except ProxyProtocolError as error:
                self._fail(f"PROXY header: {error}")
                return
            if header is None:
                return
            self._data = self._data[header.size_bytes :]
            self._peer = header.source or self._peer
            self._expects_proxy = False
            if not self._data:
                return
        http = False
        if self._begins_http is not None:
            told = self._begins_http(self._data)
            if told is None and len(self._data) < _MOST_BYTES:
                return
            http = bool(told)
        self._let_go()
        tls = self._data[0] == _TLS_HANDSHAKE
        self._on_greeting(self._sock, Greeting(self._peer, self._data, tls, http))

    def _fail(self, cause: str) -> None:
        self._let_go()
        self._sock.close()
        self._on_failure(self._peer, cause)

    def _let_go(self) -> None:
        self._done = True
        self._timer.cancel()
        self._loop.remove_reader(self._sock.fileno())
