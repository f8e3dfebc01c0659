"""How the device checks who asks: WS-UsernameToken and HTTP Digest, both as their texts say."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from datetime import datetime, timedelta
from enum import StrEnum
from xml.etree import ElementTree

_SECURITY = (
    "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd}Security"
)
_DIGEST_TYPE = (
    "http://docs.oasis-open.org/wss/2004/01/"
    "oasis-200401-wss-username-token-profile-1.0#PasswordDigest"
)
_PARAMETER = re.compile(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^,\s]*))')
REALM = "onvif device"


class Login(StrEnum):
    """A way to log in."""

    TOKEN = "token"
    DIGEST = "digest"
    BASIC = "basic"


class TokenCheck:
    """Checks UsernameTokens (OASIS UsernameToken Profile 1.0): digest, time, and no replay."""

    fresh_s = 30.0

    def __init__(self, user: str, password: str) -> None:
        self._user, self._password = user, password
        self._seen: set[str] = set()

    def complaint(self, envelope: ElementTree.Element, now: datetime) -> str:
        """What is wrong with the token of an envelope; empty where it is right."""
        security = envelope.find(f".//{_SECURITY}")
        if security is None:
            return "no token"
        texts = {element.tag.rpartition("}")[2]: element for element in security.iter()}
        try:
            name, created, nonce = (
                texts[tag].text or "" for tag in ("Username", "Created", "Nonce")
            )
            password = texts["Password"]
        except KeyError as missing:
            return f"token without {missing}"
        if password.get("Type") != _DIGEST_TYPE:
            return "the password is no digest"
        told = datetime.fromisoformat(created)
        if abs(told - now) > timedelta(seconds=self.fresh_s):
            return "the token is of another time"
        if nonce in self._seen:
            return "the nonce was used before"
        self._seen.add(nonce)
        raw = base64.b64decode(nonce) + created.encode() + self._password.encode()
        right = base64.b64encode(hashlib.sha1(raw).digest()).decode()
        if name != self._user or not hmac.compare_digest(right, password.text or ""):
            return "wrong name or password"
        return ""


class DigestCheck:
    """Checks HTTP Digest (RFC 7616) with qop=auth, MD5."""

    def __init__(self, user: str, password: str) -> None:
        self._user, self._password = user, password
        self._counts: dict[str, int] = {}

    def challenge(self) -> str:
        nonce = secrets.token_hex(16)
        self._counts[nonce] = 0
        return f'Digest realm="{REALM}", qop="auth", nonce="{nonce}", algorithm=MD5, opaque="o"'

    def is_right(self, authorization: str, path: str) -> bool:
        if not authorization.startswith("Digest "):
            return False
        given = {name: text or bare for name, text, bare in _PARAMETER.findall(authorization)}
        nonce = given.get("nonce", "")
        count = int(given.get("nc", "0"), 16)
        if given.get("uri") != path or count <= self._counts.get(nonce, count):
            return False
        self._counts[nonce] = count
        ha1 = _md5(f"{self._user}:{REALM}:{self._password}")
        ha2 = _md5(f"POST:{path}")
        middle = f"{nonce}:{given['nc']}:{given['cnonce']}:auth"
        right = _md5(f"{ha1}:{middle}:{ha2}")
        return given.get("username") == self._user and right == given.get("response")


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()
