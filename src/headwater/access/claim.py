"""What a request shows of who makes it."""

from __future__ import annotations

from dataclasses import dataclass

from headwater.net.socket_address import address_text
from headwater.protocol.errors import ProtocolError
from headwater.protocol.header.authorization import (
    BasicCredentials,
    DigestCredentials,
    parse_authorization,
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A request with credentials: what it says, who says it, and when."""

    method: str
    uri: str
    credentials: BasicCredentials | DigestCredentials
    now: float
    peer: str
    port: int

    @property
    def peer_text(self) -> str:
        """The peer as log lines name it, with its port."""
        return address_text((self.peer, self.port))


def understood(authorization: str) -> BasicCredentials | DigestCredentials | None:
    """Return what the client shows; None when it is unreadable or of another scheme."""
    try:
        given = parse_authorization(authorization)
    except ProtocolError:
        return None
    return given if isinstance(given, BasicCredentials | DigestCredentials) else None


def password_of(given: BasicCredentials | DigestCredentials) -> str:
    """Return what proves the name: the password itself, or a digest of it."""
    return given.password if isinstance(given, BasicCredentials) else given.response


def basic_of(authorization: str | None) -> BasicCredentials | None:
    """Return a name and password in clear; None where none were sent."""
    given = None if authorization is None else understood(authorization)
    return given if isinstance(given, BasicCredentials) else None
