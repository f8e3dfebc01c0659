"""One connection of the web: a stream of ours beneath, uvicorn's protocol above."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from headwater.net.socket_address import address_text
from headwater.net.stream import ByteStream
from headwater.relay.limit_settings import LimitSettings

_MOST_UNSENT_BYTES = 65_536
"""Above this an answer waits until the peer has taken what was written."""

_WEBSOCKET_BURST_BYTES = 131_072
_WEBSOCKET_BYTES_PER_S = 16_384
"""What pages say by WebSocket is short. Whoever says more, in messages or in pings, is let go."""

_ENDS_BY_ITSELF = "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class RequestCycle(Protocol):
    """A request and its answer, as uvicorn keeps them."""

    response_complete: bool


class WebProtocol(Protocol):
    """What uvicorn's protocols for HTTP/1.1 and WebSocket do; the first has a `cycle`."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begin."""

    def data_received(self, data: bytes) -> None:
        """Take bytes."""

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""

    def pause_writing(self) -> None:
        """Write no more for now."""

    def resume_writing(self) -> None:
        """Write again."""


class QuickTaker(Protocol):
    """Answers some requests before the protocol above hears of them."""

    def plain_target(self, data: bytes) -> str | None:
        """Return the path and query of a request; None where it is not one whole plain GET."""

    def take(self, connection: HttpConnection, target: str) -> bool:
        """Answer a request, now or later; return False where the protocol is to do so."""


class HttpConnection(asyncio.Transport):
    """Carries bytes between a stream and a protocol, and knows what keeps the server waiting.

    Attributes:
        stream: what it is carried by, since `attach`.
        peer: the peer's address and port.
        requests: how many requests have come whole.
        is_websocket: whether it has changed from HTTP to WebSocket.
    """

    stream: ByteStream

    def __init__(
        self,
        peer: tuple[str, int],
        limits: LimitSettings,
        clock: Callable[[], float],
        on_lost: Callable[[HttpConnection, Exception | None], None],
        quick: QuickTaker,
    ) -> None:
        super().__init__()
        self.peer = peer
        self.requests = 0
        self.is_websocket = False
        self.attached = False
        self._limits = limits
        self._clock = clock
        self._on_lost = on_lost
        self._quick = quick
        # Whether each piece so far was one whole request.
        self._plain = True
        self._waits: asyncio.Task[None] | None = None
        self._behind = b""
        self._protocol: Any = None
        self._cycle: RequestCycle | None = None
        self._head_began_s: float | None = None
        self._head_bytes = 0
        self._opened_s = self._last_request_s = clock()
        self._paused_writing = False
        self._reading = True
        self._peer_ended = False
        self._ends_with_peer = False
        self._speech_bytes = float(_WEBSOCKET_BURST_BYTES)
        self._spoke_s = self._opened_s

    @property
    def peer_text(self) -> str:
        """The peer as log lines name it."""
        return address_text(self.peer)

    @property
    def secure(self) -> bool:
        """Whether TLS protects it."""
        return self.stream.secure

    def attach(self, stream: ByteStream, protocol: WebProtocol) -> None:
        """Begin: bytes go between these two from now on."""
        self.stream = stream
        self.attached = True
        self._protocol = protocol
        protocol.connection_made(self)

    @property
    def answers(self) -> bool:
        """Whether a request waits for the end of its answer."""
        if self._waits is not None:
            return True
        return self._cycle is not None and not self._cycle.response_complete

    def overdue(self, now: float) -> str | None:
        """Return the setting of the deadline that the peer has missed; None if it missed none."""
        limits = self._limits
        if self.stream.oldest_queued_s(now) > limits.write_stall_timeout_s:
            return "write_stall_timeout_s"
        if self.is_websocket or self.answers:
            return None
        if self._peer_ended:
            return "idle_connection_timeout_s"
        if self._head_began_s is not None:
            late = now - self._head_began_s > limits.request_timeout_s
            return "request_timeout_s" if late else None
        if not self.requests:
            late = now - self._opened_s > limits.first_byte_timeout_s
            return "first_byte_timeout_s" if late else None
        late = now - self._last_request_s > limits.idle_connection_timeout_s
        return "idle_connection_timeout_s" if late else None

    def turn_away(self, status: str) -> None:
        """Answer what has not become a request, and close."""
        self.stream.write(_ENDS_BY_ITSELF.format(status=status).encode())
        self.stream.close()

    # -- what the stream tells

    def stream_data(self, data: bytes) -> None:
        """Hand bytes to the protocol; a head that never ends is refused."""
        if self._waits is not None:
            self._keep(data)
            return
        if self._plain and self._is_answered_quickly(data):
            return
        answered = not self.answers
        if self.is_websocket and not self._may_say(len(data)):
            self.abort()
            return
        self._protocol.data_received(data)
        if self.is_websocket:
            return
        cycle = self._protocol.cycle
        if cycle is not self._cycle:
            self._cycle = cycle
            self._ends_with_peer = False
            self.requests += 1
            self._head_began_s, self._head_bytes = None, 0
            self._last_request_s = self._clock()
        elif answered:
            if self._head_began_s is None:
                self._head_began_s = self._clock()
            self._head_bytes += len(data)
            if self._head_bytes > self._limits.header_bytes and not self.stream.closed:
                self.turn_away("431 Request Header Fields Too Large")

    def _is_answered_quickly(self, data: bytes) -> bool:
        target = self._quick.plain_target(data)
        self._plain = target is not None
        # Who does not take what is there already waits, as the application has it.
        if target is None or self.answers or self.stream.queued_bytes:
            return False
        if not self._quick.take(self, target):
            return False
        self.requests += 1
        self._last_request_s = self._clock()
        return True

    def _keep(self, data: bytes) -> None:
        """Keep what comes behind a request that waits for its answer."""
        self._behind += data
        if len(self._behind) > self._limits.header_bytes:
            self.abort()

    def wait_for(self, task: asyncio.Task[None]) -> None:
        """Take no other request until the task has sent its answer; end it when the peer goes."""
        self._waits = task

    def answer(self, head: bytes, content: bytes) -> None:
        """Send an answer past the protocol, and go on with what came behind its request."""
        self._waits = None
        self.stream.cork()
        self.stream.write(head)
        self.write(content)
        self.stream.uncork()
        behind, self._behind = self._behind, b""
        if behind and not self.stream.closed:
            self.stream_data(behind)

    def end_with_peer(self) -> None:
        """Close once the peer has closed its side, since the answer under way has no end.

        Of others the peer may close its side and still await the answer.
        """
        self._ends_with_peer = True
        if self._peer_ended:
            self.close()

    def _may_say(self, size_bytes: int) -> bool:
        now = self._clock()
        earned = (now - self._spoke_s) * _WEBSOCKET_BYTES_PER_S
        left = min(self._speech_bytes + earned, _WEBSOCKET_BURST_BYTES) - size_bytes
        self._speech_bytes, self._spoke_s = left, now
        return left >= 0

    def stream_ended(self) -> bool:
        """Keep the writing side open for the answer that is under way."""
        self._peer_ended = True
        return self.answers and not self._ends_with_peer

    def stream_drained(self) -> None:
        """Let the answer go on."""
        if self._paused_writing:
            self._paused_writing = False
            self._protocol.resume_writing()

    def stream_closed(self, error: Exception | None) -> None:
        """Tell the protocol that the connection is gone."""
        if self._waits is not None:
            self._waits.cancel()
        try:
            self._protocol.connection_lost(error)
        finally:
            self._on_lost(self, error)

    # -- what the protocol asks

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send now what the peer takes, and the rest later."""
        if not data:
            return
        # The stream keeps what it is given, and a buffer could change meanwhile.
        self.stream.write(data if isinstance(data, bytes) else bytes(data))
        if not self._paused_writing and self.stream.queued_bytes > _MOST_UNSENT_BYTES:
            self._paused_writing = True
            self._protocol.pause_writing()

    def close(self) -> None:
        """Flush what is queued, then close."""
        self.stream.close()

    def abort(self) -> None:
        """Close at once."""
        self.stream.abort()

    def is_closing(self) -> bool:
        """Whether it takes no more."""
        return self.stream.closed

    def pause_reading(self) -> None:
        """Take nothing from the peer for now."""
        self._reading = False
        self.stream.pause_reading()

    def resume_reading(self) -> None:
        """Undo `pause_reading`."""
        self._reading = True
        self.stream.resume_reading()

    def is_reading(self) -> bool:
        """Whether bytes are taken."""
        return self._reading

    def can_write_eof(self) -> bool:
        """Return False: an answer ends by its length."""
        return False

    def get_write_buffer_size(self) -> int:
        """Return how many bytes wait for the peer."""
        return self.stream.queued_bytes

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Change nothing: the door has its own limit."""

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Go on with another protocol, which is WebSocket's."""
        self._protocol = protocol
        self.is_websocket = True

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the present protocol."""
        protocol: asyncio.BaseProtocol = self._protocol
        return protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what protocols ask of a connection."""
        facts: Mapping[str, Callable[[], Any]] = {
            "peername": lambda: self.peer,
            "sockname": lambda: self.stream.local_address,
            # uvicorn asks for it to know whether the scheme is https.
            "sslcontext": lambda: self.stream.secure or None,
        }
        found = facts.get(name)
        return default if found is None else found()
