"""How long a session gave no sign of life, as far as one was to be expected of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headwater.protocol.session_states import SessionState
from headwater.transports.settings import TransportKind

if TYPE_CHECKING:
    from headwater.server.sessions.session import Session

_QUIET_S = 2.0
"""Tracks that had no packet for so long are silent."""


def note_silence(session: Session, elapsed_s: float, now: float) -> None:
    """Look at a session, `elapsed_s` after the last look: did it take data, had it any to take?

    Many players (FFmpeg's) send keep-alives and reports only as packets come. Time in which
    nothing goes to one that plays does not count, so that it stays through its publisher's
    silence and the whole grace.
    """
    _note_tcp_progress(session, now)
    silence_s = now - session.last_seen_s
    if silence_s > _QUIET_S and _waits_for_packets(session, now):
        session.excused_s = min(silence_s, session.excused_s + elapsed_s)


def silent_s(session: Session, now: float) -> float:
    """Return seconds without a sign of life, those left out in which nothing was sent to it."""
    return now - session.last_seen_s - session.excused_s


def _waits_for_packets(session: Session, now: float) -> bool:
    mount = session.mount
    if session.state is not SessionState.PLAYING or mount is None or not session.tracks:
        return False
    connection = session.connection
    # A connection that is gone, or that takes nothing, tells that nobody may be there.
    if connection is None or connection.stream.queued_bytes:
        return False
    last_packet_s = max(mount.tracks[index].counters.last_packet_s for index in session.tracks)
    return mount.publisher is None or now - last_packet_s > _QUIET_S


def _note_tcp_progress(session: Session, now: float) -> None:
    # A reader that never sends but still takes data is alive.
    if session.transport is TransportKind.TCP and session.connection is not None:
        sent_bytes = session.connection.stream.bytes_sent
        if sent_bytes != session.sent_bytes_seen:
            session.sent_bytes_seen = sent_bytes
            session.touch(now)
