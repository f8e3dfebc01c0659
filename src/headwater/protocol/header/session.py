"""Session: identifier and time-out of a session (RFC 2326 §12.37)."""

import re
from dataclasses import dataclass

from headwater.protocol.errors import ProtocolError
from headwater.protocol.header.parameters import split_quoted, unquoted

_ID = re.compile(r"[\x21-\x3a\x3c-\x7e]{1,256}")
_TIMEOUT = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class SessionHeader:
    """Session identifier, and the time-out in seconds where one was said."""

    id: str
    timeout_s: int | None = None


def parse_session(value: str) -> SessionHeader:
    """Read a Session header.

    Any visible characters make an identifier (servers in the wild use "+" and "."); a client may
    send the time-out back. A time-out that is no number counts as none.

    Raises:
        ProtocolError: 400, when there is no identifier or it is longer than 256 characters.
    """
    if _ID.fullmatch(value):
        return SessionHeader(value)
    session_id, *parameters = split_quoted(value, ";") or [""]
    if value.lstrip().startswith(";") or not _ID.fullmatch(session_id):
        raise ProtocolError("no session identifier", where="Session")
    timeout_s: int | None = None
    for parameter in parameters:
        name, _, raw = parameter.partition("=")
        text = unquoted(raw)
        if name.strip().lower() == "timeout" and _TIMEOUT.fullmatch(text):
            timeout_s = int(text)
    return SessionHeader(session_id, timeout_s)


def format_session(session: SessionHeader) -> str:
    """Return the header value. The time-out belongs into answers to SETUP (RFC 2326 §12.37)."""
    if session.timeout_s is None:
        return session.id
    return f"{session.id};timeout={session.timeout_s}"
