"""PLAY (RFC 2326 §10.5): the reader's packets begin, or begin again after PAUSE."""

from __future__ import annotations

from headwater.media.start_plan import StartPlan
from headwater.protocol.header.rtp_info import RtpInfoEntry, format_rtp_info
from headwater.protocol.message import Response
from headwater.protocol.method import Method
from headwater.protocol.session_states import SessionState
from headwater.protocol.status import Status
from headwater.server.exchange import Exchange
from headwater.server.quirks import pause_before_kept_packets_s
from headwater.server.refusal import Refusal
from headwater.server.request_uri import wants_instant_start
from headwater.server.role import Role
from headwater.server.session import Session
from headwater.server.session_lookup import (
    require_aggregate,
    required_session,
    session_header,
    state_after,
)

_LIVE_RANGE = "npt=now-"


def _rtp_info(session: Session, plan: StartPlan) -> str:
    # RFC 2326 §12.33: the stream's URL, which clients compare with the one they set up.
    return format_rtp_info(
        [
            RtpInfoEntry(url=session.track_urls[index], seq=point.seq, rtptime=point.rtptime)
            for index, point in sorted(plan.points.items())
        ]
    )


def _begin(exchange: Exchange, session: Session, plan: StartPlan) -> None:
    def begin() -> None:
        reader, mount = session.reader, session.mount
        if reader is None or mount is None or session.closed:
            return
        if session.state is SessionState.PLAYING and mount.open:
            mount.start_reader(reader, plan)

    pause_s = 0.0
    if plan.cached:
        pause_s = pause_before_kept_packets_s(session.user_agent, session.transport)
    if pause_s:
        exchange.service.loop.call_later(pause_s, begin)
    else:
        begin()


async def answer(exchange: Exchange) -> Response:
    """Start delivery right behind the answer, at the last key frame where the mount allows.

    A PLAY while playing changes nothing but counts as a sign of life.
    """
    session = required_session(exchange, Role.PLAY)
    target = require_aggregate(exchange, session)
    state = state_after(session, Method.PLAY)
    reader, mount = session.reader, session.mount
    if reader is None or mount is None:
        raise Refusal(Status.METHOD_NOT_VALID_IN_THIS_STATE, "PLAY comes after SETUP")
    playing = session.state is SessionState.PLAYING
    live = playing or reader.shares_its_packets
    plan = mount.plan_start(
        reader.track_indexes, False if live else wants_instant_start(target.query, session.query)
    )
    if not playing:
        session.state = state
        session.began = True
        exchange.after_answer = lambda: _begin(exchange, session, plan)
    headers = [session_header(exchange, session), ("Range", mount.range_text or _LIVE_RANGE)]
    if rtp_info := _rtp_info(session, plan):
        headers.append(("RTP-Info", rtp_info))
    return exchange.answer(headers)
