"""ANNOUNCE (RFC 2326 §10.3): a publisher describes what it is about to send."""

from __future__ import annotations

from headwater.log_pace import paced_logger
from headwater.protocol.message import Response
from headwater.protocol.method import Method
from headwater.protocol.profile import names_srtp
from headwater.protocol.sdp import SessionDescription
from headwater.protocol.status import Status
from headwater.server.exchange import Exchange
from headwater.server.refusal import Refusal
from headwater.server.role import Role
from headwater.server.session_lookup import (
    made_up_session_id,
    named_session,
    session_header,
    state_after,
)

logger = paced_logger(__name__)

_SDP = "application/sdp"


async def answer(exchange: Exchange) -> Response:
    """Reserve the mount for this publisher and open its session."""
    service, connection, request = exchange.service, exchange.connection, exchange.request
    _, path = await service.gate.admit_by_uri(exchange, Role.PUBLISH)
    content_type = request.headers.get("Content-Type") or _SDP
    if content_type.partition(";")[0].strip(" ,").lower() != _SDP:
        raise Refusal(
            Status.UNSUPPORTED_MEDIA_TYPE,
            f"Content-Type is {content_type:.80}; a presentation must come as {_SDP}",
            [("Accept", _SDP)],
        )
    presentation = SessionDescription.parse(
        request.body, limits=service.settings.limits.description_limits()
    )
    _require_plain_rtp(presentation)
    made_up_id = made_up_session_id(exchange)
    session = named_session(exchange) if made_up_id is None else None
    is_new = session is None
    if session is None:
        await service.sessions.make_way(path)
        service.reservations.check(path)
        session = service.sessions.open(connection, Role.PUBLISH, path)
        session.made_up_id = made_up_id
    elif session.path != path:
        raise Refusal(
            Status.AGGREGATE_OPERATION_NOT_ALLOWED,
            f"this session belongs to the mount {session.path}",
        )
    try:
        state = state_after(session, Method.ANNOUNCE)
        service.descriptions.give(session, presentation)
        session.state = state
        service.reservations.take(path, session)
        logger.info(
            "publisher announced",
            extra={
                "mount": path,
                "session": session.id,
                "peer": connection.peer,
                "tracks": [f"{m.kind}/{m.encoding}" for m in presentation.media],
                "agent": session.user_agent,
            },
        )
        response = exchange.answer([session_header(exchange, session)])
    except Exception:
        # The peer does not learn of a session that was opened in vain.
        if is_new:
            service.sessions.close(session, "announce failed")
        raise
    return response


def _require_plain_rtp(presentation: SessionDescription) -> None:
    """Refuse what every SETUP behind would refuse: some clients would come back for ever."""
    for number, media in enumerate(presentation.media):
        if names_srtp(media.protocol):
            raise Refusal(
                Status.UNSUPPORTED_TRANSPORT,
                f"track {number} is announced as {media.protocol}, which is SRTP; only plain RTP "
                "is relayed: announce RTP/AVP, over rtsps:// and TCP where it is to be encrypted",
            )
