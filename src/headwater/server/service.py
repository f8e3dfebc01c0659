"""The RTSP service: how peers that speak RTSP come to a relay's mounts."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from headwater.net.settings import SocketSettings, TlsSettings
from headwater.protocol.method import Method
from headwater.relay.relay import Relay
from headwater.server.answering import Answering, MethodAnswer
from headwater.server.clearance import Clearance
from headwater.server.connections.connection import Connection, Surroundings
from headwater.server.connections.connection_table import ConnectionTable
from headwater.server.connections.deadlines import Deadlines
from headwater.server.connections.listeners import Listeners, PortPlan
from headwater.server.connections.passing_on import Give, HomeOf, PassingOn, PlaceOf
from headwater.server.methods.announce import Announce
from headwater.server.methods.describe import Describe
from headwater.server.methods.offered_transports import OfferedTransports
from headwater.server.methods.options import Options
from headwater.server.methods.parameters import Parameters
from headwater.server.methods.pause import Pause
from headwater.server.methods.play import Play
from headwater.server.methods.record import Record
from headwater.server.methods.setup import Setup
from headwater.server.methods.teardown import Teardown
from headwater.server.served_methods import ServedPorts
from headwater.server.sessions.lookup import SessionLookup
from headwater.server.sessions.session_table import SessionTable
from headwater.server.settings import ServerSettings, SessionSettings
from headwater.side import Side
from headwater.transports.settings import RtpSettings
from headwater.transports.work_turns import WorkTurns


class RtspSettings(Protocol):
    """The sections that the RTSP service reads."""

    @property
    def server(self) -> ServerSettings:
        """Where it listens."""

    @property
    def sessions(self) -> SessionSettings:
        """How long sessions live."""

    @property
    def rtp(self) -> RtpSettings:
        """Which transports there are."""

    @property
    def sockets(self) -> SocketSettings:
        """Kernel buffers and queues."""

    @property
    def tls(self) -> TlsSettings:
        """How long a handshake may take."""


class RtspService:
    """Listeners, connections and sessions of one server."""

    def __init__(self, relay: Relay, settings: RtspSettings) -> None:
        self._relay = relay
        self.ports = ServedPorts()
        self.connections = ConnectionTable(relay.limits, relay.counters, relay.turnover)
        self.sessions = SessionTable(relay, settings.sessions)
        self._offered = OfferedTransports(settings.rtp, tls_only=settings.server.tls_only)
        self._answering = answering = Answering(
            _methods(relay, self._offered, self.sessions, self.ports),
            self.ports,
            relay.limits,
            relay.counters,
            settings.server.server_name,
        )
        self._around = Surroundings(
            limits=relay.limits.settings,
            wire_limits=relay.limits.settings.wire_limits(),
            clock=relay.clock,
            counters=relay.counters,
            turns=WorkTurns(relay.loop),
            answer_budget=relay.answer_budget,
            queue_budget=relay.queue_budget,
            answer=answering.answer,
            answer_error=answering.answer_error,
            lost=self._connection_lost,
            failed=self._connection_failed,
            uncount=self.connections.uncount,
        )
        self.listeners = Listeners(
            relay, settings, self.connections, self.ports, self._make_connection
        )
        deadlines = Deadlines(
            self.connections, relay.limits, relay.departures, relay.counters, relay.clock
        )
        relay.upkeep.add(deadlines.enforce, self.sessions.sweep)

    def apply(self, settings: RtspSettings, ports: PortPlan) -> None:
        """Go by other settings; `ports` is what the listeners prepared for them."""
        limits = self._relay.limits.settings
        self._around = replace(self._around, limits=limits, wire_limits=limits.wire_limits())
        self.sessions.settings = settings.sessions
        self._offered.apply(settings.rtp, tls_only=settings.server.tls_only)
        self._answering.name_server(settings.server.server_name)
        self.listeners.take(ports)

    def pass_connections_on(self, home_of: HomeOf, place_of: PlaceOf, give: Give) -> None:
        """Give connections to the processes that have their mounts, from the next one on."""
        passing = PassingOn(self.connections, home_of, place_of, give)
        self._around = replace(self._around, pass_on=passing.pass_on)

    def _make_connection(
        self, sides: frozenset[Side], peer: tuple[str, int], secure: bool
    ) -> Connection:
        return Connection(self._around, sides, peer, secure=secure)

    def _connection_lost(self, connection: Connection, error: Exception | None) -> None:
        self.connections.remove(connection, error)
        self.sessions.connection_lost(connection)

    def _connection_failed(self, connection: Connection) -> None:
        # Also those over UDP, which might wait for another connection: they are half begun.
        for session in tuple(connection.sessions.values()):
            self.sessions.close(session, "connection failed")


def _methods(
    relay: Relay, offered: OfferedTransports, sessions: SessionTable, ports: ServedPorts
) -> dict[Method, MethodAnswer]:
    """Return what answers each method that is served."""
    limits, mounts, reservations = relay.limits, relay.mounts, relay.reservations
    lookup = SessionLookup(sessions, relay.clock)
    clearance = Clearance(relay.admission, limits)
    parameters = Parameters(lookup)
    return {
        Method.OPTIONS: Options(lookup).answer,
        Method.ANNOUNCE: Announce(
            clearance,
            sessions,
            lookup,
            reservations,
            relay.descriptions,
            limits,
            lambda: relay.id,
        ).answer,
        Method.DESCRIBE: Describe(clearance, relay, lookup).answer,
        Method.SETUP: Setup(
            clearance,
            sessions,
            lookup,
            mounts,
            relay.finding,
            relay.transports,
            offered,
            ports,
            limits,
        ).answer,
        Method.PLAY: Play(lookup, relay.loop.call_later).answer,
        Method.RECORD: Record(lookup, mounts, reservations).answer,
        Method.PAUSE: Pause(lookup).answer,
        Method.TEARDOWN: Teardown(lookup, sessions).answer,
        Method.GET_PARAMETER: parameters.answer_get,
        Method.SET_PARAMETER: parameters.answer_set,
    }
