"""Names and passwords, and the two ways to prove them: a UsernameToken, and HTTP Digest."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from xml.sax.saxutils import escape

from headwater.protocol.digest import answer_challenge
from headwater.protocol.errors import ProtocolError
from headwater.protocol.header.authenticate import DigestChallenge, parse_challenges
from headwater.protocol.header.authorization import format_authorization

_WSS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss"


@dataclass(frozen=True, slots=True)
class Login:
    """The name and password of a user of the device."""

    user: str
    password: str = field(repr=False)


def username_token(login: Login, device_now: datetime) -> str:
    """Return the header that proves a password (OASIS UsernameToken Profile 1.0 §3.1).

    `device_now` is the time by the device's clock: it refuses what is of another time.
    """
    nonce = secrets.token_bytes(16)
    created = device_now.strftime("%Y-%m-%dT%H:%M:%SZ")
    raw = nonce + created.encode() + login.password.encode()
    # Password_Digest = Base64 ( SHA-1 ( nonce + created + password ) ): no other hash is known.
    proof = base64.b64encode(hashlib.sha1(raw, usedforsecurity=False).digest()).decode()
    return (
        f'<wsse:Security s:mustUnderstand="1" xmlns:wsse="{_WSS}-wssecurity-secext-1.0.xsd"'
        f' xmlns:wsu="{_WSS}-wssecurity-utility-1.0.xsd"><wsse:UsernameToken>'
        f"<wsse:Username>{escape(login.user)}</wsse:Username>"
        f'<wsse:Password Type="{_WSS}-username-token-profile-1.0#PasswordDigest">{proof}'
        f'</wsse:Password><wsse:Nonce EncodingType="{_WSS}-soap-message-security-1.0#Base64Binary">'
        f"{base64.b64encode(nonce).decode()}</wsse:Nonce>"
        f"<wsu:Created>{created}</wsu:Created></wsse:UsernameToken></wsse:Security>"
    )


class HttpDigest:
    """Answers the HTTP challenges of one device; Basic is never answered, it shows the password."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self._challenge: DigestChallenge | None = None
        self._count = 0

    def take(self, challenges: Sequence[str]) -> bool:
        """Keep the first challenge that can be answered; return whether there is one."""
        try:
            offered = parse_challenges(challenges)
        except ProtocolError:
            offered = []
        digests = (each for each in offered if isinstance(each, DigestChallenge))
        self._challenge = next((each for each in digests if self._answer(each, "/", 1)), None)
        self._count = 0
        return self._challenge is not None

    def authorization(self, path: str) -> str:
        """Return the Authorization header for a POST to `path`; empty before any challenge."""
        if self._challenge is None:
            return ""
        self._count += 1
        return self._answer(self._challenge, path, self._count)

    def _answer(self, challenge: DigestChallenge, path: str, count: int) -> str:
        """Return the header, empty where the device wants a kind of Digest not spoken here."""
        try:
            credentials = answer_challenge(
                challenge,
                username=self._login.user,
                password=self._login.password,
                method="POST",
                uri=path,
                cnonce=secrets.token_hex(8),
                nc=count,
            )
        except ProtocolError:
            return ""
        return format_authorization(credentials)
