"""Session."""

from __future__ import annotations

from fuzz.target import Target, check_blame, text_of
from headwater.protocol.errors import ProtocolError
from headwater.protocol.header.session import format_session, parse_session


def run(data: bytes) -> None:
    try:
        session = parse_session(text_of(data))
    except ProtocolError as error:
        check_blame(error)
        return
    assert 1 <= len(session.id) <= 256
    assert session.id.isascii()
    assert session.id.isprintable()
    assert ";" not in session.id
    assert session.timeout_s is None or 0 <= session.timeout_s < 10**9
    if '"' not in session.id:
        assert parse_session(format_session(session)) == session


TARGET = Target(
    invariant="any text is an identifier of 1 to 256 visible characters or a ProtocolError",
    run=run,
    words=(b";timeout=60", b';timeout="5"', b";", b"=", b'"', b"12345678"),
)
