"""Challenges that can be answered, and those that are not."""

from __future__ import annotations

import pytest

from headwater.onvif.login import HttpDigest, Login

LOGIN = Login("ann", "secret")
GOOD = 'Digest realm="r", nonce="n", qop="auth"'


@pytest.mark.parametrize(
    ("challenges", "nonce"),
    [
        ([GOOD], "n"),
        (['Basic realm="r"', GOOD], "n"),
        ([f'Basic realm="r", {GOOD}'], "n"),
        (['Digest realm="r", nonce="x", algorithm=SHA-512-256', GOOD], "n"),
        (['Digest realm="r", nonce="x", qop="auth-int"', GOOD], "n"),
        (['Digest realm="r", nonce="old"'], "old"),
        (['Digest realm="r", nonce="s", algorithm=SHA-256, qop="auth"'], "s"),
        (['Basic realm="r"'], None),
        (['Digest realm="r", nonce="x", qop="auth-int"'], None),
        (['Digest realm="r"'], None),
        (["Digest ="], None),
        (["Bearer"], None),
        ([], None),
    ],
)
def test_the_first_challenge_that_can_be_answered(challenges: list[str], nonce: str | None) -> None:
    digest = HttpDigest(LOGIN)
    assert digest.take(challenges) is (nonce is not None)
    answer = digest.authorization("/onvif")
    assert (f'nonce="{nonce}"' in answer) if nonce else answer == ""


def test_requests_with_one_nonce_are_counted() -> None:
    digest = HttpDigest(LOGIN)
    assert digest.authorization("/") == ""
    assert digest.take([GOOD])
    assert [
        "nc=00000001" in digest.authorization("/a"),
        "nc=00000002" in digest.authorization("/b"),
    ]
    assert "nc=00000003" in digest.authorization("/c")


def test_a_password_is_not_shown() -> None:
    assert "secret" not in repr(LOGIN)
