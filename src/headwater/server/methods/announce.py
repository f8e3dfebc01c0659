"""ANNOUNCE (RFC 2326 §10.3): a publisher describes what it is about to send."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from headwater.log_pace import paced_logger
from headwater.media.errors import MountBusy
from headwater.protocol.header.via import server_of, via_names
from headwater.protocol.method import Method
from headwater.protocol.profile import names_srtp
from headwater.protocol.sdp import SessionDescription
from headwater.protocol.status import Status
from headwater.relay.description_budget import DescriptionBudget
from headwater.relay.limits import Limits
from headwater.relay.reservations import Reservations
from headwater.server.clearance import Clearance
from headwater.server.exchange import Exchange
from headwater.server.refusal import Refusal
from headwater.server.sessions.lookup import SessionLookup, require_alive
from headwater.server.sessions.session import PublisherSession, Session
from headwater.server.sessions.session_table import SessionTable
from headwater.side import Side

logger = paced_logger(__name__)

_SDP = "application/sdp"
_LAST_WORDS_S = 0.5
"""Who has the mount may have hung up just now, such as this publisher before it was started again:
what it sent last, and behind it the end of its connection, has this time to be read."""


class Announce:
    """Answers ANNOUNCE."""

    def __init__(
        self,
        clearance: Clearance,
        sessions: SessionTable,
        lookup: SessionLookup,
        reservations: Reservations,
        descriptions: DescriptionBudget,
        limits: Limits,
        server_id: Callable[[], str],
    ) -> None:
        """`server_id` tells what this server calls itself in Via."""
        self._clearance = clearance
        self._sessions = sessions
        self._lookup = lookup
        self._reservations = reservations
        self._descriptions = descriptions
        self._limits = limits
        self._server_id = server_id

    async def answer(self, exchange: Exchange) -> bytes:
        """Reserve the mount for this publisher and open its session."""
        path = await self._clearance.require_by_uri(exchange, Side.PUBLISH)
        via = self._passed(exchange)
        presentation = self._presentation(exchange)
        made_up_id = self._lookup.made_up_id(exchange)
        session = self._lookup.named(exchange) if made_up_id is None else None
        if session is not None:
            return self._announced(exchange, _again(session, path), presentation)
        await self._require_free(path)
        session = self._sessions.open_publisher(exchange.connection, path, presentation, made_up_id)
        session.via = via
        try:
            response = self._announced(exchange, session, presentation)
            if (claiming := self._reservations.claim(session)) is not None:
                await claiming
                require_alive(session)
            return response
        except Exception:
            # The peer does not learn of a session that was opened in vain.
            self._sessions.close(session, "announce failed")
            raise

    async def _require_free(self, path: str) -> None:
        """Raise MountBusy where another publisher has the path, and keeps it."""
        clock = asyncio.get_running_loop().time
        until_s = clock() + _LAST_WORDS_S
        while True:
            await self._sessions.make_way(path)
            try:
                self._reservations.check(path)
            except MountBusy:
                left_s = until_s - clock()
                if left_s <= 0 or not await self._reservations.change(path, left_s):
                    raise
            else:
                return

    def _passed(self, exchange: Exchange) -> tuple[str, ...]:
        """Return the servers that forward this; raises Refusal where this one is among them."""
        via = via_names(exchange.request.headers.get_all("Via"))
        if via and self._server_id() in map(server_of, via):
            raise Refusal(
                Status.FORBIDDEN,
                "this server forwards this stream itself, and does not take it back: that would "
                "be a circle",
            )
        return via

    def _presentation(self, exchange: Exchange) -> SessionDescription:
        request = exchange.request
        content_type = request.headers.get("Content-Type") or _SDP
        if content_type.partition(";")[0].strip(" ,").lower() != _SDP:
            raise Refusal(
                Status.UNSUPPORTED_MEDIA_TYPE,
                f"Content-Type is {content_type:.80}; a presentation must come as {_SDP}",
                [("Accept", _SDP)],
            )
        limits = self._limits.settings.description_limits()
        presentation = SessionDescription.parse(request.body, limits=limits)
        _require_plain_rtp(presentation)
        return presentation

    def _announced(
        self, exchange: Exchange, session: PublisherSession, presentation: SessionDescription
    ) -> bytes:
        session.state_after(Method.ANNOUNCE)
        self._descriptions.give(session, presentation)
        session.presentation = presentation
        session.advance(Method.ANNOUNCE)
        self._reservations.take(session)
        logger.info(
            "publisher announced",
            extra={
                "mount": session.path,
                "session": session.id,
                "peer": session.peer,
                "tracks": [f"{m.kind}/{m.encoding}" for m in presentation.media],
                "agent": session.user_agent,
            },
        )
        return exchange.answer([self._lookup.header(session)])


def _again(session: Session, path: str) -> PublisherSession:
    """Return the session of a publisher that describes anew what it is about to send.

    Raises Refusal 459 for another mount, StateError 455 for a reader's session.
    """
    if session.path != path:
        raise Refusal(
            Status.AGGREGATE_OPERATION_NOT_ALLOWED,
            f"this session belongs to the mount {session.path}",
        )
    session.state_after(Method.ANNOUNCE)
    assert isinstance(session, PublisherSession)  # noqa: S101 - no state of a reader's allows it
    return session


def _require_plain_rtp(presentation: SessionDescription) -> None:
    """Refuse what every SETUP behind would refuse: some clients would come back for ever."""
    for number, media in enumerate(presentation.media):
        if names_srtp(media.protocol):
            raise Refusal(
                Status.UNSUPPORTED_TRANSPORT,
                f"track {number} is announced as {media.protocol}, which is SRTP; only plain RTP "
                "is relayed: announce RTP/AVP, over rtsps:// and TCP where it is to be encrypted",
            )
