"""What clients leave out, make up, and when they are late: a rule each, by name."""

from __future__ import annotations

from collections.abc import Iterable

from headwater.protocol.header.session import parse_session
from headwater.protocol.method import Method
from headwater.protocol.session_states import SessionState
from headwater.server.sessions.session import PublisherSession, ReaderSession, Session
from headwater.transports.settings import TransportKind

_SETTING_UP = frozenset({SessionState.INIT, SessionState.READY})


def named_session_id(value: str | None) -> str | None:
    """Return the id that a Session header names; None without a header, and for an empty one.

    RFC 2326 §12.37 has the server choose the id. RootEncoder (Android) writes `Session: ` into
    every request until it was given one.

    Raises:
        ProtocolError: 400, the header holds something else than an id.
    """
    return parse_session(value).id if value else None


def session_of_made_up_id(sessions: Iterable[Session], session_id: str) -> Session | None:
    """Return the connection's session whose ANNOUNCE came with this id, which names no session.

    Espressif's ESP-ADF sends an id of its own choice from its first request on, and goes on with
    it. ANNOUNCE opens a session whatever it says; the id that the server chose is good as well.
    """
    known = [
        session
        for session in sessions
        if isinstance(session, PublisherSession) and session.made_up_id == session_id
    ]
    return known[0] if len(known) == 1 else None


def session_of_setup(sessions: Iterable[Session], path: str, track: int) -> ReaderSession | None:
    """Return the connection's session that a reader's SETUP without the Session header joins.

    By RFC 2326 §12.37 it opens another. Streamedian's player and others that are fed through a
    WebSocket send the SETUPs of all tracks before the first answer, and then play one of them
    alone. Who reads a mount twice over one connection sets up the same track twice.
    """
    waiting = [
        session
        for session in sessions
        if isinstance(session, ReaderSession)
        and session.state is SessionState.READY
        and session.transport is TransportKind.TCP
        and session.path == path
        and track not in session.tracks
    ]
    return waiting[0] if len(waiting) == 1 else None


def session_of_announce(sessions: Iterable[Session]) -> PublisherSession | None:
    """Return the connection's session that a SETUP without the Session header goes on with.

    ANNOUNCE's answer has the id already. Some IP cameras send it from the request behind SETUP
    on, since RFC 2326 §3.4 has the server choose it at SETUP; KTSF's publisher does not either.
    """
    waiting = [
        session
        for session in sessions
        if session.state in _SETTING_UP and isinstance(session, PublisherSession)
    ]
    return waiting[0] if len(waiting) == 1 else None


def only_session(sessions: Iterable[Session]) -> Session | None:
    """Return the session that a later request without the header means: the only one, or None.

    RFC 2326 §12.37 wants the id in every request of a session. Who left it out of SETUP, like
    KTSF's publisher, cannot be counted on to send it afterwards.
    """
    known = list(sessions)
    return known[0] if len(known) == 1 else None


def understood_parameters(method: Method, body: bytes) -> bool:
    """Return whether a request about parameters is answered 200: there are none to be had or set.

    RFC 2326 §11.3.2 allows 451 for each. But set-top boxes ask for `position` once a second
    (tvheadend), and recorders for `ping`, to keep their session alive, and stop at the first answer
    that is not 200; MediaMTX and live555 answer 200 as well. SET_PARAMETER asks for a change that
    does not happen: it gets 451, unless it asks for none.
    """
    return method is Method.GET_PARAMETER or not body.strip()


def track_of_url_without_control(index: int | None, count: int) -> int | None:
    """Return the track that a SETUP means; of a presentation with a single one that one.

    FFmpeg, reading MPEG-TS, sets up the URL of the presentation and leaves the control out.
    """
    return 0 if index is None and count == 1 else index


def told_timeout_s(timeout_s: float, margin_s: float) -> int:
    """Return the time-out for the Session header (RFC 2326 §12.37) in whole seconds, at least 1.

    Windows Media Foundation sends its keep-alive exactly when the time that it was told is over,
    so it is told a little less than it has: by the margin, or by half where that is less.
    """
    return max(1, int(timeout_s - min(timeout_s / 2, margin_s)))


def pause_before_kept_packets_s(user_agent: str, transport: TransportKind | None) -> float:
    """Return how long after PLAY's answer the last key frame is sent, in seconds.

    VLC's live555 reads on behind the answer at once and throws away what comes over TCP before
    VLC has asked it for packets: the key frame, and with it the pictures up to the next one.
    Yellowstone (Node.js) throws away all that it reads from the socket together with the answer.
    """
    if transport is not TransportKind.TCP:
        return 0.0
    return 0.05 if "LibVLC/" in user_agent or user_agent.startswith("yellowstone/") else 0.0
