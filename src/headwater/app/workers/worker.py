"""`Worker`: what makes a server one of those that serve together under a supervisor."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import time
import zlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from headwater.access.authenticator import Authenticator
from headwater.app.cluster import make_node_of_worker
from headwater.app.companion import Companion
from headwater.app.rtsp_server import RtspServer, go_with
from headwater.app.running_server import RunningServer
from headwater.app.workers.kept_totals import totals_in
from headwater.app.workers.other_workers import OtherWorkers
from headwater.app.workers.slices import slice_of
from headwater.cluster.channel import Channel
from headwater.cluster.member import Member
from headwater.cluster.messages import (
    Answer,
    Beat,
    Counted,
    Elsewhere,
    Guess,
    Login,
    MakeWay,
    Order,
    PassOn,
    Told,
    ToSupervisor,
)
from headwater.cluster.questions import plain_error
from headwater.config.applied import Applied
from headwater.config.settings import Settings
from headwater.control.status import Health, ServerStatus
from headwater.control.turns import in_turns
from headwater.log_pace import paced_logger
from headwater.relay.shared_counts import SharedCounts
from headwater.server.connections.connection import Connection
from headwater.sources.plan import PlannedSource

logger = paced_logger(__name__)

_TOLD_PARTS = 8
"""Of its share of a limit, a worker tells others of addresses that have more than one part."""


@dataclass(frozen=True, slots=True)
class WorkerPlace:
    """Which worker this is.

    Attributes:
        number: from 0.
        workers: how many there are.
        machine_key: with which all of them sign nonces.
    """

    number: int
    workers: int
    machine_key: bytes

    @property
    def name(self) -> str:
        """What others call it."""
        return _name(self.number)

    @property
    def public_id(self) -> str:
        """An id of all workers together, from which the key cannot be told."""
        return hashlib.sha256(b"id" + self.machine_key).hexdigest()[:24]

    @property
    def mark(self) -> str:
        """What the ids of its sessions end with."""
        return f"{self.number:02x}"

    @property
    def others(self) -> tuple[str, ...]:
        """What the others are called."""
        return tuple(_name(number) for number in range(self.workers) if number != self.number)

    def home_of(self, session_id: str) -> str | None:
        """Return the name of the worker that has a session, by its id; None for its own."""
        try:
            number = int(session_id[-2:], 16)
        except ValueError:
            return None
        return None if number == self.number or number >= self.workers else _name(number)

    def fetcher_of(self, path: str) -> str:
        """Return the name of the worker that fetches the source of a path: always the same one."""
        return _name(zlib.crc32(path.encode()) % self.workers)


def _name(number: int) -> str:
    return f"worker-{number + 1}"


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerOrder:
    """What a process that waits is to be; the first that it is told.

    Attributes:
        settings: of the whole machine.
        place: which of the workers it is.
        added: the sources that the API was told, by path.
    """

    settings: Settings
    place: WorkerPlace
    added: Mapping[str, PlannedSource] = field(default_factory=dict)


class Worker(Companion):
    """What makes a server one of the workers that share ports and paths on their machine.

    Attributes:
        server: which.
        place: which of the workers it is.
        member: its part in the name space; None before the start.
        asked_to_stop: called with the seconds to drain when the supervisor wants it to end, and
            with 0 when the supervisor is gone.
        applied: called with the settings that were applied.
    """

    def __init__(
        self,
        server: RtspServer,
        settings: Settings,
        place: WorkerPlace,
        control: socket.socket,
        added: Mapping[str, PlannedSource] | None = None,
    ) -> None:
        """`settings` are those of all workers, and go before what the server has.

        `control` is the way to the supervisor, `added` are the sources that the API was told.
        """
        self.server = server
        self.place = place
        self.member: Member | None = None
        self.others = OtherWorkers(place.name, place.others, self._tell)
        self._added = dict(added or {})
        self._has_browsers = settings.http.port is not None
        self.asked_to_stop: Callable[[float], None] = lambda _: None
        self.applied: Callable[[Settings], None] = lambda _: None
        self._control = control
        self._channel: Channel | None = None
        self._running: RunningServer | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._counting: asyncio.Task[None] | None = None
        self._busy_s = time.process_time()
        self._beaten_s = time.monotonic()
        server.settings = slice_of(settings, place.number, place.workers)
        go_with(server, self)

    # -- what the server tells

    def begins(self, running: RunningServer) -> None:
        """Share paths and limits with the other workers."""
        relay = running.relay
        self._running = running
        member = self.member = self._make_member(running)
        self._channel = Channel(self._control, relay.loop, self._hear, self._alone)
        # All workers are one server to those that it forwards to.
        relay.id = f"headwater-{self.place.public_id}"
        relay.join(member)
        relay.watch_mounts(member)
        relay.finding.add_first(member)
        relay.upkeep.add(member.bus.check, self._beat)
        self._share_brake(relay.admission.authenticator)
        if relay.admission.nodes is not None:
            relay.admission.nodes.sign_nonces_with(self.place.machine_key)
        running.rtsp.pass_connections_on(self.place.home_of, member.place_of, self._give)
        view = running.view
        view.others, view.own.recent_lines.worker = self.others, self.place.name
        view.own.on_told = self._tell_totals
        running.on_reload = self.others.reload
        running.given_sources = self._added
        if self._has_browsers:
            # They see what all workers do, though they come to one of them alone.
            view.own.keep_log()

    def serves(self) -> None:
        """Tell the supervisor that it serves."""
        web = self._required().web
        if web is not None and web.api.added.by_path:
            # Others have the sources of before from here, since one process alone has the file.
            self._do(self._tell_added(web.api.added.planned()))
        # What the start took says nothing of what comes.
        self._busy_share()
        self._beat(0.0)

    def ends(self) -> None:
        """Tell the supervisor that it takes nobody new."""
        self._required().relay.draining = True
        self._beat(0.0)

    def ended(self) -> None:
        """Speak no more with the supervisor."""
        self._running = None
        self.others.stop()
        if self.member is not None:
            self.member.stop()
        if self._channel is not None:
            self._channel.close()

    def _make_member(self, running: RunningServer) -> Member:
        place = self.place
        if not running.settings.cluster.url:
            return Member(
                place.name,
                running.relay,
                self._tell,
                running.settings.workers,
                place.fetcher_of,
                place.mark,
            )
        running.node, member = make_node_of_worker(
            place.name,
            running.relay,
            running.settings,
            running.rtsp.sessions.make_way,
            self._tell,
            place.fetcher_of,
            place.mark,
        )
        return member

    # -- what it tells the supervisor

    async def _tell_added(self, added: Mapping[str, PlannedSource]) -> None:
        await self.others.ask("set_sources", dict(added))

    def _tell(self, message: ToSupervisor, sock: socket.socket | None = None) -> None:
        assert self._channel is not None  # noqa: S101 - made before whoever speaks
        self._channel.send(message, sock)

    def _alone(self) -> None:
        """End: without a supervisor nobody would end or replace this process."""
        logger.error("the supervisor is gone")
        if self.member is not None:
            self.member.supervisor_gone()
        self._end(0.0)

    def _end(self, drain_s: float) -> None:
        """Ask for the end; a second time, while the server drains, the drain ends at once."""
        if self._required().relay.draining:
            self._do(self.server.stop(0.0))
        else:
            self.asked_to_stop(drain_s)

    def _give(self, to: str, sock: socket.socket, connection: Connection, data: bytes) -> None:
        peer = (connection.peer_ip, connection.peer_port)
        self._tell(PassOn(to, peer, connection.sides, data), sock)

    def _beat(self, _now: float) -> None:
        # Who drains takes nobody.
        share = 1.0 if self._required().relay.draining else self._busy_share()
        self._tell(Beat(self._counts(), share))
        if self._counting is None or self._counting.done():
            self._counting = self._do(self._count())

    async def _count(self) -> None:
        """Have the supervisor keep what was counted, for when this process dies."""
        figures = await in_turns(self._required().report.figures())
        self._tell_totals(figures.status)

    def _tell_totals(self, status: ServerStatus) -> None:
        running = self._running
        if running is not None:
            timed, callouts = running.view.own.timed(), running.callouts.figures()
            self._tell(Counted(totals_in(status, timed, callouts)))

    def _busy_share(self) -> float:
        """Return the share of one core that this process has used since the last call."""
        now_s, busy_s = time.monotonic(), time.process_time()
        share = (busy_s - self._busy_s) / max(0.001, now_s - self._beaten_s)
        self._busy_s, self._beaten_s = busy_s, now_s
        return share

    def _counts(self) -> SharedCounts:
        running = self._required()
        ends, connections = running.relay.ends, running.rtsp.connections
        limits = self.server.settings.limits
        parts = _TOLD_PARTS * self.place.workers
        return SharedCounts(
            sessions=len(ends),
            publishers=ends.publishers,
            connections=len(connections),
            sessions_of=ends.by_address(max(1, limits.sessions_per_address // parts)),
            connections_of=connections.by_address(max(1, limits.connections_per_address // parts)),
            readers_of={
                mount.path: count
                for mount in running.relay.mounts
                if (count := mount.counted_readers)
            },
        )

    def _hear_counts(self, others: SharedCounts) -> None:
        relay = self._required().relay
        relay.limits.elsewhere = others
        for mount in relay.mounts:
            mount.readers_elsewhere = others.readers_of.get(mount.path, 0)

    def _share_brake(self, authenticator: Authenticator) -> None:
        authenticator.sign_nonces_with(self.place.machine_key)
        brake = authenticator.brake
        brake.on_failure = lambda source, user: self._tell(Guess(source, user))
        brake.on_known = lambda peer, username: self._tell(Login(peer, username))

    def _hear(self, message: Any, sock: socket.socket | None) -> None:
        node = None if self._running is None else self._running.node
        if node is not None:
            node.hear()
        self._receive(message, sock)

    def _receive(self, message: Any, sock: socket.socket | None) -> None:
        if self._running is None:
            # It has stopped, and this was on its way.
            if sock is not None:
                sock.close()
            return
        match message:
            case PassOn(_, peer, sides, data):
                if sock is not None:
                    self._required().rtsp.listeners.adopt(sock, peer, sides, data)
            case Order():
                self._do(self._obey(message))
            case Told():
                self.others.told(message)
            case Elsewhere(counts):
                self._hear_counts(counts)
            case MakeWay(path):
                # As for a publisher that comes back to this worker.
                self._do(self._required().rtsp.sessions.make_way(path))
            case Guess(source, user):
                relay = self._required().relay
                relay.admission.authenticator.brake.failed_elsewhere(source, user, relay.clock())
            case Login(peer, username):
                brake = self._required().relay.admission.authenticator.brake
                brake.known_elsewhere(peer, username)
            case _ if self.member is not None:
                self.member.receive(message, sock)

    def _required(self) -> RunningServer:
        if self._running is None:
            raise RuntimeError("the server is not running")
        return self._running

    def _do(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _obey(self, order: Order) -> None:
        orders: dict[str, Callable[[Any], Awaitable[object]]] = {
            "apply": self._apply_order,
            "reload_certificates": self._reload_order,
            "status": self._status_order,
            "stop": self._stop_order,
            **self._required().view.own.questions,
        }
        try:
            value = await orders[order.name](order.argument)
        except Exception as error:  # noqa: BLE001 - told to whoever gave the order
            self._tell(Answer(order.number, error=plain_error(error)))
        else:
            self._tell(Answer(order.number, value))

    async def _apply_order(self, settings: Settings) -> Applied:
        server = self.server
        applied = await server.apply(slice_of(settings, self.place.number, self.place.workers))
        if self.member is not None:
            self.member.bus.linger_s = server.settings.workers.linger_s
            self.member.passes_on = server.settings.workers.hot_readers > 0
        self.applied(server.settings)
        return applied

    async def _reload_order(self, _: object) -> None:
        self.server.reload_certificates()

    async def _status_order(self, _: object) -> ServerStatus:
        status = await in_turns(self._required().report.steps())
        self._tell_totals(status)
        return status

    async def _stop_order(self, drain_s: float) -> Health:
        self._end(drain_s)
        return self.server.health()
