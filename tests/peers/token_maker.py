"""Makes signed tokens and the key sets that they are checked with, for tests."""

from __future__ import annotations

import json
import time
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

AUDIENCE = "headwater"


def private_key(name: str, kind: str = "RSA") -> Any:
    """Return a private key of a name, always the same within a run."""
    return _made(name, kind)


@cache
def _made(_name: str, kind: str) -> Any:
    match kind:
        case "RSA":
            return rsa.generate_private_key(public_exponent=65537, key_size=2048)
        case "EC":
            return ec.generate_private_key(ec.SECP256R1())
        case _:
            return ed25519.Ed25519PrivateKey.generate()


def public_jwk(name: str, kind: str = "RSA", **more: Any) -> dict[str, Any]:
    """Return the public key as a key set has it."""
    algorithms: dict[str, Any] = {"RSA": RSAAlgorithm, "EC": ECAlgorithm, "OKP": OKPAlgorithm}
    algorithm = algorithms[kind]
    text: Any = algorithm.to_jwk(private_key(name, kind).public_key())
    return {**json.loads(text), "kid": name, **more}


def key_set(*names: str) -> bytes:
    """Return a key set with RSA keys."""
    return json.dumps({"keys": [public_jwk(name) for name in names]}).encode()


def public_pem(name: str, kind: str = "RSA") -> bytes:
    """Return the public key as a PEM file has it."""
    public = private_key(name, kind).public_key()
    pem: bytes = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem


def token(
    name: str = "one",
    *,
    paths: Any = None,
    for_s: float = 86_400,
    algorithm: str = "RS256",
    key: Any = None,
    head: dict[str, Any] | None = None,
    **claims: Any,
) -> str:
    """Return a token signed with the key of a name; a claim that is None is left out."""
    given = {
        "sub": "ann",
        "exp": int(time.time() + for_s),
        "paths": {"**": ["play"]} if paths is None else paths,
        **claims,
    }
    return jwt.encode(
        {claim: value for claim, value in given.items() if value is not None},
        private_key(name) if key is None else key,
        algorithm=algorithm,
        headers={"kid": name, **(head or {})},
    )
