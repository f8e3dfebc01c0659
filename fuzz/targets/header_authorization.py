"""Authorization."""

from __future__ import annotations

from fuzz.target import Target, check_blame, text_of
from headwater.protocol.digest import digest_matches
from headwater.protocol.errors import ProtocolError
from headwater.protocol.header.authorization import (
    BasicCredentials,
    DigestCredentials,
    format_authorization,
    parse_authorization,
)

SECRET = "pAssw0rd"


def run(data: bytes) -> None:
    text = text_of(data)
    try:
        credentials = parse_authorization(text)
    except ProtocolError as error:
        check_blame(error)
        shown = str(error)
        assert len(shown) < 200, "an error must not repeat what came"
        return
    match credentials:
        case BasicCredentials(username=username):
            assert ":" not in username
            assert parse_authorization(format_authorization(credentials)) == credentials
        case DigestCredentials():
            assert not digest_matches(credentials, user_ha1=SECRET, method="PLAY")
            format_authorization(credentials)


TARGET = Target(
    invariant="any text is credentials or a ProtocolError that repeats nothing of them",
    run=run,
    words=tuple(
        b'Basic Digest Bearer dXNlcjpwYXNz dTpw= username="u" realm="h" nonce="a" uri="rtsp://h" '
        b'response="0" algorithm=MD5 qop=auth nc=00000001 cnonce="c" opaque="o" , = " \\'.split()
    ),
)
