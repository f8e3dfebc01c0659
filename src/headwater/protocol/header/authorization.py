"""Authorization: what a client shows (RFC 2326 §12.5, RFC 7616 §3.4, RFC 7617 §2)."""

import base64
import binascii
import re
from dataclasses import dataclass, field

from headwater.protocol.errors import ProtocolError
from headwater.protocol.header.parameters import auth_parameters, quoted
from headwater.protocol.quirks import base64_without_line_breaks

_WHERE = "Authorization"
_USERNAME = re.compile(r"""username\s*=\s*"((?:[^"\\]|\\.)*)\"""", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class BasicCredentials:
    """Name and password in clear."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class DigestCredentials:
    """Proof of a password; each field as the client wrote it."""

    username: str
    realm: str
    nonce: str
    uri: str
    response: str = field(repr=False)
    algorithm: str | None = None
    cnonce: str | None = None
    nc: str | None = None
    qop: str | None = None
    opaque: str | None = None
    written_username: str | None = field(default=None, compare=False)
    """The name as it stands between the quotes, where undoing its backslashes changed it."""


@dataclass(frozen=True, slots=True)
class OtherCredentials:
    """A scheme that is not read here, such as Bearer."""

    scheme: str
    token: str = field(repr=False)


Credentials = BasicCredentials | DigestCredentials | OtherCredentials


def parse_authorization(value: str) -> Credentials:
    """Read an Authorization header.

    Digest values may come with or without quotes, in any order.

    Raises:
        ProtocolError: 400, when it is malformed. The text of the error holds nothing of it.
    """
    scheme, _, rest = value.strip().partition(" ")
    match scheme.lower():
        case "basic":
            return _basic(base64_without_line_breaks(rest))
        case "digest":
            return _digest(rest)
        case "":
            raise ProtocolError("empty", where=_WHERE)
        case _:
            return OtherCredentials(scheme, rest.strip())


def format_authorization(credentials: Credentials) -> str:
    """Return the header value."""
    match credentials:
        case BasicCredentials(username=username, password=password):
            pair = f"{username}:{password}".encode()
            return f"Basic {base64.b64encode(pair).decode('ascii')}"
        case OtherCredentials(scheme=scheme, token=token):
            return f"{scheme} {token}"
    parts = [
        f"{name}={quoted(getattr(credentials, name))}"
        for name in ("username", "realm", "nonce", "uri", "response")
    ]
    # RFC 7616 §3.4: algorithm, qop and nc are not quoted.
    for name, quote in (
        ("algorithm", str),
        ("opaque", quoted),
        ("qop", str),
        ("nc", str),
        ("cnonce", quoted),
    ):
        text = getattr(credentials, name)
        if text is not None:
            parts.append(f"{name}={quote(text)}")
    return f"Digest {', '.join(parts)}"


def _basic(token: str) -> BasicCredentials:
    try:
        # Some clients leave the padding out.
        raw = base64.b64decode(token + "=" * (-len(token) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ProtocolError("Basic credentials are not base64", where=_WHERE) from None
    try:
        pair = raw.decode("utf-8")
    except UnicodeDecodeError:
        pair = raw.decode("latin-1")
    username, _, password = pair.partition(":")
    return BasicCredentials(username, password)


def _digest(text: str) -> DigestCredentials:
    parameters = auth_parameters(text, where=_WHERE)
    missing = [name for name in ("username", "nonce", "uri", "response") if name not in parameters]
    if missing:
        raise ProtocolError(f"Digest without {', '.join(missing)}", where=_WHERE)
    return DigestCredentials(
        parameters["username"],
        parameters.get("realm", ""),
        parameters["nonce"],
        parameters["uri"],
        parameters["response"],
        algorithm=parameters.get("algorithm"),
        cnonce=parameters.get("cnonce"),
        nc=parameters.get("nc"),
        qop=parameters.get("qop"),
        opaque=parameters.get("opaque"),
        written_username=_written_username(text, parameters["username"]),
    )


def _written_username(text: str, username: str) -> str | None:
    written = _USERNAME.search(text)
    return None if written is None or written[1] == username else written[1]
