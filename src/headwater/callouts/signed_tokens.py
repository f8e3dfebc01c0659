"""Reads JSON Web Tokens (RFC 7519) by the rules of RFC 8725: the settings say what is good."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import jwt

from headwater.access.outside import Holder, TokenRefusedError
from headwater.access.outside_settings import JwtSettings
from headwater.callouts.claims import rights_of
from headwater.callouts.fetched_keys import FetchedKeys, KeptKeys, TokenKeys
from headwater.callouts.json_web_keys import TokenKey, keys_of_files

_FORM: Final = re.compile(r"[\w-]+\.[\w-]+\.[\w-]*", re.ASCII)
_MOST_CHARACTERS: Final = 8192
_MOST_KEYS_TRIED: Final = 4
"""Of a token that names none."""
_MOST_NAME_CHARACTERS: Final = 128
_UNNAMED: Final = "token"


class SignedTokens:
    """Says who shows a token. Keys are fetched beside the loop; checking one takes 0.1 ms."""

    def __init__(
        self,
        settings: JwtSettings,
        clock: Callable[[], float],
        *,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """`clock` is the server's, `wall_clock` that of the world, which tokens go by.

        Raises UnreadableKeysError and OSError for a file.
        """
        self._settings = settings
        self._clock = clock
        self._wall_clock = wall_clock
        self._algorithms = frozenset(str(each.value) for each in settings.allowed_algorithms)
        self.keys: TokenKeys = (
            FetchedKeys(settings, clock) if settings.jwks_url else KeptKeys(keys_of_files(settings))
        )

    def knows(self, token: str) -> bool:
        """Return whether a text has the form of a token, good or not."""
        # Two dots in a password are rare, and a token's parts are long.
        return len(token) > 30 and _FORM.fullmatch(token) is not None

    async def holder_of(self, token: str) -> Holder:
        """Return who shows a token. Raises TokenRefusedError, NoAnswerError."""
        if len(token) > _MOST_CHARACTERS:
            raise TokenRefusedError(f"is longer than {_MOST_CHARACTERS} characters")
        key_id, algorithm = self._head_of(token)
        keys = await self.keys.fitting(key_id, algorithm)
        if not keys:
            raise TokenRefusedError("is signed with a key that is not known")
        claims = self._claims_of(token, keys[:_MOST_KEYS_TRIED], algorithm)
        rights = rights_of(claims, self._settings.paths_claim)
        left_s = claims["exp"] + self._settings.leeway_s - self._wall_clock()
        return Holder(self._name_in(claims), rights, self._clock() + left_s)

    def start(self) -> None:
        """Begin to fetch keys, so that the first peer need not wait for them."""
        self.keys.start()

    async def aclose(self) -> None:
        """Let go of everything."""
        await self.keys.aclose()

    def _head_of(self, token: str) -> tuple[str | None, str]:
        """Return the key that a token names, and its algorithm, which must be an allowed one."""
        try:
            head = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            raise TokenRefusedError("is unreadable") from None
        algorithm, key_id = head.get("alg"), head.get("kid")
        if not isinstance(algorithm, str) or algorithm not in self._algorithms:
            raise TokenRefusedError(
                "is signed in a way that is not allowed (access.jwt.algorithms)"
            )
        return key_id if isinstance(key_id, str) else None, algorithm

    def _claims_of(self, token: str, keys: Sequence[TokenKey], algorithm: str) -> dict[str, Any]:
        settings = self._settings
        for key in keys:
            try:
                claims: dict[str, Any] = jwt.decode(
                    token,
                    key.key,
                    algorithms=[algorithm],
                    audience=settings.audience or None,
                    issuer=settings.issuer or None,
                    leeway=settings.leeway_s,
                    options={"require": ["exp"]},
                )
                # The library's own clock is the machine's.
                self._require_number(claims["exp"])
            except jwt.InvalidSignatureError:
                continue
            except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
                raise TokenRefusedError(_why(error)) from None
            else:
                return claims
        raise TokenRefusedError("is not signed by whom it says")

    @staticmethod
    def _require_number(value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError
        if not math.isfinite(float(value)):
            raise ValueError

    def _name_in(self, claims: dict[str, Any]) -> str:
        name = claims.get(self._settings.user_claim)
        if not isinstance(name, str) or not name.isprintable():
            return _UNNAMED
        return name[:_MOST_NAME_CHARACTERS] or _UNNAMED


def _why(error: Exception) -> str:
    for kind, text in (
        (jwt.ExpiredSignatureError, "has expired"),
        (jwt.ImmatureSignatureError, "is not valid yet"),
        (jwt.InvalidAudienceError, "is for another audience (access.jwt.audience)"),
        (jwt.InvalidIssuerError, "is of another issuer (access.jwt.issuer)"),
        (jwt.MissingRequiredClaimError, "lacks a claim: it must have exp, and aud and iss if set"),
    ):
        if isinstance(error, kind):
            return text
    return "is unreadable"
