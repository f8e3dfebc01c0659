"""One TCP connection: bytes to requests and `$` frames, requests to answers, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from headwater.log_pace import paced_logger
from headwater.net.stream import ByteStream
from headwater.protocol.connection_parser import WireParser
from headwater.protocol.errors import ProtocolError
from headwater.protocol.message import InterleavedFrames, Request, Response
from headwater.protocol.status import Status
from headwater.server.answering import answer, answer_protocol_error
from headwater.server.request_pace import RequestPace
from headwater.server.role import Role
from headwater.server.unread_answers import MOST_UNREAD_BYTES, UnreadAnswers

if TYPE_CHECKING:
    from headwater.server.service import Service
    from headwater.server.session import Session

logger = paced_logger(__name__)

_INBOX_LIMIT = 16
"""Requests and frame runs that may wait for an answer under way; then no more are parsed."""

_ANSWERS_PER_TURN = 4
"""Requests that are answered in a row before other connections have their turn."""

_GRANTS_KEPT = 64
"""What a connection may do on this many paths is remembered; on others it is asked again."""

ChannelConsumer = Callable[[list[bytes]], None]


class Connection:
    """One peer's TCP connection.

    Requests are answered one after another, in the order they came. `$` frames go straight to
    their channel's consumer, unless a request before them is still being answered: then they
    wait behind it, since a publisher may send media in the same segment as its RECORD.
    """

    def __init__(
        self, service: Service, roles: frozenset[Role], peer: tuple[str, int], *, secure: bool
    ) -> None:
        self.service = service
        self.roles = roles
        self.peer_ip, self.peer_port = peer
        self.secure = secure
        self._grants: dict[tuple[Role, str], None] = {}
        self.username: str | None = None
        self.sessions: dict[str, Session] = {}
        self.channels: dict[int, ChannelConsumer] = {}
        self.closed = False
        self.requests = 0
        self.opened_s = service.clock()
        self.last_request_s = self.opened_s
        self.message_began_s: float | None = None
        self._message_offset = 0
        self._stream: ByteStream | None = None
        self._parser = WireParser(limits=service.settings.limits.wire_limits())
        self._pace = RequestPace(service.settings.limits.requests_per_s, self.opened_s)
        # A list, since an empty deque takes 760 bytes and this is nearly always empty.
        self._inbox: list[Request | InterleavedFrames | ProtocolError] = []
        # What the peer has not taken, from the first answer on that did not leave at once.
        self._unread: UnreadAnswers | None = None
        self._answers_taken: asyncio.Event | None = None
        self._worker: asyncio.Task[None] | None = None
        self._ending = False
        self._closes_when_idle = False

    @property
    def peer(self) -> str:
        """The peer as `address:port`, with brackets around an IPv6 address."""
        host = f"[{self.peer_ip}]" if ":" in self.peer_ip else self.peer_ip
        return f"{host}:{self.peer_port}"

    @property
    def stream(self) -> ByteStream:
        """The byte stream below; set by `attach` before anything is received."""
        assert self._stream is not None, "a connection is attached before it is used"  # noqa: S101
        return self._stream

    @property
    def local_ip(self) -> str:
        """The address of this machine that the peer connected to."""
        return self.stream.local_address[0]

    def may(self, role: Role, path: str) -> bool:
        """Whether this connection was allowed this before."""
        return (role, path) in self._grants

    def grant(self, role: Role, path: str) -> None:
        """Remember that this connection is allowed this."""
        self._grants[(role, path)] = None
        if len(self._grants) > _GRANTS_KEPT:
            del self._grants[next(iter(self._grants))]

    def attach(self, stream: ByteStream) -> None:
        """Give the connection its byte stream."""
        self._stream = stream

    def stream_data(self, data: bytes) -> None:
        """Take bytes off the wire."""
        if self._ending or self.closed:
            return
        self._parser.receive_data(data)
        self._parse()

    def _parse(self) -> None:
        """Take what was received apart, as far as there is room for it."""
        parser = self._parser
        while not self._ending:
            if len(self._inbox) >= _INBOX_LIMIT:
                self.stream.pause_reading()
                # What waits here does not wait for the peer.
                self.message_began_s = None
                return
            try:
                event = parser.next_event()
            except ProtocolError as error:
                self._enqueue(error)
                if _ends_the_connection(error):
                    self._ending = True
                    break
                continue
            if event is None:
                break
            if isinstance(event, InterleavedFrames) and self._worker is None:
                self._deliver(event)
            elif not isinstance(event, Response):
                self._enqueue(event)
        if not parser.partial:
            self.message_began_s = None
        elif self.message_began_s is None or parser.offset != self._message_offset:
            self._message_offset = parser.offset
            self.message_began_s = self.service.clock()

    def stream_drained(self) -> None:
        """The peer took everything that was queued."""
        self.look_at_answers()

    def look_at_answers(self) -> None:
        """Go on answering when the peer has taken enough of what waits for it."""
        if self._answers_taken is not None and not self._must_wait_for_peer():
            self._answers_taken.set()

    def stream_closed(self, error: Exception | None) -> None:
        """The connection is gone: so are its TCP sessions."""
        if self.closed:
            return
        self.closed = True
        self._inbox.clear()
        if self._worker is not None:
            self._worker.cancel()
        self.service.connection_lost(self, error)

    def stream_ended(self) -> bool:
        """The peer sends no more: answer what it asked, then close."""
        if self._worker is None:
            return False
        self._closes_when_idle = True
        return True

    def send(self, message: Response | Request) -> None:
        """Queue a message behind what is already on its way."""
        if self.closed:
            return
        data = message.to_bytes()
        stream = self.stream
        stream.write(data)
        if stream.queued_bytes:
            if self._unread is None:
                self._unread = UnreadAnswers(stream)
            self._unread.written(len(data))

    def close(self) -> None:
        """Close once everything queued has left, or the stream's deadline has passed."""
        self._ending = True
        self._inbox.clear()
        if self._stream is not None:
            self._stream.close()

    def abort(self) -> None:
        """Close at once."""
        self._ending = True
        self._inbox.clear()
        if self._stream is not None:
            self._stream.abort()

    def _deliver(self, frames: InterleavedFrames) -> None:
        channels = self.channels
        for channel, packets in frames.by_channel.items():
            consumer = channels.get(channel)
            if consumer is None:
                self.service.counters.unknown_channel_frames += len(packets)
            else:
                consumer(packets)

    def _enqueue(self, item: Request | InterleavedFrames | ProtocolError) -> None:
        self._inbox.append(item)
        if self._worker is None:
            self._worker = asyncio.get_running_loop().create_task(self._work())

    def _note_life(self) -> None:
        # Not every client names its session in what it sends to keep it alive.
        self.last_request_s = now = self.service.clock()
        for session in self.sessions.values():
            session.touch(now)

    async def _keep_pace(self) -> None:
        wait_s = self._pace.wait_s(self.service.clock())
        if wait_s > 0:
            self.service.counters.requests_delayed += 1
            self.stream.pause_reading()
            await asyncio.sleep(wait_s)

    def _must_wait_for_peer(self) -> bool:
        if self._unread is None:
            return False
        spent = self.service.answer_budget.spent
        return self._unread.size_bytes > (0 if spent else MOST_UNREAD_BYTES)

    async def _until_answers_are_taken(self) -> None:
        """Wait while a peer that asks and asks takes too little of what it is answered.

        Nothing more is read from it meanwhile; `write_stall_timeout_s` bounds the wait.
        """
        if not self._must_wait_for_peer():
            return
        self.stream.pause_reading()
        self._answers_taken = asyncio.Event()
        await self._answers_taken.wait()
        self._answers_taken = None

    async def _work(self) -> None:
        answered = 0
        try:
            while not self.closed:
                if not self._inbox:
                    self._parse()
                    if not self._inbox:
                        break
                item = self._inbox.pop(0)
                match item:
                    case InterleavedFrames():
                        self._deliver(item)
                    case Request():
                        answered += 1
                        if answered % _ANSWERS_PER_TURN == 0:
                            await asyncio.sleep(0)
                        await self._until_answers_are_taken()
                        self.requests += 1
                        self._note_life()
                        await self._keep_pace()
                        await answer(self, item)
                    case ProtocolError():
                        answer_protocol_error(self, item)
                        if _ends_the_connection(item):
                            self.close()
        except Exception:
            logger.exception("connection failed", extra={"peer": self.peer})
            self.service.counters.connection_failures += 1
            self.abort()
        finally:
            self._worker = None
            if self._closes_when_idle:
                self.close()
            elif not self.closed and not self._ending:
                self.stream.resume_reading()


def _ends_the_connection(error: ProtocolError) -> bool:
    # Whoever cannot write a request is not to be read any further, even where the next one
    # could be found; a URI too long or another version is a request all the same.
    return error.fatal or error.status == Status.BAD_REQUEST
