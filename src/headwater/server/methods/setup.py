"""SETUP (RFC 2326 §10.4): the transport of one track."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv6Address

from headwater.log_pace import paced_logger
from headwater.net.port_pairs import DescriptorsExhausted, PortsExhausted
from headwater.net.socket_address import can_reach
from headwater.protocol.errors import ProtocolError
from headwater.protocol.header.transport import TransportSpec, parse_transport
from headwater.protocol.message import Response
from headwater.protocol.method import Method
from headwater.protocol.profile import names_srtp
from headwater.protocol.status import Status
from headwater.server.exchange import Exchange
from headwater.server.quirks import session_of_announce, session_of_setup
from headwater.server.refusal import Refusal, setting_to_raise
from headwater.server.request_uri import parse_request_uri, url_as_written
from headwater.server.role import Role
from headwater.server.session import Session
from headwater.server.session_lookup import (
    named_session,
    session_header,
    state_after,
)
from headwater.server.setup_target import SetupTarget, publisher_target, reader_target
from headwater.transports.negotiation import Offer, fitting
from headwater.transports.settings import TransportKind

logger = paced_logger(__name__)


async def answer(exchange: Exchange) -> Response:
    """Choose the first transport that fits, take what it needs, and tell the peer."""
    service, request = exchange.service, exchange.request
    uri = parse_request_uri(request)
    session = named_session(exchange) or session_of_announce(exchange.connection.sessions.values())
    if session is None:
        _require_play_port(exchange)
    if session is not None and session.role is Role.PUBLISH:
        target = publisher_target(exchange, session)
    else:
        target = reader_target(exchange, session)
    await service.gate.admit(exchange, target.role, target.path)
    if session is not None and session.closed:
        # The owner's hooks took their time: meanwhile the session may have ended.
        raise Refusal(Status.SESSION_NOT_FOUND, "the session ended while this was being checked")
    offers = _offers(exchange, session, target)
    if session is None and offers[0].kind is TransportKind.TCP:
        session = session_of_setup(exchange.connection.sessions.values(), target.path, target.track)
        if session is not None:
            offers = [offer for offer in offers if offer.kind is TransportKind.TCP]
    is_new = session is None
    if session is None:
        session = service.sessions.open(exchange.connection, target.role, target.path)
    try:
        if is_new:
            session.query = target.query
        state = state_after(session, Method.SETUP)
        chosen = _set_up(exchange, session, target, offers)
        response = exchange.answer(
            [session_header(exchange, session), ("Transport", chosen.to_header())]
        )
        if target.role is Role.PLAY:
            session.track_urls[target.track] = url_as_written(request, uri)
        _tell_of_media_beside_tls(exchange, session)
    except Exception:
        # The peer does not learn of a session that its first SETUP opened in vain.
        if is_new or (session.role is Role.PLAY and not session.tracks):
            service.sessions.close(session, "setup failed")
        raise
    session.state = state
    return response


def _tell_of_media_beside_tls(exchange: Exchange, session: Session) -> None:
    """Log what a user of rtsps may not expect, once for each session."""
    beside = exchange.connection.secure and session.transport is not TransportKind.TCP
    if not beside or len(session.tracks) > 1:
        return
    logger.info(
        "media not encrypted",
        extra={
            "mount": session.path,
            "session": session.id,
            "peer": session.peer,
            "transport": session.transport,
            "cause": "the client chose it; rtp.require_secure_media makes it take TCP",
        },
    )


def _require_play_port(exchange: Exchange) -> None:
    if Role.PLAY not in exchange.connection.roles:
        where = exchange.service.where_served(Method.PLAY)
        raise Refusal(
            Status.METHOD_NOT_VALID_IN_THIS_STATE,
            f"on this port SETUP comes after ANNOUNCE; {where}",
        )


def _offers(exchange: Exchange, session: Session | None, target: SetupTarget) -> list[Offer]:
    value = exchange.request.headers.get_list("Transport")
    if not value:
        raise Refusal(Status.BAD_REQUEST, "SETUP needs a Transport header")
    if target.role is Role.PLAY and target.mount is None:
        raise Refusal(Status.NOT_FOUND, f"nobody publishes on {target.path}")
    allowed = _allowed(exchange, session, target)
    offers = fitting(parse_transport(value), allowed, peer_ip=exchange.connection.peer_ip)
    if not offers:
        reason = (
            "none of the transports asked for is allowed here; allowed: "
            f"{', '.join(sorted(allowed)) or 'none'}"
        )
        if names_srtp(value):
            reason += ", as RTP/AVP; SRTP (RTP/SAVP) is not served"
        if _media_stays_inside_tls(exchange):
            reason += "; over rtsps media is sent inside the TLS connection only"
        raise Refusal(Status.UNSUPPORTED_TRANSPORT, reason)
    return offers


def _media_stays_inside_tls(exchange: Exchange) -> bool:
    settings = exchange.service.settings
    return exchange.connection.secure and settings.rtp.keeps_media_inside_tls(
        tls_only=settings.server.tls_only
    )


def _allowed(
    exchange: Exchange, session: Session | None, target: SetupTarget
) -> frozenset[TransportKind]:
    rtp = exchange.service.settings.rtp
    if target.mount is None:
        allowed = frozenset(rtp.publish_transports)
    else:
        allowed = frozenset(rtp.play_transports)
        if not target.mount.settings.multicast_group:
            allowed -= {TransportKind.MULTICAST}
    if _media_stays_inside_tls(exchange):
        allowed &= {TransportKind.TCP}
    connection = exchange.connection
    if _is_link_local(connection.local_ip) or not can_reach(
        connection.local_ip, connection.peer_ip
    ):
        # Sockets for media would need the link's name beside the address; or the peer is behind
        # a proxy that we share another network with. TCP is there already.
        allowed -= {TransportKind.UDP}
    if session is not None and session.transport is not None and session.tracks:
        # One session, one kind of transport: its tracks share their sign of life.
        allowed &= {session.transport}
    return allowed


def _is_link_local(local_ip: str) -> bool:
    return ":" in local_ip and IPv6Address(local_ip).is_link_local


def _set_up(
    exchange: Exchange, session: Session, target: SetupTarget, offers: Sequence[Offer]
) -> TransportSpec:
    """Take the first offer that what it needs is free for; 461 only if none fits."""
    for offer in offers[:-1]:
        try:
            return _take(exchange, session, target, offer)
        except (ProtocolError, PortsExhausted, DescriptorsExhausted) as error:
            if isinstance(error, ProtocolError) and error.status != Status.UNSUPPORTED_TRANSPORT:
                raise
            if setting := setting_to_raise(error):
                exchange.service.note_limit(setting, exchange.connection.peer, str(error))
            _forget_reader_without_tracks(session)
    return _take(exchange, session, target, offers[-1])


def _forget_reader_without_tracks(session: Session) -> None:
    reader, mount = session.reader, session.mount
    if reader is not None and mount is not None and not reader.track_indexes:
        mount.remove_reader(reader, "its transport was not to be had")
        session.reader = session.mount = None


def _take(exchange: Exchange, session: Session, target: SetupTarget, offer: Offer) -> TransportSpec:
    ends = exchange.service.media_ends
    connection = exchange.connection
    identity = exchange.service.identity_of(session, connection)
    if target.mount is None:
        if session.publisher is None or not session.publisher.track_indexes:
            # Also after an attempt that got no port: the next may be over TCP.
            session.publisher = ends.publisher(
                offer.kind, identity, connection.stream, connection.channels
            )
        session.transport = offer.kind
        return session.publisher.add_track(target.track, offer)
    if session.reader is None:
        session.reader = ends.reader(
            offer.kind, identity, connection.stream, connection.channels, target.mount
        )
        target.mount.add_reader(session.reader)
        session.mount = target.mount
    session.transport = offer.kind
    return session.reader.add_track(target.track, target.mount.tracks[target.track], offer)
