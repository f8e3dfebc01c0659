"""Who may look, and how the camera asks for it (RFC 7617; RFC 7616, and RFC 2069 without qop)."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from headwater.testing.fake_camera.message import SeenRequest

_HASHES: dict[str, Callable[[bytes], str]] = {
    "MD5": lambda text: hashlib.md5(text, usedforsecurity=False).hexdigest(),
    "SHA-256": lambda text: hashlib.sha256(text).hexdigest(),
    "SHA-512-256": lambda text: hashlib.new("sha512_256", text).hexdigest(),
}
_PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^,\s]*))')


@dataclass(frozen=True)
class Challenge:
    """One WWW-Authenticate header, without its nonce."""

    scheme: str = "Digest"
    algorithm: str | None = "MD5"
    """MD5, MD5-sess, SHA-256 …; None leaves the parameter out, which means MD5."""
    qop: str | None = None
    opaque: str | None = None
    realm: str | None = None
    """Instead of the realm of the credentials."""


BASIC = Challenge("Basic", algorithm=None)
DIGEST_MD5 = Challenge()
DIGEST_SHA256 = Challenge(algorithm="SHA-256", qop="auth")


@dataclass(frozen=True)
class Credentials:
    """A user, a password, and the challenges in the order in which they are sent."""

    user: str
    password: str
    challenges: tuple[Challenge, ...] = (DIGEST_MD5,)
    realm: str = "camera"
    nonce_uses: int | None = None
    """A nonce is stale after so many requests; None never."""
    nonce_per_connection: bool = False
    """Whether a nonce is good on the connection only that it was given out on."""
    one_line: bool = False
    """All challenges in one header, separated by commas (RFC 7235 §4.1)."""
    open_methods: frozenset[str] = frozenset({"OPTIONS"})
    """Methods that need no credentials."""


@dataclass
class Door:
    """Lets requests in or not; knows the nonces of one camera, or of one connection."""

    credentials: Credentials
    name: str
    uses: dict[str, int] = field(default_factory=dict)

    def challenges(self, *, stale: bool) -> list[str]:
        """The values of WWW-Authenticate, with a new nonce."""
        nonce = hashlib.sha256(f"{self.name}/{len(self.uses)}".encode()).hexdigest()[:32]
        self.uses[nonce] = 0
        values = [self._challenge(each, nonce, stale) for each in self.credentials.challenges]
        return [", ".join(values)] if self.credentials.one_line else values

    def admits(self, request: SeenRequest) -> bool:
        """Whether the request's credentials are right, and its nonce is fresh."""
        if request.method in self.credentials.open_methods:
            return True
        scheme, _, rest = (request.header("Authorization") or "").partition(" ")
        offered = [each for each in self.credentials.challenges if each.scheme == scheme]
        if scheme == "Basic":
            return bool(offered) and self._basic(rest)
        return any(self._digest(each, request, _parameters(rest)) for each in offered)

    def stale(self, request: SeenRequest) -> bool:
        """Whether the nonce of the request was right once."""
        nonce = _parameters(request.header("Authorization") or "").get("nonce", "")
        return nonce in self.uses and self._worn(nonce)

    def _challenge(self, each: Challenge, nonce: str, stale: bool) -> str:
        realm = each.realm or self.credentials.realm
        parts = [f'realm="{realm}"']
        if each.scheme != "Basic":
            parts.append(f'nonce="{nonce}"')
            parts += [f'opaque="{each.opaque}"'] if each.opaque else []
            parts += [f'qop="{each.qop}"'] if each.qop else []
            parts += [f"algorithm={each.algorithm}"] if each.algorithm else []
            parts += ["stale=true"] if stale else []
        return f"{each.scheme} {', '.join(parts)}"

    def _basic(self, token: str) -> bool:
        pair = f"{self.credentials.user}:{self.credentials.password}"
        return base64.b64encode(pair.encode()).decode() == token.strip()

    def _digest(self, each: Challenge, request: SeenRequest, given: dict[str, str]) -> bool:
        nonce = given.get("nonce", "")
        name = given.get("algorithm", "MD5")
        if nonce not in self.uses or self._worn(nonce) or name != (each.algorithm or "MD5"):
            return False
        digest = _HASHES.get(name.removesuffix("-sess"))
        if digest is None or given.get("uri") != request.uri:
            return False
        realm = each.realm or self.credentials.realm
        secret = digest(f"{self.credentials.user}:{realm}:{self.credentials.password}".encode())
        if name.endswith("-sess"):
            secret = digest(f"{secret}:{nonce}:{given.get('cnonce', '')}".encode())
        counted = ""
        if each.qop:
            if given.get("qop") not in [value.strip() for value in each.qop.split(",")]:
                return False
            counted = f":{given.get('nc', '')}:{given.get('cnonce', '')}:{given['qop']}"
        asked = digest(f"{request.method}:{request.uri}".encode())
        expected = digest(f"{secret}:{nonce}{counted}:{asked}".encode())
        if given.get("response") != expected or given.get("username") != self.credentials.user:
            return False
        self.uses[nonce] += 1
        return True

    def _worn(self, nonce: str) -> bool:
        most = self.credentials.nonce_uses
        return most is not None and self.uses[nonce] >= most


def _parameters(text: str) -> dict[str, str]:
    found = _PARAMETER.findall(text)
    return {name.lower(): re.sub(r"\\(.)", r"\1", quoted) or bare for name, quoted, bare in found}
