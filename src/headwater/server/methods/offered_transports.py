"""Which of the transports in a SETUP the server may take (RFC 2326 §12.39)."""

from __future__ import annotations

from ipaddress import IPv6Address

from headwater.media.mount import Mount
from headwater.net.socket_address import can_reach
from headwater.protocol.header.transport import parse_transport
from headwater.protocol.profile import names_srtp
from headwater.protocol.status import Status
from headwater.server.connections.connection import Connection
from headwater.server.exchange import Exchange
from headwater.server.refusal import Refusal
from headwater.server.sessions.session import PublisherSession, ReaderSession, Session
from headwater.transports.offers.negotiation import Offer, fitting
from headwater.transports.settings import RtpSettings, TransportKind


class OfferedTransports:
    """Judges offers by the settings, the mount, the session and the connection."""

    def __init__(self, settings: RtpSettings, *, tls_only: bool) -> None:
        self.apply(settings, tls_only=tls_only)

    def apply(self, settings: RtpSettings, *, tls_only: bool) -> None:
        """Judge the next offer by these. `tls_only`: every connection is encrypted."""
        self._publish = frozenset(settings.publish_transports)
        self._play = frozenset(settings.play_transports)
        self._keeps_media_inside_tls = settings.keeps_media_inside_tls(tls_only=tls_only)

    def for_publisher(
        self, connection: Connection, offered: str, session: PublisherSession
    ) -> list[Offer]:
        """Return what a publisher may have of the transports offered, in its order; never empty.

        Raises Refusal 461, ProtocolError as `fitting` does.
        """
        return self._fitting(connection, offered, self._publish, session)

    def for_reader(
        self, connection: Connection, offered: str, mount: Mount, session: ReaderSession | None
    ) -> list[Offer]:
        """Return what a reader of the mount may have of the transports offered."""
        allowed = self._play
        if not mount.settings.multicast_group:
            allowed -= {TransportKind.MULTICAST}
        return self._fitting(connection, offered, allowed, session)

    def _fitting(
        self,
        connection: Connection,
        offered: str,
        allowed: frozenset[TransportKind],
        session: Session | None,
    ) -> list[Offer]:
        inside_tls = connection.secure and self._keeps_media_inside_tls
        if inside_tls:
            allowed &= {TransportKind.TCP}
        if not _can_have_udp(connection):
            allowed -= {TransportKind.UDP}
        if session is not None and session.transport is not None and session.tracks:
            # One session, one kind of transport: its tracks share their sign of life.
            allowed &= {session.transport}
        offers = fitting(parse_transport(offered), allowed, peer_ip=connection.peer_ip)
        if offers:
            return offers
        reason = (
            "none of the transports asked for is allowed here; allowed: "
            f"{', '.join(sorted(allowed)) or 'none'}"
        )
        if names_srtp(offered):
            reason += ", as RTP/AVP; SRTP (RTP/SAVP) is not served"
        if inside_tls:
            reason += "; over rtsps media is sent inside the TLS connection only"
        raise Refusal(Status.UNSUPPORTED_TRANSPORT, reason)


def transport_header(exchange: Exchange) -> str:
    """Return all Transport headers of a request as one. Raises Refusal 400 where there is none."""
    value = exchange.request.headers.get_list("Transport")
    if not value:
        raise Refusal(Status.BAD_REQUEST, "SETUP needs a Transport header")
    return value


def _can_have_udp(connection: Connection) -> bool:
    """Return whether sockets for media can go between the two addresses of the connection.

    They would need the link's name beside a link-local address; or the peer is behind a proxy
    that we share another network with. TCP is there already.
    """
    local_ip = connection.local_ip
    if ":" in local_ip and IPv6Address(local_ip).is_link_local:
        return False
    return can_reach(local_ip, connection.peer_ip)
