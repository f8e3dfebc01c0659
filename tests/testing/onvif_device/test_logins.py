"""The ONVIF device takes a token once, in its time, and by digest alone."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest

from headwater.testing.onvif_device.logins import DigestCheck, TokenCheck

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
TYPE = (
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#Password{}"
)


def token(
    *, nonce: bytes = b"once", at: datetime = NOW, kind: str = "Digest", password: str = "sesame"
) -> ElementTree.Element:
    """An envelope with the token of a user."""
    created = at.isoformat()
    digest = hashlib.sha1(nonce + created.encode() + password.encode()).digest()
    return ElementTree.fromstring(
        f'<e><s:Security xmlns:s="{WSSE}"><Username>admin</Username>'
        f'<Password Type="{TYPE.format(kind)}">{base64.b64encode(digest).decode()}</Password>'
        f"<Nonce>{base64.b64encode(nonce).decode()}</Nonce><Created>{created}</Created>"
        "</s:Security></e>"
    )


@pytest.mark.parametrize(
    ("envelope", "complaint"),
    [
        (token(), ""),
        (token(at=NOW - timedelta(seconds=29)), ""),
        (token(at=NOW - timedelta(seconds=31)), "the token is of another time"),
        (token(at=NOW + timedelta(seconds=31)), "the token is of another time"),
        (token(kind="Text"), "the password is no digest"),
        (token(password="open"), "wrong name or password"),
        (ElementTree.fromstring("<e/>"), "no token"),
    ],
)
def test_what_is_wrong_with_a_token(envelope: ElementTree.Element, complaint: str) -> None:
    assert TokenCheck("admin", "sesame").complaint(envelope, NOW) == complaint


def test_a_token_is_taken_once() -> None:
    check = TokenCheck("admin", "sesame")
    assert check.complaint(token(), NOW) == ""
    assert check.complaint(token(), NOW) == "the nonce was used before"
    assert check.complaint(token(nonce=b"another"), NOW) == ""


def test_an_answer_to_a_challenge_counts_once_and_for_its_path() -> None:
    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    check = DigestCheck("admin", "sesame")
    nonce = check.challenge().partition('nonce="')[2].partition('"')[0]
    secret = md5("admin:onvif device:sesame")
    response = md5(f"{secret}:{nonce}:00000001:c:auth:{md5('POST:/onvif')}")
    header = (
        f'Digest username="admin", realm="onvif device", nonce="{nonce}", uri="/onvif", '
        f'response="{response}", qop=auth, nc=00000001, cnonce="c"'
    )
    assert not check.is_right(header, "/another")
    assert not check.is_right(header.replace(nonce, "made up"), "/onvif")
    assert check.is_right(header, "/onvif")
    assert not check.is_right(header, "/onvif")
