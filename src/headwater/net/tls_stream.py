"""A TCP connection under TLS, with the interface of a plain one."""

from __future__ import annotations

import socket
import ssl
from asyncio import AbstractEventLoop

from headwater.net.socket_address import Address
from headwater.net.stream import StreamReceiver


class TlsStream:
    """Owns a connected socket and speaks TLS on it; see ByteStream for what the methods do.

    Writes before the handshake has ended wait for it. `queued_bytes` counts bytes as they go over
    the wire. A handshake that fails or takes longer than `handshake_deadline_s` is told by
    `stream_closed` with an `ssl.SSLError` or `TimeoutError`. `initial_data` are bytes already read
    from the socket, so that one port may serve both by the first byte.
    """

    def __init__(
        self,
        sock: socket.socket,
        loop: AbstractEventLoop,
        receiver: StreamReceiver,
        context: ssl.SSLContext,
        *,
        initial_data: bytes = b"",
        server_hostname: str | None = None,
        server_side: bool = True,
        handshake_deadline_s: float = 10.0,
        read_bytes: int = 65_536,
        reads_per_wake: int = 4,
        close_deadline_s: float = 2.0,
        peer_address: Address | None = None,
    ) -> None:
        self.receiver: StreamReceiver = receiver
        self.secure: bool = True
        self.handshake_done: bool = False
        raise NotImplementedError
