"""What every request of one server shares: mounts, sessions, ports, access, hooks, counters."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from headwater.access.authenticator import Authenticator
from headwater.hooks import HookRunner
from headwater.log_pace import paced_logger
from headwater.media.cache_budget import CacheBudget
from headwater.media.mount_table import MountTable
from headwater.net.steady_loop import SteadyLoop
from headwater.net.tls_context import ServerTls
from headwater.protocol.method import Method
from headwater.server.counters import ServerCounters
from headwater.server.description_budget import DescriptionBudget
from headwater.server.gate import Gate
from headwater.server.listeners import Listeners
from headwater.server.notices import Notices
from headwater.server.reservations import Reservations
from headwater.server.role import ROLES_BY_METHOD, Role
from headwater.server.service_settings import ServiceSettings
from headwater.server.session import Session
from headwater.server.session_table import SessionTable
from headwater.transports.endings import Endings
from headwater.transports.media_ends import MediaEnds
from headwater.transports.queue_budget import QueueBudget
from headwater.transports.session_end import SessionIdentity

if TYPE_CHECKING:
    from headwater.server.connection import Connection

logger = paced_logger(__name__)

_PEOPLE = {Role.PUBLISH: "publishers", Role.PLAY: "readers"}


class Service:
    """The parts of one running server, built once, handed to every connection."""

    def __init__(
        self,
        settings: ServiceSettings,
        loop: SteadyLoop,
        hooks: dict[Role, HookRunner],
    ) -> None:
        self.settings = settings
        self.loop = loop
        self.clock = loop.time
        self.hooks = hooks
        self.counters = ServerCounters()
        self.draining = False
        """Whether the server was told to stop: who is here may stay a while, nobody comes."""
        self.connections: set[Connection] = set()
        self.connections_gone = asyncio.Event()
        self.connections_gone.set()
        self.ports: dict[Role, int] = {}
        self.tls = ServerTls(settings.tls) if settings.tls.enabled else None
        self.authenticator = Authenticator(settings.access)
        self.gate = Gate(self.authenticator, hooks)
        self.notices = Notices(hooks)
        self.endings = Endings(loop)
        self.mounts = MountTable(
            clock=loop.time,
            call_later=loop.call_later,
            settings=settings.mounts,
            overrides=settings.mount_overrides,
            observer=self.notices,
            end_soon=self.endings.add,
            cache_budget=CacheBudget(settings.limits.gop_cache_bytes_total),
        )
        self.queue_budget = QueueBudget(settings.limits.reader_queue_bytes_total)
        self.answer_budget = QueueBudget(settings.limits.answer_queue_bytes_total)
        self.media_ends = MediaEnds(
            loop, settings.rtp, settings.sockets, self.queue_budget, self.endings
        )
        self.reservations = Reservations(self.mounts)
        self.descriptions = DescriptionBudget(settings.limits.description_bytes_total)
        self.sessions = SessionTable(self)
        self.notices.sessions = self.sessions
        self.listeners = Listeners(self)

    def identity_of(self, session: Session, connection: Connection) -> SessionIdentity:
        """Who a session is, for its publisher or reader."""
        return SessionIdentity(
            id=session.id,
            peer=connection.peer,
            peer_ip=connection.peer_ip,
            address_block=connection.address_block,
            local_ip=connection.local_ip,
            user_agent=session.user_agent,
            on_close=partial(self.sessions.close, session, by_server=True),
            on_life=partial(self._touch, session),
            is_orphaned=session.is_orphaned,
        )

    def _touch(self, session: Session) -> None:
        session.touch(self.clock())

    def connection_opened(self, connection: Connection) -> None:
        """Note a connection that was accepted."""
        self.connections.add(connection)
        self.connections_gone.clear()
        self.counters.connections_opened += 1

    def connection_lost(self, connection: Connection, error: Exception | None) -> None:
        """Forget a connection and end what ran on it."""
        self.connections.discard(connection)
        self.counters.tcp_bytes_received += connection.stream.bytes_received
        self.counters.tcp_bytes_sent += connection.stream.bytes_sent
        if not self.connections:
            self.connections_gone.set()
        logger.debug(
            "connection closed",
            extra={"peer": connection.peer, "cause": str(error) if error else "closed"},
        )
        self.listeners.connection_lost(connection)
        self.sessions.connection_lost(connection)

    def refuse_over_limit(self, limit: str, peer: str) -> None:
        """Count a peer that was over one of the limits, and log it."""
        most = getattr(self.settings.limits, limit)
        self.note_limit(f"limits.{limit}", peer, f"{most} is the most that is allowed")

    def note_limit(self, setting: str, peer: str, cause: str) -> None:
        """Count a peer that was over a limit, and log it, naming what to raise."""
        self.counters.refused_by_limit[setting] += 1
        logger.warning(
            "limit reached",
            extra={
                "setting": setting,
                "peer": peer,
                "refused": self.counters.refused_by_limit[setting],
                "cause": cause,
            },
        )

    def where_served(self, method: Method) -> str:
        """Which port takes a method, in words for the peer that asked on the wrong one."""
        return " and ".join(
            f"{_PEOPLE[role]} use port {self.ports[role]}"
            for role in Role
            if role in ROLES_BY_METHOD[method] and role in self.ports
        )
