"""A TCP connection with a queue that can be measured: bytes, age, stall."""

from __future__ import annotations

import socket
from asyncio import AbstractEventLoop

from headwater.net.socket_address import Address
from headwater.net.stream import ByteStream, HalfCloseReceiver, StreamReceiver

__all__ = ["ByteStream", "HalfCloseReceiver", "StreamReceiver", "TcpStream"]


class TcpStream:
    """Owns a connected socket from now on; reading begins in the loop's next turn.

    `receiver` may be replaced at any time. `initial_data` are bytes already read from the socket;
    they are delivered first. See ByteStream for what the methods do.
    """

    def __init__(
        self,
        sock: socket.socket,
        loop: AbstractEventLoop,
        receiver: StreamReceiver,
        *,
        initial_data: bytes = b"",
        read_bytes: int = 65_536,
        reads_per_wake: int = 4,
        close_deadline_s: float = 2.0,
        peer_address: Address | None = None,
    ) -> None:
        self.receiver: StreamReceiver = receiver
        self.local_address: Address
        self.peer_address: Address
        self.secure: bool = False
        self.closed: bool = False
        self.queued_bytes: int = 0
        self.writes_stalled_since: float | None = None
        self.bytes_received: int = 0
        self.bytes_sent: int = 0
        raise NotImplementedError

    def oldest_queued_s(self, now: float) -> float:
        """Return the age in seconds of the oldest unsent byte, 0.0 when nothing is queued."""
        raise NotImplementedError

    def write(self, data: bytes) -> None:
        """Send now what the kernel takes and queue the rest without copying it."""
        raise NotImplementedError

    def pause_reading(self) -> None:
        """Take nothing from the peer until `resume_reading`."""
        raise NotImplementedError

    def resume_reading(self) -> None:
        """Undo `pause_reading`."""
        raise NotImplementedError

    def close(self, deadline_s: float | None = None) -> None:
        """Take no more writes or data, flush what is queued, then close."""
        raise NotImplementedError

    def abort(self, error: Exception | None = None) -> None:
        """Close at once, giving up what is queued."""
        raise NotImplementedError
