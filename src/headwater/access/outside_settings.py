"""Settings of what decides about peers beside the users: signed tokens, and the owner's server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Final
from urllib.parse import urlsplit

from headwater.applies import NOW
from headwater.setting_fields import Choice, take_fields
from headwater.shown_text import url_without_credentials


class JwtAlgorithm(Choice):
    """How a token is signed (RFC 7518 §3.1, RFC 8037 §3.1); `none` is no choice."""

    RS256 = "RS256"
    RS384 = "RS384"
    RS512 = "RS512"
    PS256 = "PS256"
    PS384 = "PS384"
    PS512 = "PS512"
    ES256 = "ES256"
    ES384 = "ES384"
    ES512 = "ES512"
    EDDSA = "EdDSA"
    HS256 = "HS256"
    HS384 = "HS384"
    HS512 = "HS512"

    @property
    def is_by_secret(self) -> bool:
        """Whether who checks a token could have made it."""
        return self.value.startswith("HS")


_BY_KEY: Final = (JwtAlgorithm.RS256, JwtAlgorithm.ES256, JwtAlgorithm.EDDSA)
_BY_SECRET: Final = (JwtAlgorithm.HS256,)


@dataclass(frozen=True, kw_only=True, slots=True)
class JwtSettings:
    """Signed tokens (JWT) that say who somebody is and what they may, for RTSP, browsers and API.

    One of `jwks_url`, `key_file` and `secret_file` turns them on. It needs the extra `web`.
    """

    jwks_url: Annotated[
        str,
        NOW,
        "URL of the public keys of whoever signs the tokens, as a JSON Web Key Set (JWKS).",
    ] = ""
    key_file: Annotated[
        str,
        NOW,
        "Path of a file with a public key (PEM) or a key set (JWKS), instead of `jwks_url`.",
    ] = ""
    secret_file: Annotated[
        str,
        NOW,
        "Path of a file with a secret of at least 32 bytes that both sides know, for HS256 and "
        "its kind, instead of keys. A line break at its end does not count.",
    ] = ""
    algorithms: Annotated[
        tuple[JwtAlgorithm, ...],
        NOW,
        "Algorithms that a token may be signed with. Empty: RS256, ES256 and EdDSA with keys, "
        "HS256 with a secret. The token has no say in it.",
    ] = ()
    audience: Annotated[
        tuple[str, ...],
        NOW,
        "Audiences (`aud`), of which a token must be for one. Empty: it must have no audience.",
    ] = ()
    issuer: Annotated[
        str, NOW, "Who must have issued a token (`iss`). Empty: anybody whose key is known."
    ] = ""
    leeway_s: Annotated[float, NOW, "Seconds that the clocks of issuer and server may differ."] = (
        30.0
    )
    user_claim: Annotated[str, NOW, "The claim that has the user's name."] = "sub"
    paths_claim: Annotated[
        str, NOW, "The claim that has the rights: an object from patterns of paths to rights."
    ] = "paths"
    timeout_s: Annotated[float, NOW, "Seconds that the server of `jwks_url` has to answer."] = 5.0
    refresh_s: Annotated[
        float, NOW, "Seconds after which keys that were fetched are fetched again."
    ] = 300.0
    pause_s: Annotated[
        float,
        NOW,
        "Least seconds between two fetches: tokens with unknown keys cannot bring about more.",
    ] = 10.0
    keep_s: Annotated[
        float,
        NOW,
        "Seconds that fetched keys stay in use while `jwks_url` does not answer.",
    ] = 86_400.0

    def __post_init__(self) -> None:
        take_fields(self)
        given = [n for n in ("jwks_url", "key_file", "secret_file") if getattr(self, n)]
        if len(given) > 1:
            raise ValueError(f"{given[0]} and {given[1]} are both given; give one of them")
        _check_url("jwks_url", self.jwks_url)
        for algorithm in self.algorithms if given else ():
            if algorithm.is_by_secret != bool(self.secret_file):
                # With a public key as the secret, anybody who reads it could sign.
                kind = "a secret" if algorithm.is_by_secret else "a key"
                raise ValueError(
                    f"algorithms has {algorithm}, which is by {kind}; {given[0]} is not"
                )
        for name in ("user_claim", "paths_claim"):
            if not getattr(self, name):
                raise ValueError(f"{name} is empty; give the name of a claim")
        for name in ("timeout_s", "refresh_s", "pause_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be above 0")
        for name in ("leeway_s", "keep_s"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 0 or more")

    @property
    def enabled(self) -> bool:
        """Whether tokens are taken."""
        return bool(self.jwks_url or self.key_file or self.secret_file)

    @property
    def allowed_algorithms(self) -> tuple[JwtAlgorithm, ...]:
        """The algorithms that a token may be signed with."""
        return self.algorithms or (_BY_SECRET if self.secret_file else _BY_KEY)


class WhenDown(Choice):
    """What happens while the owner's server gives no answer."""

    REFUSE = "refuse"
    ALLOW = "allow"


@dataclass(frozen=True, kw_only=True, slots=True)
class AskSettings:
    """A web server of yours that decides who may do what, instead of users. Needs the extra `web`.

    It is sent a POST for what a peer wants to do, and answers by its status: 200 to 299 is yes,
    401 asks for credentials, 403 is no.
    """

    url: Annotated[str, NOW, "Where to ask: http:// or https://. Empty: the users decide."] = ""
    token: Annotated[
        str,
        NOW,
        "What the server shows of itself there, as `Authorization: Bearer …`. Empty: nothing.",
    ] = field(default="", repr=False)
    timeout_s: Annotated[float, NOW, "Seconds that an answer may take."] = 5.0
    remember_s: Annotated[
        float,
        NOW,
        "Seconds that an answer holds for the same peer with the same credentials, path and "
        "query. 0: each request is asked about.",
    ] = 10.0
    at_once: Annotated[
        int, NOW, "Questions that are open at the same time; others wait for `timeout_s` at most."
    ] = 32
    when_down: Annotated[
        WhenDown,
        NOW,
        "What happens while it gives no answer: `refuse` answers 503, `allow` lets everybody "
        "publish and play. The API is never open for that.",
    ] = WhenDown.REFUSE

    def __post_init__(self) -> None:
        take_fields(self)
        _check_url("url", self.url)
        if self.timeout_s <= 0:
            raise ValueError(f"timeout_s is {self.timeout_s}; it must be above 0")
        if self.remember_s < 0:
            raise ValueError(f"remember_s is {self.remember_s}; it must be 0 or more")
        if self.at_once < 1:
            raise ValueError(f"at_once is {self.at_once}; it must be 1 or more")


def _check_url(name: str, url: str) -> None:
    if not url:
        return
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        shown = url_without_credentials(url)
        raise ValueError(f"{name} is {shown!r}; it must be an http:// or https:// URL")
