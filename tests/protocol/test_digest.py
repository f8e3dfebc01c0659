import hashlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.protocol.digest import (
    DigestAlgorithm,
    algorithm_named,
    answer_challenge,
    digest_matches,
    digest_response,
    ha1,
)
from headwater.protocol.errors import Fault, ProtocolError
from headwater.protocol.header.authenticate import DigestChallenge
from headwater.protocol.header.authorization import (
    DigestCredentials,
    format_authorization,
    parse_authorization,
)

MD5, SHA_256 = DigestAlgorithm.MD5, DigestAlgorithm.SHA_256


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        # RFC 7616 §3.9.1.
        (MD5, "8ca523f5e9506fed4657c9700eebdbec"),
        (SHA_256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_rfc_7616(algorithm: DigestAlgorithm, response: str) -> None:
    assert (
        digest_response(
            ha1("Mufasa", "http-auth@example.org", "Circle of Life", algorithm),
            method="GET",
            uri="/dir/index.html",
            nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            algorithm=algorithm,
            qop="auth",
            nc="00000001",
            cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        )
        == response
    )


def test_the_example_of_rfc_2617() -> None:
    assert (
        digest_response(
            ha1("Mufasa", "testrealm@host.com", "Circle Of Life"),
            method="GET",
            uri="/dir/index.html",
            nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093",
            qop="auth",
            nc="00000001",
            cnonce="0a4f113b",
        )
        == "6629fae49393a05397450978507c4ef1"
    )


def test_without_qop_it_is_the_form_of_rfc_2069() -> None:
    user = hashlib.md5(b"u:r:p").hexdigest()
    request = hashlib.md5(b"DESCRIBE:rtsp://h/p").hexdigest()

    assert (
        digest_response(ha1("u", "r", "p"), method="DESCRIBE", uri="rtsp://h/p", nonce="n")
        == hashlib.md5(f"{user}:n:{request}".encode()).hexdigest()
    )


def test_another_qop_is_our_own_fault() -> None:
    with pytest.raises(ProtocolError) as caught:
        digest_response("", method="A", uri="*", nonce="n", qop="auth-int")
    assert caught.value.fault is Fault.LOCAL


@pytest.mark.parametrize(
    ("text", "algorithm"),
    [
        (None, MD5),
        ("MD5", MD5),
        ("md5", MD5),
        (" sha-256 ", SHA_256),
        ("SHA-512-256", None),
        ("MD5-sess", None),
        ("", None),
    ],
)
def test_algorithm_named(text: str | None, algorithm: DigestAlgorithm | None) -> None:
    assert algorithm_named(text) is algorithm


def credentials(algorithm: str | None = "MD5", qop: tuple[str, ...] = ()) -> DigestCredentials:
    return answer_challenge(
        DigestChallenge("r", "n", algorithm=algorithm, qop=qop, opaque="o"),
        username="u",
        password="p",
        method="PLAY",
        uri="rtsp://h/p",
        cnonce="c",
        nc=10,
    )


@pytest.mark.parametrize("algorithm", [None, "MD5", "SHA-256", "sha-256"])
@pytest.mark.parametrize("qop", [(), ("auth",), ("auth-int", "AUTH")])
def test_an_answer_matches_and_survives_the_wire(
    algorithm: str | None, qop: tuple[str, ...]
) -> None:
    shown = parse_authorization(format_authorization(credentials(algorithm, qop)))
    user_ha1 = ha1("u", "r", "p", algorithm_named(algorithm) or MD5)

    assert isinstance(shown, DigestCredentials)
    assert shown.opaque == "o"
    assert (shown.nc, shown.cnonce) == (("0000000a", "c") if qop else (None, None))
    assert digest_matches(shown, user_ha1=user_ha1, method="PLAY")
    assert not digest_matches(shown, user_ha1=user_ha1, method="RECORD")
    assert not digest_matches(shown, user_ha1=ha1("u", "r", "wrong"), method="PLAY")


@pytest.mark.parametrize(
    "change",
    [
        {"uri": "rtsp://h/p/"},
        {"nonce": "m"},
        {"nc": "0000000b"},
        {"cnonce": "d"},
        {"qop": "auth-int"},
        {"qop": None},
        {"algorithm": "SHA-256"},
        {"algorithm": "MD5-sess"},
        {"response": ""},
        {"response": "é"},
    ],
)
def test_whatever_is_changed_breaks_the_proof(change: dict[str, Any]) -> None:
    forged = replace(credentials(qop=("auth",)), **change)

    assert not digest_matches(forged, user_ha1=ha1("u", "r", "p"), method="PLAY")


def test_what_clients_write_differently_still_matches() -> None:
    shown = credentials()

    for variant in (
        replace(shown, response=shown.response.upper()),
        replace(shown, qop=""),
        replace(shown, algorithm=None),
    ):
        assert digest_matches(variant, user_ha1=ha1("u", "r", "p"), method="PLAY")


def test_a_challenge_with_an_empty_algorithm_is_answered_as_one_without() -> None:
    challenge = DigestChallenge("r", "n", algorithm="")
    answer = answer_challenge(
        challenge, username="u", password="p", method="PLAY", uri="*", cnonce="c"
    )
    assert answer.algorithm is None
    assert digest_matches(answer, user_ha1=ha1("u", "r", "p"), method="PLAY")


@pytest.mark.parametrize(
    "challenge",
    [
        DigestChallenge("r", "n", algorithm="-sess"),
        DigestChallenge("r", "n", algorithm="SHA-512-256"),
        DigestChallenge("r", "n", algorithm="SHA-512-256-sess"),
        DigestChallenge("r", "n", qop=("auth-int",)),
    ],
)
def test_a_challenge_that_is_not_spoken_here(challenge: DigestChallenge) -> None:
    with pytest.raises(ProtocolError):
        answer_challenge(challenge, username="u", password="p", method="PLAY", uri="*", cnonce="c")


@given(st.text(), st.text(), st.text())
def test_any_text_can_be_hashed(username: str, realm: str, password: str) -> None:
    assert len(ha1(username, realm, password)) == 32
    assert len(ha1(username, realm, password, SHA_256)) == 64
