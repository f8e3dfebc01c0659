"""Public keys that tokens are checked with: of a key set (RFC 7517), a PEM file, or a secret."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt import PyJWK, PyJWTError

from headwater.access.outside_settings import JwtAlgorithm, JwtSettings

MOST_KEYS: Final = 64
_LEAST_SECRET_BYTES: Final = 32
"""RFC 7518 §3.2: the key must be as long as the hash at least."""
_LEAST_RSA_BITS: Final = 2048
"""RFC 7518 §3.3."""
_MOST_FILE_BYTES: Final = 1 << 20
_KINDS: Final = {"RSA": ("RS", "PS"), "EC": ("ES",), "OKP": ("EdDSA",)}
"""By type of key: what the names of its algorithms begin with."""
_CURVES: Final = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}


class UnreadableKeysError(ValueError):
    """A text holds no usable keys; the message says why."""


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A key, and the algorithms that it is used with; no others, whatever a token says."""

    key_id: str | None
    algorithms: frozenset[str]
    key: Any = field(repr=False)


def keys_of_set(text: bytes, allowed: Collection[JwtAlgorithm]) -> tuple[TokenKey, ...]:
    """Return the keys of a JSON Web Key Set that can be used; what else is in it is left out.

    Raises UnreadableKeysError where there is none.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise UnreadableKeysError("it is no JSON") from None
    listed = value.get("keys") if isinstance(value, dict) else None
    if not isinstance(listed, list):
        raise UnreadableKeysError("it is no key set: there is no list `keys`")
    if len(listed) > MOST_KEYS:
        raise UnreadableKeysError(f"it has {len(listed)} keys; at most {MOST_KEYS} are read")
    found = [key for each in listed if (key := _key_of(each, allowed)) is not None]
    if not found:
        words = ", ".join(allowed)
        raise UnreadableKeysError(f"it has no key for {words}")
    return tuple(found)


def keys_of_files(settings: JwtSettings) -> tuple[TokenKey, ...]:
    """Return the key of `key_file` or `secret_file`. Raises UnreadableKeysError, OSError."""
    if settings.secret_file:
        secret = _content(settings.secret_file).rstrip(b"\r\n")
        if len(secret) < _LEAST_SECRET_BYTES:
            raise UnreadableKeysError(
                f"it has {len(secret)} bytes; a secret has {_LEAST_SECRET_BYTES} at least"
            )
        return (TokenKey(None, frozenset(settings.allowed_algorithms), secret),)
    content = _content(settings.key_file)
    if content.lstrip().startswith(b"{"):
        return keys_of_set(content, settings.allowed_algorithms)
    return (_key_of_pem(content, settings.allowed_algorithms),)


def fitting(keys: Sequence[TokenKey], key_id: str | None, algorithm: str) -> list[TokenKey]:
    """Return the keys that a token names; all that its algorithm fits where it names none."""
    return [
        key
        for key in keys
        if algorithm in key.algorithms and (key_id is None or key.key_id in {None, key_id})
    ]


def _key_of(value: Any, allowed: Collection[JwtAlgorithm]) -> TokenKey | None:
    if not isinstance(value, dict) or value.get("use", "sig") != "sig":
        return None
    fits = _algorithms_of(value, allowed)
    if not fits:
        return None
    try:
        key = PyJWK(value, algorithm=min(fits)).key
    except (PyJWTError, ValueError, TypeError, OverflowError, RecursionError):
        return None
    key_id = value.get("kid")
    public = key.public_key() if hasattr(key, "public_key") else key
    if getattr(public, "key_size", _LEAST_RSA_BITS) < _LEAST_RSA_BITS and value["kty"] == "RSA":
        return None
    return TokenKey(key_id if isinstance(key_id, str) else None, fits, public)


def _algorithms_of(value: dict[str, Any], allowed: Collection[JwtAlgorithm]) -> frozenset[str]:
    """Return those that are allowed and that the type of the key, and the key itself, allow."""
    kind = value.get("kty")
    # A secret (`oct`) has no place in a set that anybody may read.
    begins = _KINDS.get(kind, ()) if isinstance(kind, str) else ()
    fits = {str(a.value) for a in allowed if begins and str(a.value).startswith(begins)}
    if kind == "EC":
        fits &= {_CURVES.get(str(value.get("crv")), "")}
    if "alg" in value:
        fits &= {str(value["alg"])}
    return frozenset(fits)


def _key_of_pem(content: bytes, allowed: Collection[JwtAlgorithm]) -> TokenKey:
    try:
        key = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm):
        raise UnreadableKeysError("it has no public key (PEM), and no key set (JWKS)") from None
    described: dict[str, Any] = {}
    match key:
        case rsa.RSAPublicKey() if key.key_size >= _LEAST_RSA_BITS:
            described = {"kty": "RSA"}
        case ec.EllipticCurvePublicKey():
            curve = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
            described = {"kty": "EC", "crv": curve.get(key.curve.name)}
        case ed25519.Ed25519PublicKey() | ed448.Ed448PublicKey():
            described = {"kty": "OKP"}
    fits = _algorithms_of(described, allowed)
    if not fits:
        raise UnreadableKeysError(f"its key does not fit {', '.join(allowed)}, or is too short")
    return TokenKey(None, fits, key)


def _content(path: str) -> bytes:
    with Path(path).open("rb") as file:
        return file.read(_MOST_FILE_BYTES)
