"""Which tokens are good: signature, algorithm, time, audience, issuer, form."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from token_maker import key_set, private_key, public_pem, token

from headwater.access.decision import Action
from headwater.access.outside import TokenRefusedError
from headwater.access.outside_settings import JwtSettings
from headwater.callouts.signed_tokens import SignedTokens

NOW_S = 1000.0


def reader(tmp_path: Path, **settings: Any) -> SignedTokens:
    file = tmp_path / "keys.json"
    file.write_bytes(key_set("one"))
    chosen = settings if "secret_file" in settings else {"key_file": str(file), **settings}
    return SignedTokens(JwtSettings(**chosen), lambda: NOW_S)


def raw_token(head: dict[str, Any], claims: object, signature: bytes = b"") -> str:
    parts = [json.dumps(head).encode(), json.dumps(claims).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


async def test_a_good_token(tmp_path: Path) -> None:
    holder = await reader(tmp_path).holder_of(
        token(paths={"cams/*": ["play"], "/studio": ["publish", "control"]}, for_s=100)
    )
    assert holder.name == "ann"
    assert holder.may(Action.PLAY, "/cams/a")
    assert holder.may(Action.CONTROL, "/studio")
    assert not holder.may(Action.PLAY, "/studio")
    assert not holder.may(Action.LOOK, "/cams/a")
    # The leeway counts at the end too.
    assert NOW_S + 125 < holder.expires_s <= NOW_S + 130


ANY = {"exp": int(time.time()) + 86_400, "paths": {"**": ["play"]}}


@pytest.mark.parametrize(
    ("shown", "why"),
    [
        (token("two"), "key that is not known"),
        (token("two", head={"kid": "one"}), "not signed by whom"),
        (token(for_s=-31), "has expired"),
        (token(nbf=int(time.time()) + 3600), "not valid yet"),
        (token(exp=None), "lacks a claim"),
        (token(aud="other"), "another audience"),
        (token(paths=["all"]), "no object"),
        (token(algorithm="RS512"), "access.jwt.algorithms"),
        # RFC 8725 §2.1: no signature at all, and the public key taken for a secret.
        (raw_token({"alg": "none", "kid": "one"}, ANY), "access.jwt.algorithms"),
        (raw_token({"alg": "None", "kid": "one"}, ANY), "access.jwt.algorithms"),
        (raw_token({"alg": "HS256", "kid": "one"}, ANY, b"x" * 32), "access.jwt.algorithms"),
        (raw_token({"alg": ["RS256"], "kid": "one"}, ANY, b"x"), "access.jwt.algorithms"),
        (raw_token({"alg": "RS256", "kid": "one"}, ANY, b"x" * 256), "not signed by whom"),
        (raw_token({"alg": "RS256", "kid": ["one"]}, ANY, b"x" * 256), "unreadable"),
        (raw_token({"alg": "RS256"}, "no object", b"x" * 256), "not signed by whom"),
        ("e30.e30.e30", "access.jwt.algorithms"),
        (f"{'a' * 9000}.b.c", "longer than"),
        (f"{base64.urlsafe_b64encode(b'[' * 5000).decode()}.b.c", "unreadable"),
        (".".join(["a" * 20] * 3), "unreadable"),
    ],
)
async def test_what_is_not_good(tmp_path: Path, shown: str, why: str) -> None:
    with pytest.raises(TokenRefusedError, match=why):
        await reader(tmp_path).holder_of(shown)


@pytest.mark.parametrize("exp", ["9" * 12, 1e400, True, "soon", [1], -1])
async def test_an_odd_expiry_is_none(tmp_path: Path, exp: Any) -> None:
    claims = {"exp": exp, "paths": {"**": ["play"]}}
    shown = jwt.api_jws.encode(
        json.dumps(claims).encode(), private_key("one"), algorithm="RS256", headers={"kid": "one"}
    )
    with pytest.raises(TokenRefusedError):
        await reader(tmp_path).holder_of(shown)


async def test_the_public_key_is_no_secret(tmp_path: Path) -> None:
    """The attack of RFC 8725 §2.1: signed by HS256 with what everybody can read."""
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"one"}').rstrip(b"=")
    body = base64.urlsafe_b64encode(json.dumps(ANY).encode()).rstrip(b"=")
    import hashlib
    import hmac

    proof = hmac.new(public_pem("one"), head + b"." + body, hashlib.sha256).digest()
    shown = b".".join([head, body, base64.urlsafe_b64encode(proof).rstrip(b"=")]).decode()
    with pytest.raises(TokenRefusedError, match="algorithms"):
        await reader(tmp_path).holder_of(shown)


@pytest.mark.parametrize(
    ("settings", "claims", "good"),
    [
        ({"audience": ["a", "b"]}, {"aud": "b"}, True),
        ({"audience": ["a"]}, {"aud": ["x", "a"]}, True),
        ({"audience": ["a"]}, {"aud": "x"}, False),
        ({"audience": ["a"]}, {}, False),
        ({"issuer": "me"}, {"iss": "me"}, True),
        ({"issuer": "me"}, {"iss": "you"}, False),
        ({"issuer": "me"}, {}, False),
        ({"leeway_s": 0}, {"nbf": int(time.time()) + 3600}, False),
        ({}, {"nbf": int(time.time()) + 20}, True),
        ({"paths_claim": "may", "user_claim": "who"}, {"may": {"a": "play"}, "who": "x"}, True),
    ],
)
async def test_audience_issuer_and_clocks(
    tmp_path: Path, settings: dict[str, Any], claims: dict[str, Any], good: bool
) -> None:
    asked = reader(tmp_path, **settings)
    if good:
        assert (await asked.holder_of(token(**claims))).name == claims.get("who", "ann")
        return
    with pytest.raises(TokenRefusedError):
        await asked.holder_of(token(**claims))


async def test_a_secret(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"s" * 40)
    asked = reader(tmp_path, secret_file=str(file))
    shown = token(key="s" * 40, algorithm="HS256")
    assert (await asked.holder_of(shown)).name == "ann"
    with pytest.raises(TokenRefusedError, match="not signed"):
        await asked.holder_of(token(key="t" * 40, algorithm="HS256"))
    with pytest.raises(TokenRefusedError, match="algorithms"):
        await asked.holder_of(token())


@pytest.mark.parametrize(
    ("text", "known"),
    [
        (token(), True),
        (".".join(["a" * 20] * 3), True),
        ("secret", False),
        ("a.b.c", False),
        ("", False),
        (".".join(["a" * 20] * 5), False),
    ],
)
def test_what_looks_like_a_token(tmp_path: Path, text: str, known: bool) -> None:
    assert reader(tmp_path).knows(text) is known


@pytest.mark.parametrize("name", [None, 5, "", "a\nb"])
async def test_a_name_that_is_none(tmp_path: Path, name: Any) -> None:
    asked = reader(tmp_path, user_claim="who")
    assert (await asked.holder_of(token(who=name))).name == "token"
