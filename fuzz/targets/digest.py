"""Digest from any credentials."""

from __future__ import annotations

import secrets

from fuzz.target import Target, fields, text_of
from headwater.protocol.digest import (
    DigestAlgorithm,
    algorithm_named,
    digest_matches,
    digest_response,
    ha1,
)
from headwater.protocol.errors import Fault, ProtocolError
from headwater.protocol.header.authorization import DigestCredentials

UNGUESSED = secrets.token_hex(16)


def run(data: bytes) -> None:
    user, realm, nonce, uri, algorithm, qop, nc, cnonce, response = map(text_of, fields(data, 9))
    credentials = DigestCredentials(
        user, realm, nonce, uri, response, algorithm or None, cnonce, nc, qop or None
    )
    assert not digest_matches(credentials, user_ha1=UNGUESSED, method="PLAY")
    known = algorithm_named(algorithm or None) or DigestAlgorithm.MD5
    proof = ha1(user, realm, cnonce, known)
    assert len(proof) == (32 if known is DigestAlgorithm.MD5 else 64)
    try:
        right = digest_response(
            proof,
            method="PLAY",
            uri=uri,
            nonce=nonce,
            algorithm=known,
            qop=qop or None,
            nc=nc,
            cnonce=cnonce,
        )
    except ProtocolError as error:
        assert error.fault is Fault.LOCAL
        return
    proven = DigestCredentials(user, realm, nonce, uri, right, known.value, cnonce, nc, qop or None)
    assert digest_matches(proven, user_ha1=proof, method="PLAY")
    assert not digest_matches(proven, user_ha1=proof, method="RECORD")


TARGET = Target(
    invariant="credentials match the password they were made of and no other, never an error",
    run=run,
    words=(b"\0", b"auth", b"auth-int", b"MD5", b"SHA-256", b"00000001", b"rtsp://h/a"),
    max_bytes=300,
)
