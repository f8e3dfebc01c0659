"""SETUP (RFC 2326 §10.4): the transport of one track."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headwater.log_pace import paced_logger
from headwater.media.mount import Mount
from headwater.media.mount_table import MountTable
from headwater.net.port_pairs import DescriptorsExhausted, PortsExhausted
from headwater.protocol.errors import ProtocolError
from headwater.protocol.header.transport import TransportSpec
from headwater.protocol.method import Method
from headwater.protocol.status import Status
from headwater.relay.finding import MountFinding, Wanted
from headwater.relay.limits import Limits
from headwater.server.clearance import Clearance
from headwater.server.exchange import Exchange, hook_request
from headwater.server.methods.offered_transports import OfferedTransports, transport_header
from headwater.server.methods.setup_target import SetupTarget, publisher_target, reader_target
from headwater.server.quirks import session_of_announce, session_of_setup
from headwater.server.refusal import Refusal, setting_to_raise
from headwater.server.served_methods import ServedPorts
from headwater.server.sessions.lookup import SessionLookup, require_alive
from headwater.server.sessions.session import PublisherSession, ReaderSession, Session
from headwater.server.sessions.session_table import SessionTable
from headwater.side import Side
from headwater.transports.offers.negotiation import Offer
from headwater.transports.settings import TransportKind
from headwater.transports.transport_factory import TransportFactory

logger = paced_logger(__name__)


class Setup:
    """Answers SETUP of publishers and readers."""

    def __init__(
        self,
        clearance: Clearance,
        sessions: SessionTable,
        lookup: SessionLookup,
        mounts: MountTable,
        finding: MountFinding,
        factory: TransportFactory,
        offered: OfferedTransports,
        ports: ServedPorts,
        limits: Limits,
    ) -> None:
        self._clearance = clearance
        self._sessions = sessions
        self._lookup = lookup
        self._mounts = mounts
        self._finding = finding
        self._factory = factory
        self._offered = offered
        self._ports = ports
        self._limits = limits

    async def answer(self, exchange: Exchange) -> bytes:
        """Choose the first transport that fits, take what it needs, and tell the peer."""
        url, own = exchange.url, exchange.connection.sessions
        session = self._lookup.named(exchange)
        if session is None and own:
            session = session_of_announce(own.values())
        if session is not None and isinstance(session, PublisherSession):
            return await self._set_up_publisher(exchange, session)
        if Side.PLAY not in exchange.connection.sides and session is None:
            raise Refusal(
                Status.METHOD_NOT_VALID_IN_THIS_STATE,
                f"on this port SETUP comes after ANNOUNCE; {self._ports.where_served(Method.PLAY)}",
            )
        assert session is None or isinstance(session, ReaderSession)  # noqa: S101 - no third kind
        target = reader_target(exchange.request.uri, self._mounts, session)
        if not self._clearance.at_once(exchange, Side.PLAY, target.path):
            await self._clearance.require(exchange, Side.PLAY, target.path)
            require_alive(session)
        offered = transport_header(exchange)
        if target.mount is None:
            wanted = Wanted(target.path, hook_request(exchange, Side.PLAY, target.path))
            await self._finding.find(wanted)
            require_alive(session)
            target = reader_target(exchange.request.uri, self._mounts, session)
        if target.mount is None:
            raise Refusal(Status.NOT_FOUND, f"nobody publishes on {target.path}")
        offers = self._offered.for_reader(exchange.connection, offered, target.mount, session)
        if session is None and offers[0].kind is TransportKind.TCP:
            session = session_of_setup(own.values(), target.path, target.track)
            if session is not None:
                offers = [offer for offer in offers if offer.kind is TransportKind.TCP]
        is_new = session is None
        if session is None:
            session = self._sessions.open_reader(exchange.connection, target.path, target.query)
        try:
            response = self._set_up_reader(exchange, session, target, target.mount, offers)
            session.track_urls[target.track] = url.as_written
            session.advance(Method.SETUP)
        except Exception:
            # The peer does not learn of a session that its first SETUP opened in vain.
            if is_new or not session.tracks:
                self._sessions.close(session, "setup failed")
            raise
        return response

    async def _set_up_publisher(self, exchange: Exchange, session: PublisherSession) -> bytes:
        target = publisher_target(exchange.request.uri, session)
        await self._clearance.require(exchange, Side.PUBLISH, target.path)
        require_alive(session)
        offers = self._offered.for_publisher(
            exchange.connection, transport_header(exchange), session
        )
        session.state_after(Method.SETUP)

        def take(offer: Offer) -> TransportSpec:
            publisher = session.publisher
            if publisher is None or not publisher.track_indexes:
                # Also after an attempt that got no port: the next may be over TCP.
                connection = exchange.connection
                publisher = session.publisher = self._factory.publisher(
                    offer.kind,
                    self._sessions.identity_of(session, connection),
                    connection.stream,
                    connection.channels,
                )
            session.transport = offer.kind
            return publisher.add_track(target.track, offer)

        response = self._answer(exchange, session, self._first_to_be_had(exchange, offers, take))
        session.advance(Method.SETUP)
        return response

    def _set_up_reader(
        self,
        exchange: Exchange,
        session: ReaderSession,
        target: SetupTarget,
        mount: Mount,
        offers: Sequence[Offer],
    ) -> bytes:
        _require_same_mount(session, mount)
        session.state_after(Method.SETUP)

        def take(offer: Offer) -> TransportSpec:
            session.forget_reader_without_tracks()
            if session.reader is None:
                connection = exchange.connection
                identity = self._sessions.identity_of(session, connection)
                reader = self._factory.reader(
                    offer.kind, identity, connection.stream, connection.channels, mount
                )
                reader.is_relay = connection.node is not None
                session.join_mount(mount, reader)
            session.transport = offer.kind
            assert session.reader is not None  # noqa: S101 - it has just joined
            return session.reader.add_track(target.track, mount.tracks[target.track], offer)

        return self._answer(exchange, session, self._first_to_be_had(exchange, offers, take))

    def _first_to_be_had(
        self,
        exchange: Exchange,
        offers: Sequence[Offer],
        take: Callable[[Offer], TransportSpec],
    ) -> TransportSpec:
        """Take the first offer that what it needs is free for; 461 only if none fits."""
        for offer in offers[:-1]:
            try:
                return take(offer)
            except (ProtocolError, PortsExhausted, DescriptorsExhausted) as error:
                if isinstance(error, ProtocolError) and (
                    error.status != Status.UNSUPPORTED_TRANSPORT
                ):
                    raise
                if setting := setting_to_raise(error):
                    self._limits.note(setting, exchange.connection.peer, str(error))
        return take(offers[-1])

    def _answer(self, exchange: Exchange, session: Session, chosen: TransportSpec) -> bytes:
        response = exchange.answer(
            [self._lookup.header(session), ("Transport", chosen.to_header())]
        )
        _tell_of_media_beside_tls(exchange, session)
        return response


def _require_same_mount(session: ReaderSession, mount: Mount) -> None:
    """Refuse a track of a mount that has come instead of the session's, with 454.

    The readers of a mount that closed end a few at a time: until its turn comes, a session goes
    on, while the path is another mount's already.
    """
    if session.mount is not None and session.mount is not mount:
        raise Refusal(
            Status.SESSION_NOT_FOUND,
            f"this session ends, because {mount.path} has another publisher; open a new session",
        )


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
