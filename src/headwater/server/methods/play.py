"""PLAY (RFC 2326 §10.5): the reader's packets begin, or begin again after PAUSE."""

from __future__ import annotations

from functools import partial

from headwater.media.clock import CallLater
from headwater.media.readers.start_plan import StartPlan
from headwater.protocol.header.rtp_info import RtpInfoEntry, format_rtp_info
from headwater.protocol.method import Method
from headwater.protocol.session_states import SessionState
from headwater.protocol.status import Status
from headwater.server.exchange import Exchange
from headwater.server.quirks import pause_before_kept_packets_s
from headwater.server.refusal import Refusal
from headwater.server.request_uri import wants_instant_start
from headwater.server.sessions.lookup import SessionLookup, require_aggregate
from headwater.server.sessions.session import ReaderSession
from headwater.transports.settings import TransportKind

_LIVE_RANGE = "npt=now-"


class Play:
    """Answers PLAY."""

    def __init__(self, lookup: SessionLookup, call_later: CallLater) -> None:
        self._lookup = lookup
        self._call_later = call_later

    async def answer(self, exchange: Exchange) -> bytes:
        """Start delivery right behind the answer, at the last key frame where the mount allows.

        A PLAY while playing changes nothing but counts as a sign of life.
        """
        session = self._lookup.required_reader(exchange)
        target = require_aggregate(exchange, session)
        session.state_after(Method.PLAY)
        reader, mount = session.reader, session.mount
        if reader is None or mount is None:
            raise Refusal(Status.METHOD_NOT_VALID_IN_THIS_STATE, "PLAY comes after SETUP")
        playing = session.state is SessionState.PLAYING
        live = playing or reader.shares_its_packets
        plan = mount.plan_start(
            reader.track_indexes,
            False if live else wants_instant_start(target.query, session.query),
            has_counted_queue=not reader.needs_pacing,
        )
        headers = [
            self._lookup.header(session),
            ("Range", mount.range_text or _LIVE_RANGE),
        ]
        if rtp_info := _rtp_info(session, plan):
            headers.append(("RTP-Info", rtp_info))
        response = exchange.answer(headers)
        if not playing:
            session.advance(Method.PLAY)
            exchange.after_answer = partial(self._begin, session, plan)
            exchange.answer_leads_media = session.transport is TransportKind.TCP
        return response

    def _begin(self, session: ReaderSession, plan: StartPlan) -> None:
        pause_s = 0.0
        if plan.place is not None:
            pause_s = pause_before_kept_packets_s(session.user_agent, session.transport)
        if pause_s:
            session.awaited_plan = plan
            self._call_later(pause_s, lambda: _start_once(session, plan))
        else:
            _start(session, plan)


def _start_once(session: ReaderSession, plan: StartPlan) -> None:
    # Two PLAYs with a PAUSE between them may both wait, for the very same plan.
    if session.awaited_plan is plan:
        session.awaited_plan = None
        _start(session, plan)


def _start(session: ReaderSession, plan: StartPlan) -> None:
    reader, mount = session.reader, session.mount
    if reader is None or mount is None or session.closed:
        return
    if session.state is SessionState.PLAYING and mount.open:
        mount.start_reader(reader, plan)


def _rtp_info(session: ReaderSession, plan: StartPlan) -> str:
    # RFC 2326 §12.33: the stream's URL, which clients compare with the one they set up.
    return format_rtp_info(
        [
            RtpInfoEntry(url=session.track_urls[index], seq=point.seq, rtptime=point.rtptime)
            for index, point in sorted(plan.points.items())
        ]
    )
