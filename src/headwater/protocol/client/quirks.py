"""What servers and cameras get wrong in a dialogue, and how a client goes on, each by its name."""

from collections.abc import Sequence
from typing import TypeVar

from headwater.protocol.errors import ProtocolError
from headwater.protocol.header.session import SessionHeader, parse_session

_T = TypeVar("_T")

USUAL_TIMEOUT_S = 60
"""Of a session whose server tells none (RFC 2326 §12.37)."""


def asked_without_cseq(awaited: Sequence[_T]) -> _T | None:
    """Return what an answer without a readable CSeq answers: the one request that is awaited.

    RFC 2326 §12.17 has every answer tell the CSeq of its request, and cheap cameras leave it out of
    401 and 404. One that tells the CSeq of no request is dropped: it is late, or another's.
    """
    return awaited[0] if len(awaited) == 1 else None


def answered_session(value: str | None, known: SessionHeader | None) -> SessionHeader | None:
    """Return the session by a Session header: the first that was told, whatever comes later.

    Some cameras tell another id with each SETUP (retina's SessionIdPolicy::UseFirst) and know the
    first. One that cannot be read, or none, is a server without sessions: requests name none then.
    """
    if known is not None or value is None:
        return known
    try:
        return parse_session(value)
    except ProtocolError:
        return None


def session_timeout_s(session: SessionHeader | None) -> int:
    """Return after how many seconds of silence a server ends a session; `timeout=0` tells none."""
    return (session and session.timeout_s) or USUAL_TIMEOUT_S
