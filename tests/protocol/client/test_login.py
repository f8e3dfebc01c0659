import re
from itertools import count

import pytest

from headwater.protocol.client.login import Login
from headwater.protocol.digest import DigestAlgorithm, digest_matches, ha1
from headwater.protocol.header.authorization import (
    BasicCredentials,
    Credentials,
    DigestCredentials,
    parse_authorization,
)

URI = "rtsp://cam/stream1"
BASIC, MD5 = 'Basic realm="cam"', 'Digest realm="cam", nonce="n1"'
MD5_QOP = 'Digest realm="cam", nonce="n1", qop="auth"'
SHA_256 = 'Digest realm="cam", nonce="n2", algorithm=SHA-256, qop="auth,auth-int"'
UNKNOWN = 'Digest realm="cam", nonce="n3", algorithm=SHA-512-256'
AUTH_INT = 'Digest realm="cam", nonce="n4", qop="auth-int"'


def new_login() -> Login:
    numbers = count(1)
    return Login("eve", "secret", lambda: f"random{next(numbers)}")


def credentials(login: Login) -> Credentials | None:
    value = login.authorization("DESCRIBE", URI)
    return None if value is None else parse_authorization(value)


def digest(login: Login) -> DigestCredentials:
    shown = credentials(login)
    assert isinstance(shown, DigestCredentials)
    return shown


def test_nothing_is_shown_before_a_challenge() -> None:
    assert new_login().authorization("DESCRIBE", URI) is None


def test_the_password_is_not_in_its_text() -> None:
    assert repr(new_login()) == "Login('eve')"


def test_basic_is_answered_by_name_and_password() -> None:
    login = new_login()
    assert login.take([BASIC]) is None
    assert credentials(login) == BasicCredentials("eve", "secret")
    assert not login.is_stale


@pytest.mark.parametrize(
    ("values", "nonce"),
    [
        ([MD5], "n1"),
        ([BASIC, MD5], "n1"),
        ([f"{BASIC}, {MD5}"], "n1"),
        ([MD5, SHA_256], "n2"),
        ([SHA_256, MD5, BASIC], "n2"),
        ([UNKNOWN, AUTH_INT, MD5], "n1"),
    ],
)
def test_the_strongest_challenge_that_is_known_is_answered(values: list[str], nonce: str) -> None:
    login = new_login()
    assert login.take(values) is None
    shown = digest(login)
    assert shown.nonce == nonce
    algorithm = DigestAlgorithm.SHA_256 if nonce == "n2" else DigestAlgorithm.MD5
    user_ha1 = ha1("eve", "cam", "secret", algorithm)
    assert digest_matches(shown, user_ha1=user_ha1, method="DESCRIBE")


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ([], "no challenge that is known here"),
        ([UNKNOWN, AUTH_INT], "no challenge that is known here"),
        (['Bearer realm="cam"'], "no challenge that is known here"),
        (['Digest realm="cam'], "cannot be read"),
    ],
)
def test_what_is_wrong_with_a_401_without_a_challenge_to_answer(
    values: list[str], problem: str
) -> None:
    login = new_login()
    said = login.take(values)
    assert said is not None
    assert re.search(problem, said)
    assert login.authorization("DESCRIBE", URI) is None


def test_requests_are_counted_by_nonce() -> None:
    login = new_login()
    login.take([MD5_QOP])
    first = [digest(login), digest(login)]
    assert [(one.nc, one.cnonce) for one in first] == [
        ("00000001", "random1"),
        ("00000002", "random1"),
    ]
    login.take([MD5_QOP.replace("n1", "n9") + ", stale=TRUE"])
    assert login.is_stale
    again = digest(login)
    assert (again.nonce, again.nc, again.cnonce) == ("n9", "00000001", "random2")


def test_who_answers_digest_only_never_sends_the_password_as_it_is() -> None:
    login = Login("eve", "secret", lambda: "random", digest_only=True)
    complaint = login.take([BASIC])
    assert complaint is not None
    assert "Basic" in complaint
    assert login.authorization("DESCRIBE", URI) is None
    assert login.take([BASIC, MD5]) is None
    assert digest(login).nonce == "n1"
