"""WWW-Authenticate: what a server asks for (RFC 2326 §12.44, RFC 7616 §3.3, RFC 7617 §2)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from headwater.protocol.header.parameters import auth_parameters, quoted

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_SCHEME = re.compile(r"(?:^|,)\s*([A-Za-z][A-Za-z0-9\-]*)(?:[ \t]+(?!\s*=)|\s*(?=,|$))")
_WHERE = "WWW-Authenticate"


@dataclass(frozen=True, slots=True)
class BasicChallenge:
    """Name and password are asked for, in clear."""

    realm: str


@dataclass(frozen=True, slots=True)
class DigestChallenge:
    """A proof of the password is asked for.

    Attributes:
        realm: what the password belongs to.
        nonce: the server's one-time text.
        algorithm: "MD5" or "SHA-256" as written; None means MD5 and writes nothing.
        qop: qualities of protection offered, such as "auth"; none is the form of RFC 2069.
        opaque: to be sent back as it is.
        stale: the nonce was too old, name and password may be right.
    """

    realm: str
    nonce: str
    algorithm: str | None = None
    qop: tuple[str, ...] = ()
    opaque: str | None = None
    stale: bool = False


Challenge = BasicChallenge | DigestChallenge


def parse_challenges(values: Iterable[str]) -> list[Challenge]:
    """Return the challenges of all WWW-Authenticate headers in the server's order.

    Several may stand in one header. Unknown schemes, and a Digest without nonce, are left out.

    Raises:
        ProtocolError: 400, when the parameters of a Basic or Digest challenge are unreadable.
    """
    challenges: list[Challenge] = []
    for value in values:
        # Commas and blanks inside quotes separate nothing.
        masked = _QUOTED.sub(lambda found: '"' + "_" * (len(found[0]) - 2) + '"', value)
        schemes = list(_SCHEME.finditer(masked))
        ends = [*(scheme.start() for scheme in schemes), len(value)][1:]
        for scheme, end in zip(schemes, ends, strict=True):
            challenge = _challenge(scheme[1].lower(), value[scheme.end() : end])
            if challenge is not None:
                challenges.append(challenge)
    return challenges


def format_challenge(challenge: Challenge) -> str:
    """Return one challenge as header value. One header for each is what clients read best."""
    if isinstance(challenge, BasicChallenge):
        return f"Basic realm={quoted(challenge.realm)}"
    parts = [f"realm={quoted(challenge.realm)}", f"nonce={quoted(challenge.nonce)}"]
    if challenge.stale:
        # Right behind the nonce: live555 (VLC) reads it nowhere else, and gives up without it.
        parts.append("stale=true")
    if challenge.opaque is not None:
        parts.append(f"opaque={quoted(challenge.opaque)}")
    if challenge.algorithm is not None:
        # RFC 7616 §3.3: algorithm and stale are not quoted, qop is.
        parts.append(f"algorithm={challenge.algorithm}")
    if challenge.qop:
        parts.append(f"qop={quoted(','.join(challenge.qop))}")
    return f"Digest {', '.join(parts)}"


def _challenge(scheme: str, text: str) -> Challenge | None:
    if scheme not in ("basic", "digest"):
        return None
    parameters = auth_parameters(text, where=_WHERE)
    realm = parameters.get("realm", "")
    if scheme == "basic":
        return BasicChallenge(realm)
    if "nonce" not in parameters:
        return None
    qop = tuple(part.strip() for part in parameters.get("qop", "").split(",") if part.strip())
    return DigestChallenge(
        realm,
        parameters["nonce"],
        algorithm=parameters.get("algorithm"),
        qop=qop,
        opaque=parameters.get("opaque"),
        stale=parameters.get("stale", "").lower() == "true",
    )
