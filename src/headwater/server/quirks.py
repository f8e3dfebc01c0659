"""What clients leave out, when they are late and when not ready yet: a rule each, by name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from headwater.protocol.session_states import SessionState
from headwater.server.role import Role
from headwater.transports.settings import TransportKind

if TYPE_CHECKING:
    from headwater.server.session import Session

_SETTING_UP = frozenset({SessionState.INIT, SessionState.READY})


def session_of_announce(sessions: Iterable[Session]) -> Session | None:
    """The session that a SETUP without the Session header goes on with, of its connection's.

    ANNOUNCE's answer has the id already. Some IP cameras send it from the request behind SETUP
    on, since RFC 2326 §3.4 has the server choose it at SETUP; KTSF's publisher does not either.
    """
    waiting = [
        session
        for session in sessions
        if session.state in _SETTING_UP and session.role is Role.PUBLISH
    ]
    return waiting[0] if len(waiting) == 1 else None


def only_session(sessions: Iterable[Session]) -> Session | None:
    """The session that a later request without the header means: the only one, or None.

    RFC 2326 §12.37 wants the id in every request of a session. Who left it out of SETUP, like
    KTSF's publisher, cannot be counted on to send it afterwards.
    """
    known = list(sessions)
    return known[0] if len(known) == 1 else None


def track_of_url_without_control(index: int | None, count: int) -> int | None:
    """The track that a SETUP means; of a presentation with a single one that one.

    FFmpeg, reading MPEG-TS, sets up the URL of the presentation and leaves the control out.
    """
    return 0 if index is None and count == 1 else index


def told_timeout_s(timeout_s: float, margin_s: float) -> int:
    """The time-out that the Session header tells (RFC 2326 §12.37), whole seconds, at least 1.

    Windows Media Foundation sends its keep-alive exactly when the time that it was told is over,
    so it is told a little less than it has: by the margin, or by half where that is less.
    """
    return max(1, int(timeout_s - min(timeout_s / 2, margin_s)))


def pause_before_kept_packets_s(user_agent: str, transport: TransportKind | None) -> float:
    """How long after PLAY's answer the last key frame is sent, in seconds.

    VLC's live555 reads on behind the answer at once and throws away what comes over TCP before
    VLC has asked it for packets: the key frame, and with it the pictures up to the next one.
    """
    return 0.05 if transport is TransportKind.TCP and "LibVLC/" in user_agent else 0.0
