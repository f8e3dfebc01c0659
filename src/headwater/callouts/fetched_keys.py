"""The keys of a URL: kept, fetched again for tokens with new ones, and kept on while it is down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from headwater.access.outside import NoAnswerError
from headwater.access.outside_settings import JwtSettings
from headwater.callouts.json_web_keys import TokenKey, UnreadableKeysError, fitting, keys_of_set
from headwater.callouts.web_client import WebClient, WebFailedError
from headwater.log_pace import paced_logger
from headwater.shown_text import url_without_credentials

logger = paced_logger(__name__)

_MOST_BYTES: Final = 262_144
_OK: Final = 200


class TokenKeys(Protocol):
    """Where keys come from."""

    async def fitting(self, key_id: str | None, algorithm: str) -> Sequence[TokenKey]:
        """Return the keys that a token may be signed with. Raises NoAnswerError."""

    def start(self) -> None:
        """Begin to fetch them."""

    async def aclose(self) -> None:
        """Let go of everything."""


class KeptKeys:
    """Keys that do not change."""

    def __init__(self, keys: Sequence[TokenKey]) -> None:
        self._keys = tuple(keys)

    async def fitting(self, key_id: str | None, algorithm: str) -> Sequence[TokenKey]:
        """Return the keys that a token may be signed with."""
        return fitting(self._keys, key_id, algorithm)

    def start(self) -> None:
        """Do nothing."""

    async def aclose(self) -> None:
        """Do nothing."""


class FetchedKeys:
    """Keys of `jwks_url`. One fetch runs at a time, and all who need it wait for the same one.

    Attributes:
        fetches: how often the URL was asked.
    """

    def __init__(self, settings: JwtSettings, clock: Callable[[], float]) -> None:
        self.fetches = 0
        self._settings = settings
        self._clock = clock
        self._client = WebClient(at_once=1)
        self._keys: tuple[TokenKey, ...] = ()
        self._fetched_s: float | None = None
        self._may_fetch_s = clock()
        self._failed = False
        self._fetching: asyncio.Task[None] | None = None

    async def fitting(self, key_id: str | None, algorithm: str) -> Sequence[TokenKey]:
        """Return the keys that a token may be signed with. Raises NoAnswerError."""
        if self._age_s() > self._settings.keep_s:
            await self._fetched()
        elif self._age_s() > self._settings.refresh_s:
            self._begin()  # the present ones do meanwhile
        found = self._fitting(key_id, algorithm)
        if not found and key_id is not None:
            # The issuer may have a new key.
            await self._fetched()
            found = self._fitting(key_id, algorithm)
        if not found and (self._failed or self._age_s() > self._settings.keep_s):
            raise NoAnswerError
        return found

    def start(self) -> None:
        """Fetch them once nobody waits."""
        self._begin()

    async def aclose(self) -> None:
        """End the fetch that runs, and close the connection."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)
        await self._client.aclose()

    def _fitting(self, key_id: str | None, algorithm: str) -> list[TokenKey]:
        if self._age_s() > self._settings.keep_s:
            return []
        return fitting(self._keys, key_id, algorithm)

    def _age_s(self) -> float:
        return float("inf") if self._fetched_s is None else self._clock() - self._fetched_s

    async def _fetched(self) -> None:
        """Wait for a fetch, unless the last one was a moment ago."""
        self._begin()
        if self._fetching is not None:
            # Shielded: who waits may go, but others may be waiting for the same one.
            await asyncio.shield(self._fetching)

    def _begin(self) -> None:
        if self._fetching is None and self._clock() >= self._may_fetch_s:
            self._fetching = asyncio.get_running_loop().create_task(self._fetch())

    async def _fetch(self) -> None:
        settings = self._settings
        self.fetches += 1
        try:
            answer = await self._client.request(
                "GET", settings.jwks_url, timeout_s=settings.timeout_s, most_bytes=_MOST_BYTES
            )
            if answer.status != _OK:
                raise WebFailedError(f"the answer has the status {answer.status}")
            allowed = settings.allowed_algorithms
            # In a thread: some keys take milliseconds to read.
            self._keys = await asyncio.to_thread(keys_of_set, answer.body, allowed)
            self._fetched_s = self._clock()
            self._failed = False
        except (WebFailedError, UnreadableKeysError) as error:
            self._failed = True
            logger.error(
                "keys of tokens could not be fetched",
                extra={"url": url_without_credentials(settings.jwks_url), "cause": str(error)},
            )
        finally:
            self._may_fetch_s = self._clock() + settings.pause_s
            self._fetching = None
