"""A client's half of digest authentication, written from RFC 2617 and RFC 7616."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from typing import Any

_PARAMETER = re.compile(r'(\w+)=(?:"([^"]*)"|([^,\s]*))')
_HASHES: dict[str, Callable[[bytes], Any]] = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def parameters(challenge: str) -> dict[str, str]:
    """The parameters of one WWW-Authenticate value."""
    return {name.lower(): quoted or bare for name, quoted, bare in _PARAMETER.findall(challenge)}


def digest(
    challenge: str, *, name: str, password: str, method: str, uri: str, signed_uri: str = ""
) -> str:
    """The Authorization value that answers a challenge.

    `signed_uri` is what the client puts into the header and the hash, when it differs.
    """
    given = parameters(challenge)
    algorithm = given.get("algorithm", "MD5")
    uri = signed_uri or uri

    def hashed(text: str) -> str:
        digest: str = _HASHES[algorithm](text.encode()).hexdigest()
        return digest

    ha1 = hashed(f"{name}:{given['realm']}:{password}")
    ha2 = hashed(f"{method}:{uri}")
    parts = [
        f'username="{name}"',
        f'realm="{given["realm"]}"',
        f'nonce="{given["nonce"]}"',
        f'uri="{uri}"',
    ]
    if "algorithm" in given:
        parts.append(f"algorithm={algorithm}")
    if "qop" in given:
        middle = f"{given['nonce']}:00000001:c0ffee:auth"
        parts += ["qop=auth", "nc=00000001", 'cnonce="c0ffee"']
    else:
        middle = given["nonce"]
    parts.append(f'response="{hashed(f"{ha1}:{middle}:{ha2}")}"')
    return "Digest " + ", ".join(parts)
