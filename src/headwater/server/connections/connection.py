"""One peer's TCP connection: its requests are answered one after another."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from headwater.log_pace import paced_logger
from headwater.net.socket_address import address_block, address_text
from headwater.net.tcp_stream import TcpStream
from headwater.protocol.errors import ProtocolError
from headwater.protocol.header.node_ask import NodeAsk
from headwater.protocol.message import Request, Response
from headwater.protocol.status import Status
from headwater.protocol.wire_limits import WireLimits
from headwater.relay.counters import ServerCounters
from headwater.relay.end import Grant
from headwater.relay.limit_settings import LimitSettings
from headwater.server.connections.request_pace import RequestPace
from headwater.server.connections.unread_answers import MOST_UNREAD_BYTES, UnreadAnswers
from headwater.server.sessions.session import Session
from headwater.side import Side
from headwater.transports.queue_budget import QueueBudget
from headwater.transports.wire_connection import WireConnection
from headwater.transports.work_turns import WorkTurns

logger = paced_logger(__name__)

_WORK = {"ANNOUNCE": 4, "SETUP": 4}
"""These open sockets and sessions, which is as much work as some other requests."""

_WORK_BODY_BYTES = 1024
"""So many bytes of a request's body are as much work as a request without one."""

_PACE_BODY_BYTES = 8192
"""So many bytes of a request's body count as one request more against `limits.requests_per_s`."""

_GRANTS_KEPT = 64
"""What a connection may do on this many paths is remembered; on others it is asked again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What every connection of a server finds around it.

    Attributes:
        answer: answers a request.
        answer_error: answers bytes that are no request.
        lost: lets go of what ran on a connection that is gone.
        failed: ends the sessions of a connection whose work raised.
        uncount: takes back what was counted for the address of a connection.
        pass_on: gives a connection to another process where that has the mount of its request, and
            returns whether it did; None where there is no other.
    """

    limits: LimitSettings
    wire_limits: WireLimits
    clock: Callable[[], float]
    counters: ServerCounters
    turns: WorkTurns
    answer_budget: QueueBudget
    queue_budget: QueueBudget
    answer: Callable[[Connection, Request], Awaitable[None]]
    answer_error: Callable[[Connection, ProtocolError], None]
    lost: Callable[[Connection, Exception | None], None]
    failed: Callable[[Connection], None]
    uncount: Callable[[Connection], None]
    pass_on: Callable[[Connection, Request], Awaitable[bool]] | None = None


class Connection(WireConnection):
    """One peer's connection to the server, and what it was allowed to do."""

    __slots__ = (
        "_answers_taken",
        "_around",
        "_ending_grants",
        "_grants",
        "_pace",
        "_unread",
        "address_block",
        "challenged",
        "last_request_s",
        "node",
        "opened_s",
        "peer",
        "peer_ip",
        "peer_port",
        "requests",
        "secure",
        "sessions",
        "sides",
        "user_agent",
        "username",
    )

    def __init__(
        self,
        around: Surroundings,
        sides: frozenset[Side],
        peer: tuple[str, int],
        *,
        secure: bool,
    ) -> None:
        super().__init__(around.wire_limits, around.clock, around.turns)
        self._around = around
        self.sides = sides
        self.peer_ip, self.peer_port = peer
        self.peer = address_text(peer)
        """The peer as `address:port`, with brackets around an IPv6 address."""
        self.address_block = address_block(self.peer_ip, around.limits.ipv6_prefix_bits)
        """What counts as one address with the limits, "" where it is not counted."""
        self.secure = secure
        # As which user it may do what on which paths, and the grants that end, once there is one.
        self._grants: dict[tuple[Side, str], str | None] = {}
        self._ending_grants: dict[tuple[Side, str], Grant] | None = None
        self.username: str | None = None
        """The user who may do what was asked about last; on another path it may be another."""
        self.challenged = False
        """Whether a 401 has told it how to log in."""
        self.node: NodeAsk | None = None
        """The other node of the cluster that this is, and what it asks for; None for clients."""
        self.user_agent = ""
        self.sessions: dict[str, Session] = {}
        self.requests = 0
        self.opened_s = around.clock()
        self.last_request_s = self.opened_s
        self._pace = RequestPace(around.limits.requests_per_s, self.opened_s)
        # What the peer has not taken, from the first answer on that did not leave at once.
        self._unread: UnreadAnswers | None = None
        self._answers_taken: asyncio.Event | None = None

    @property
    def local_ip(self) -> str:
        """The address of this machine that the peer connected to."""
        return self.stream.local_address[0]

    def may(self, side: Side, path: str) -> bool:
        """Return whether this connection was allowed this before, and still is."""
        try:
            self.username = self._grants[side, path]
        except KeyError:
            return False
        if self._ending_grants is None:
            return True
        ending = self._ending_grants.get((side, path))
        return ending is None or not ending.is_over(self._clock())

    def grant(
        self, side: Side, path: str, username: str | None, ending: Grant | None = None
    ) -> None:
        """Remember as which user it is allowed this, None for anybody; `ending` if it ends."""
        self.username = self._grants[side, path] = username
        if ending is not None:
            if self._ending_grants is None:
                self._ending_grants = {}
            self._ending_grants[side, path] = ending
        elif self._ending_grants is not None:
            self._ending_grants.pop((side, path), None)
        if len(self._grants) > _GRANTS_KEPT:
            oldest = next(iter(self._grants))
            del self._grants[oldest]
            if self._ending_grants is not None:
                self._ending_grants.pop(oldest, None)

    def give_away(self, request: Request) -> tuple[socket.socket, bytes] | None:
        """Let go of the socket; returns it, and what was read from `request` on.

        None where that cannot be any more, such as with TLS or with answers that still wait.
        """
        if self.sessions or not isinstance(self.stream, TcpStream):
            return None
        data = request.to_bytes() + self._parser.unread
        sock = self.stream.detach()
        if sock is None:
            return None
        self.closed = self._ending = True
        return sock, data

    def take_for_node(self, ask: NodeAsk) -> None:
        """Take the peer for another node of the cluster: each of its readers counts there.

        One node may pull as many mounts as there are, each by a connection of its own.
        """
        self.node = ask
        if self.address_block:
            self._around.uncount(self)
            self.address_block = ""

    def forget_grants(self) -> None:
        """Ask anew for whatever this connection was allowed; sessions that are there go on."""
        self._grants.clear()
        self._ending_grants = None

    def ending_grant(self, side: Side, path: str) -> Grant | None:
        """Return a grant of its own for a session; None where what it may has no end."""
        if self._ending_grants is None:
            return None
        ending = self._ending_grants.get((side, path))
        return None if ending is None else ending.anew()

    @property
    def unread_bytes(self) -> int:
        """Bytes of answers that the peer has not taken."""
        return 0 if self._unread is None else self._unread.size_bytes

    def stream_drained(self) -> None:
        """Note that the peer took everything that was queued."""
        self.look_at_answers()

    def look_at_answers(self) -> None:
        """Go on answering when the peer has taken enough of what waits for it."""
        if self._answers_taken is not None and not self._must_wait_for_peer():
            self._answers_taken.set()

    def send(self, message: Response | Request) -> None:
        """Queue a message behind what is already on its way."""
        self.send_bytes(message.to_bytes())

    def send_bytes(self, data: bytes) -> None:
        """Queue a message that is made already."""
        if self.closed:
            return
        stream = self.stream
        stream.write(data)
        if stream.queued_bytes:
            self._note_unread(len(data))

    def send_in_one_go(self, answer: bytes, write_media: Callable[[], None]) -> None:
        """Send the answer to a PLAY together with the packets that the reader begins with."""
        stream = self.stream
        stream.cork()
        try:
            stream.write(answer)
            write_media()
        finally:
            stream.uncork()
            if stream.queued_bytes:
                # With the media behind it: rarely is there any, and never for long.
                self._note_unread(len(answer))

    def _note_unread(self, size_bytes: int) -> None:
        if self._unread is None:
            self._unread = UnreadAnswers(self.stream)
        self._unread.written(size_bytes)

    def _lost(self, error: Exception | None) -> None:
        self._around.lost(self, error)

    def _unknown_channel(self, packet_count: int) -> None:
        self._around.counters.unknown_channel_frames += packet_count

    def _work_failed(self, error: Exception) -> None:
        logger.error("connection failed", exc_info=error, extra={"peer": self.peer})
        self._around.counters.connection_failures += 1
        self._around.failed(self)
        self.abort()

    def _deal_with(self, message: Request | Response | ProtocolError) -> Awaitable[None]:
        unread = self._unread
        if unread is not None and not unread.size_bytes:
            unread = self._unread = None
        if isinstance(message, Request) and unread is None:
            around, wait_s = self._around, self._note(message)
            if not wait_s and around.pass_on is None:
                # As nearly all are: each coroutine between here and the answer would cost.
                return around.answer(self, message)
            return self._answer_later(message, wait_s)
        return self._deal_with_slow_peer(message)

    def _cost_of(self, message: Request | Response | ProtocolError) -> int:
        if not isinstance(message, Request):
            return 1
        return _WORK.get(message.method, 1) + len(message.body) // _WORK_BODY_BYTES

    def _is_known(self, turns: WorkTurns) -> bool:
        if self.opened_s < turns.known_before_s:
            return True
        # And whoever has come so far as to play or record is no part of a crowd any more.
        for session in self.sessions.values():  # noqa: SIM110 - `any` would cost a call for each
            if session.began:
                return True
        return False

    def _note(self, request: Request) -> float:
        """Note a sign of life; return how many seconds the request has to wait for its turn."""
        self.requests += 1
        self.last_request_s = now = self._clock()
        # Not every client names its session in what it sends to keep it alive.
        for session in self.sessions.values():
            session.touch(now)
        return self._pace.wait_s(now, 1 + len(request.body) // _PACE_BODY_BYTES)

    async def _answer_later(self, request: Request, wait_s: float) -> None:
        """Answer when its turn has come, or pass it on to who has its mount."""
        if wait_s:
            self._around.counters.requests_delayed += 1
            await asyncio.sleep(wait_s)
        pass_on = self._around.pass_on
        if pass_on is None or not await pass_on(self, request):
            await self._around.answer(self, request)

    async def _deal_with_slow_peer(self, message: Request | Response | ProtocolError) -> None:
        """Deal with what nearly nobody sends, and with whoever does not take its answers."""
        match message:
            case Request():
                if self._must_wait_for_peer():
                    await self._until_answers_are_taken()
                await self._answer_later(message, self._note(message))
            case ProtocolError():
                if self._must_wait_for_peer():
                    await self._until_answers_are_taken()
                self._around.answer_error(self, message)
                if _ends_the_connection(message):
                    self.close()
            case Response():
                # This server asks nothing, so whatever is answered is of no use.
                pass

    @property
    def _budget_spent(self) -> bool:
        return self._around.answer_budget.spent or self._around.queue_budget.spent

    def _must_wait_for_peer(self) -> bool:
        if self._unread is None:
            return False
        unread_bytes = self._unread.size_bytes
        return unread_bytes > MOST_UNREAD_BYTES or (unread_bytes > 0 and self._budget_spent)

    async def _until_answers_are_taken(self) -> None:
        """Wait while a peer that asks and asks takes too little of what it is answered.

        Nothing more is read from it meanwhile; `write_stall_timeout_s` bounds the wait.
        """
        if self.unread_bytes <= MOST_UNREAD_BYTES and self._around.answer_budget.spent:
            self._around.answer_budget.refusals += 1
        self._pause_reading()
        self._answers_taken = asyncio.Event()
        await self._answers_taken.wait()
        self._answers_taken = None


def _ends_the_connection(error: ProtocolError) -> bool:
    # Whoever cannot write a request is not to be read any further, even where the next one
    # could be found; a URI too long or another version is a request all the same.
    return error.fatal or error.status == Status.BAD_REQUEST
