"""Who may: from a request's `Authorization` to a decision."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from headwater.access.decision import Action, Challenge, Decision, Granted
from headwater.access.settings import AccessSettings


class Authenticator:
    """Decides about requests, by the users of the settings or by a function of the owner's.

    `sleep` is how attempts wait when the brake says so; `asyncio.sleep` unless told otherwise.
    """

    def __init__(
        self,
        settings: AccessSettings,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.settings = settings
        self._sleep = sleep

    async def check(
        self,
        *,
        method: str,
        uri: str,
        authorization: str | None,
        action: Action,
        path: str,
        now: float,
        peer: str,
    ) -> Decision:
        """Decide by the users of the settings.

        `uri` is the request line's, `path` the mount's, `now` seconds of any monotonic clock,
        `peer` the client's address without port. Suspends only for a password whose hash is slow
        or for the brake's delay.
        """
        return Granted(None)

    async def check_by(
        self,
        verify: Callable[[str, str], Awaitable[bool]],
        *,
        authorization: str | None,
        now: float,
        peer: str,
    ) -> Decision:
        """Decide by the owner's function, given user name and password of Basic credentials.

        Without such credentials it is given two empty strings. Never answers Forbidden. What
        `verify` raises comes through.
        """
        return Granted(None)

    def challenges(self, now: float, *, peer: str, stale: bool = False) -> tuple[str, ...]:
        """`WWW-Authenticate` values of a 401 for the users of the settings."""
        return ()

    def basic_challenges(self) -> tuple[str, ...]:
        """`WWW-Authenticate` values of a 401 where the owner's function decides: Basic alone."""
        return Challenge((f'Basic realm="{self.settings.realm}"',)).headers

    async def aclose(self) -> None:
        """Let go of the thread that verifies slow hashes."""


def credentials(authorization: str | None) -> tuple[str, str] | None:
    """User name and password of Basic credentials (RFC 7617); None for anything else."""
    return None
