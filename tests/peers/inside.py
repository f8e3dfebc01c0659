"""The parts of a running server that have no public door: for tests that hold them to a promise."""

from __future__ import annotations

from dataclasses import dataclass

from headwater import RtspServer
from headwater.app.running_server import RunningServer
from headwater.app.status_report import StatusReport
from headwater.app.web import Web
from headwater.control.status_socket import StatusSocket
from headwater.media.mount_table import MountTable
from headwater.relay.relay import Relay
from headwater.server.connections.connection_table import ConnectionTable
from headwater.server.service import RtspService
from headwater.server.sessions.session import PublisherSession, ReaderSession
from headwater.server.sessions.session_table import SessionTable
from headwater.transports.transport_factory import TransportFactory


@dataclass(frozen=True)
class Inside:
    """What a test looks at."""

    relay: Relay
    rtsp: RtspService
    report: StatusReport
    running: RunningServer

    @property
    def mounts(self) -> MountTable:
        """Its mounts."""
        return self.relay.mounts

    @property
    def transports(self) -> TransportFactory:
        """Its ports and sockets for media."""
        return self.relay.transports

    @property
    def sessions(self) -> SessionTable:
        """Its RTSP sessions."""
        return self.rtsp.sessions

    def reader_session(self, session_id: str) -> ReaderSession:
        """The session of a reader, which must be there."""
        session = self.sessions.get(session_id)
        assert isinstance(session, ReaderSession)
        return session

    def publisher_session(self, session_id: str) -> PublisherSession:
        """The session of a publisher, which must be there."""
        session = self.sessions.get(session_id)
        assert isinstance(session, PublisherSession)
        return session

    @property
    def connections(self) -> ConnectionTable:
        """Its RTSP connections."""
        return self.rtsp.connections

    @property
    def web(self) -> Web:
        """What serves browsers, which must be there."""
        assert self.running.web is not None
        return self.running.web

    @property
    def status_socket(self) -> StatusSocket:
        """The socket that `headwater status` asks, which must be open."""
        assert self.running.status_socket is not None
        return self.running.status_socket


def inside(server: RtspServer) -> Inside:
    """The parts of a server, which must run."""
    running = server._running
    assert running is not None
    return Inside(running.relay, running.rtsp, running.report, running)
