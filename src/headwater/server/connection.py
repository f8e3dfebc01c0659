"""One TCP connection: bytes to requests and `$` frames, requests to answers, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from headwater.log_pace import paced_logger
from headwater.net.socket_address import address_block, address_text
from headwater.net.stream import ByteStream
from headwater.protocol.connection_parser import WireParser
from headwater.protocol.errors import ProtocolError
from headwater.protocol.message import InterleavedFrames, Request, Response
from headwater.protocol.status import Status
from headwater.server.answering import answer, answer_protocol_error
from headwater.server.request_pace import RequestPace
from headwater.server.role import Role
from headwater.server.unread_answers import MOST_UNREAD_BYTES, UnreadAnswers
from headwater.shown_text import shown

if TYPE_CHECKING:
    from headwater.server.service import Service
    from headwater.server.session import Session

logger = paced_logger(__name__)

_WORK_PER_TURN = 8
"""Requests, or runs of `$` frames, of one connection before all others get their turn."""

_WORK = {"ANNOUNCE": 4, "SETUP": 4}
"""These open sockets and sessions, which is as much work as some other requests."""

_WORK_BODY_BYTES = 1024
"""So many bytes of a request's body are as much work as a request without one."""

_PACE_BODY_BYTES = 8192
"""So many bytes of a request's body count as one request more against `limits.requests_per_s`."""

_GRANTS_KEPT = 64
"""What a connection may do on this many paths is remembered; on others it is asked again."""

ChannelConsumer = Callable[[list[bytes]], None]

_Event = Request | Response | InterleavedFrames | ProtocolError


class Connection:
    """One peer's TCP connection.

    Requests are answered one after another, in the order they came. `$` frames go straight to
    their channel's consumer, unless a request before them is still being answered: then they
    wait behind it, since a publisher may send media in the same segment as its RECORD.

    What waits stays unread: in the parser as far as it came with one read, else with the peer. In
    one turn of the loop a bounded amount of work is done, however much has come.
    """

    def __init__(
        self, service: Service, roles: frozenset[Role], peer: tuple[str, int], *, secure: bool
    ) -> None:
        self.service = service
        self.roles = roles
        self.peer_ip, self.peer_port = peer
        self.address_block = address_block(self.peer_ip, service.settings.limits.ipv6_prefix_bits)
        """What counts as one address with the limits."""
        self.secure = secure
        self._grants: dict[tuple[Role, str], None] = {}
        self.username: str | None = None
        self.challenged = False
        """Whether a 401 has told it how to log in."""
        self.user_agent = ""
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
        # What the peer has not taken, from the first answer on that did not leave at once.
        self._unread: UnreadAnswers | None = None
        self._answers_taken: asyncio.Event | None = None
        self._worker: asyncio.Task[None] | None = None
        self._ending = False
        self._closes_when_idle = False

    @property
    def peer(self) -> str:
        """The peer as `address:port`, with brackets around an IPv6 address."""
        return address_text((self.peer_ip, self.peer_port))

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

    @property
    def unread_bytes(self) -> int:
        """Bytes of answers that the peer has not taken."""
        return 0 if self._unread is None else self._unread.size_bytes

    @property
    def attached(self) -> bool:
        """Whether it has its byte stream."""
        return self._stream is not None

    def attach(self, stream: ByteStream) -> None:
        """Give the connection its byte stream."""
        self._stream = stream

    def stream_data(self, data: bytes) -> None:
        """Take bytes off the wire."""
        if self._ending or self.closed:
            return
        parser = self._parser
        parser.receive_data(data)
        if self._worker is not None:
            self.stream.pause_reading()
            return
        for _ in range(_WORK_PER_TURN):
            try:
                event: _Event | None = parser.next_event()
            except ProtocolError as error:
                event = error
            if isinstance(event, InterleavedFrames):
                self._deliver(event)
            elif event is None:
                if parser.partial:
                    self._note_unfinished()
                else:
                    self.message_began_s = None
                return
            else:
                break
        else:
            event = None
        self.message_began_s = None
        self._worker = asyncio.get_running_loop().create_task(self._work(event))

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
        if self._stream is not None:
            self._stream.close()

    def abort(self) -> None:
        """Close at once."""
        self._ending = True
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

    def _next_event(self) -> _Event | None:
        try:
            return self._parser.next_event()
        except ProtocolError as error:
            return error

    def _note_unfinished(self) -> None:
        """Note since when the rest of a message is awaited: there is a deadline for it."""
        offset = self._parser.offset
        if self.message_began_s is None or offset != self._message_offset:
            self._message_offset = offset
            self.message_began_s = self.service.clock()

    def _note_life(self, request: Request) -> None:
        # Some clients name themselves in DESCRIBE alone.
        agent = request.headers.get("User-Agent")
        if agent and agent != self.user_agent:
            self.user_agent = shown(agent)
        # Not every client names its session in what it sends to keep it alive.
        self.last_request_s = now = self.service.clock()
        for session in self.sessions.values():
            session.touch(now)

    async def _keep_pace(self, request: Request) -> None:
        weight = 1 + len(request.body) // _PACE_BODY_BYTES
        wait_s = self._pace.wait_s(self.service.clock(), weight)
        if wait_s > 0:
            self.service.counters.requests_delayed += 1
            await asyncio.sleep(wait_s)

    @property
    def _budget_spent(self) -> bool:
        service = self.service
        return service.answer_budget.spent or service.queue_budget.spent

    def _must_wait_for_peer(self) -> bool:
        unread_bytes = self.unread_bytes
        return unread_bytes > MOST_UNREAD_BYTES or (unread_bytes > 0 and self._budget_spent)

    async def _until_answers_are_taken(self) -> None:
        """Wait while a peer that asks and asks takes too little of what it is answered.

        Nothing more is read from it meanwhile; `write_stall_timeout_s` bounds the wait.
        """
        if not self._must_wait_for_peer():
            return
        if self.unread_bytes <= MOST_UNREAD_BYTES and self.service.answer_budget.spent:
            self.service.answer_budget.refusals += 1
        self.stream.pause_reading()
        self._answers_taken = asyncio.Event()
        await self._answers_taken.wait()
        self._answers_taken = None

    async def _work(self, event: _Event | None) -> None:
        """Do what one event asks for (none: the next one), then all that are there behind it."""
        work = 0 if event is not None else _WORK_PER_TURN
        try:
            while True:
                if work >= _WORK_PER_TURN:
                    work = 0
                    await asyncio.sleep(0)
                event = event or self._next_event()
                if event is None or self.closed or self._ending:
                    break
                work += await self._do(event)
                event = None
        except Exception:
            logger.exception("connection failed", extra={"peer": self.peer})
            self.service.counters.connection_failures += 1
            # Also those over UDP, which might wait for another connection: they are half begun.
            for session in tuple(self.sessions.values()):
                self.service.sessions.close(session, "connection failed")
            self.abort()
        finally:
            self._worker = None
            if self._closes_when_idle:
                self.close()
            elif not self.closed and not self._ending:
                if self._parser.partial:
                    self._note_unfinished()
                self.stream.resume_reading()

    async def _do(self, event: _Event) -> int:
        """Do what one event asks for; returns how much work that was."""
        match event:
            case InterleavedFrames():
                self._deliver(event)
            case Request():
                await self._until_answers_are_taken()
                self.requests += 1
                self._note_life(event)
                await self._keep_pace(event)
                await answer(self, event)
                return _WORK.get(event.method, 1) + len(event.body) // _WORK_BODY_BYTES
            case ProtocolError():
                await self._until_answers_are_taken()
                answer_protocol_error(self, event)
                if _ends_the_connection(event):
                    self.close()
            case Response():
                # This server asks nothing, so whatever is answered is of no use.
                pass
        return 1


def _ends_the_connection(error: ProtocolError) -> bool:
    # Whoever cannot write a request is not to be read any further, even where the next one
    # could be found; a URI too long or another version is a request all the same.
    return error.fatal or error.status == Status.BAD_REQUEST
