"""Keys of a set or a file: what fits the settings is taken, what does not is left out."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm
from token_maker import key_set, public_jwk, public_pem

from headwater.access.outside_settings import JwtAlgorithm, JwtSettings
from headwater.callouts.json_web_keys import (
    MOST_KEYS,
    UnreadableKeysError,
    fitting,
    keys_of_files,
    keys_of_set,
)

BY_KEY = JwtSettings(jwks_url="https://x.example").allowed_algorithms


def a_set(*keys: Any) -> bytes:
    return json.dumps({"keys": keys}).encode()


def short_key() -> dict[str, Any]:
    public = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()
    value: dict[str, Any] = json.loads(RSAAlgorithm.to_jwk(public))
    return value


@pytest.mark.parametrize(
    ("key", "algorithms"),
    [
        (public_jwk("one"), {"RS256"}),
        (public_jwk("one", alg="RS256"), {"RS256"}),
        (public_jwk("one", use="sig"), {"RS256"}),
        (public_jwk("one", "EC"), {"ES256"}),
        (public_jwk("one", "OKP"), {"EdDSA"}),
        (public_jwk("one", use="enc"), None),
        (public_jwk("one", alg="RS512"), None),
        (public_jwk("one", alg="HS256"), None),
        ({"kty": "oct", "k": base64.urlsafe_b64encode(bytes(32)).decode(), "kid": "one"}, None),
        ({"kty": "RSA", "n": "AQAB", "e": "AQAB"}, None),
        ({"kty": "RSA"}, None),
        ({"kty": ["RSA"]}, None),
        ("one", None),
        (short_key(), None),
    ],
)
def test_a_key_is_used_with_the_algorithms_that_fit_it(
    key: Any, algorithms: set[str] | None
) -> None:
    if algorithms is None:
        with pytest.raises(UnreadableKeysError, match="no key for RS256, ES256, EdDSA"):
            keys_of_set(a_set(key), BY_KEY)
        return
    (found,) = keys_of_set(a_set("odd", key), BY_KEY)
    assert found.algorithms == algorithms
    assert found.key_id == "one"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b'{"keys": {}}',
        b"[" * 100_000,
        a_set(),
        a_set(*({} for _ in range(MOST_KEYS + 1))),
    ],
)
def test_what_is_no_key_set_is_refused(text: bytes) -> None:
    with pytest.raises(UnreadableKeysError):
        keys_of_set(text, BY_KEY)


def test_a_token_names_its_key_or_all_are_tried() -> None:
    keys = keys_of_set(key_set("one", "two"), BY_KEY)
    assert [key.key_id for key in fitting(keys, "two", "RS256")] == ["two"]
    assert [key.key_id for key in fitting(keys, None, "RS256")] == ["one", "two"]
    assert fitting(keys, "three", "RS256") == []
    assert fitting(keys, "one", "ES256") == []


@pytest.mark.parametrize(
    ("kind", "algorithm"), [("RSA", "RS256"), ("EC", "ES256"), ("OKP", "EdDSA")]
)
def test_a_file_with_a_key(tmp_path: Path, kind: str, algorithm: str) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(public_pem("one", kind))
    (key,) = keys_of_files(JwtSettings(key_file=str(file)))
    assert key.algorithms == {algorithm}
    file.write_bytes(key_set("one", "two"))
    assert len(keys_of_files(JwtSettings(key_file=str(file)))) == 2


def test_a_key_that_the_settings_do_not_allow(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(public_pem("one"))
    with pytest.raises(UnreadableKeysError, match="does not fit ES256"):
        keys_of_files(JwtSettings(key_file=str(file), algorithms=(JwtAlgorithm.ES256,)))
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()
    file.write_bytes(small.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(UnreadableKeysError, match="too short"):
        keys_of_files(JwtSettings(key_file=str(file)))
    file.write_bytes(b"no key")
    with pytest.raises(UnreadableKeysError, match="no public key"):
        keys_of_files(JwtSettings(key_file=str(file)))


def test_a_file_with_a_secret(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"s" * 32 + b"\n")
    (key,) = keys_of_files(JwtSettings(secret_file=str(file)))
    assert key.key == b"s" * 32
    assert key.algorithms == {"HS256"}
    assert "sss" not in repr(key)
    file.write_bytes(b"short")
    with pytest.raises(UnreadableKeysError, match="5 bytes"):
        keys_of_files(JwtSettings(secret_file=str(file)))
