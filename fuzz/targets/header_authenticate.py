"""WWW-Authenticate, and a client's answer to it."""

from __future__ import annotations

from fuzz.target import Target, check_blame, text_of
from headwater.protocol.digest import answer_challenge, digest_matches, ha1
from headwater.protocol.errors import ProtocolError
from headwater.protocol.header.authenticate import (
    DigestChallenge,
    format_challenge,
    parse_challenges,
)


def run(data: bytes) -> None:
    try:
        challenges = parse_challenges([text_of(part) for part in data.split(b"\n")])
    except ProtocolError as error:
        check_blame(error)
        return
    for challenge in challenges:
        if not isinstance(challenge, DigestChallenge):
            assert parse_challenges([format_challenge(challenge)]) == [challenge]
            continue
        format_challenge(challenge)
        try:
            credentials = answer_challenge(
                challenge, username="u", password="p", method="PLAY", uri="rtsp://h", cnonce="c"
            )
        except ProtocolError as error:
            check_blame(error)
            continue
        assert not digest_matches(credentials, user_ha1="0" * 32, method="PLAY")
        if (challenge.algorithm or "MD5").strip().upper() == "MD5":
            proof = ha1("u", challenge.realm, "p")
            assert digest_matches(credentials, user_ha1=proof, method="PLAY")


TARGET = Target(
    invariant="any text is challenges or a ProtocolError, and the answer to a challenge that can "
    "be answered is right",
    run=run,
    words=tuple(
        b'Digest Basic realm="h" nonce="a" algorithm=MD5 algorithm=SHA-256 qop="auth" '
        b'qop="auth-int,auth" opaque="x" stale=TRUE , = " \\'.split()
    ),
)
