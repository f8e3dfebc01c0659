"""Requests to the owner's web servers, each with a deadline and a bound on its answer.

httpx, because it keeps connections open, checks certificates, and stops at once when it is
cancelled; urllib in threads has a thread for each request, which nothing can stop.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import httpx

from headwater.shown_text import shown, without_credentials

_HEADERS: Final = {
    "User-Agent": "headwater",
    # What is compressed may be a thousand times as long as it looks.
    "Accept-Encoding": "identity",
}
_TRIES: Final = 2
"""A connection that was kept open may be closed by the other side in the moment of its use."""


class WebFailedError(Exception):
    """There was no usable answer; the message says why, without what URLs have of secrets."""


@dataclass(frozen=True, slots=True)
class WebAnswer:
    """An answer, whatever its status."""

    status: int
    body: bytes


class WebClient:
    """Asks one of the owner's servers. Another purpose has a client of its own, so that one slow
    server takes no connection from the others.
    """

    def __init__(self, *, at_once: int) -> None:
        self._at_once = at_once
        self._making: asyncio.Task[httpx.AsyncClient] | None = None

    async def request(
        self,
        method: str,
        url: str,
        *,
        timeout_s: float,
        most_bytes: int,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
    ) -> WebAnswer:
        """Return the answer. A redirect is one, and is not followed. Raises WebFailedError."""
        try:
            async with asyncio.timeout(timeout_s):
                client = await self._client()
                for left in reversed(range(_TRIES)):
                    try:
                        return await _answered(client, method, url, headers, content, most_bytes)
                    except (httpx.ReadError, httpx.RemoteProtocolError, httpx.WriteError):
                        if not left:
                            raise
        except TimeoutError:
            raise WebFailedError(f"no whole answer within {timeout_s:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError) as error:
            text = shown(without_credentials(str(error))) or type(error).__name__
            raise WebFailedError(text) from None
        raise AssertionError("every try returns or raises")

    async def aclose(self) -> None:
        """Close every connection; a second call does nothing."""
        making, self._making = self._making, None
        if making is not None:
            client = await making
            await client.aclose()

    async def _client(self) -> httpx.AsyncClient:
        if self._making is None:
            # In a thread: reading all certificates of the system takes some ten milliseconds.
            made = asyncio.to_thread(_make, self._at_once)
            self._making = asyncio.get_running_loop().create_task(made)
        return await asyncio.shield(self._making)


def _make(at_once: int) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        # A proxy of the environment is for the Internet; these servers are the owner's.
        trust_env=False,
        follow_redirects=False,
        limits=httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once),
        timeout=None,  # noqa: S113 - `request` has one for the whole of it
        verify=ssl.create_default_context(),
        headers=_HEADERS,
    )


async def _answered(
    client: httpx.AsyncClient,
    method: str,
    url: str,
    headers: Mapping[str, str] | None,
    content: bytes,
    most_bytes: int,
) -> WebAnswer:
    async with client.stream(method, url, headers=headers, content=content or None) as answer:
        body = bytearray()
        async for piece in answer.aiter_raw():
            body += piece
            if len(body) > most_bytes:
                raise WebFailedError(f"the answer has more than {most_bytes} bytes")
        return WebAnswer(int(answer.status_code), bytes(body))
