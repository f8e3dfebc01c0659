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

from headwater.protocol.header.authorization import BasicCredentials, format_authorization
from headwater.shown_text import shown, without_credentials

_HEADERS: Final = {
    "User-Agent": "headwater",
    "Accept": "*/*",
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
        self._making: asyncio.Task[httpx.AsyncHTTPTransport] | None = None

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
                transport = await self._transport()
                for left in reversed(range(_TRIES)):
                    try:
                        return await _answered(
                            transport, _request(method, url, headers, content), most_bytes
                        )
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
            transport = await making
            await transport.aclose()

    async def _transport(self) -> httpx.AsyncHTTPTransport:
        if self._making is None:
            # In a thread: reading all certificates of the system takes some ten milliseconds.
            made = asyncio.to_thread(_make, self._at_once)
            self._making = asyncio.get_running_loop().create_task(made)
        return await asyncio.shield(self._making)


def _make(at_once: int) -> httpx.AsyncHTTPTransport:
    # Not a client of httpx: that logs the URL of each request, with what it has of secrets, once
    # for each time that a peer has it ask. A transport logs nothing and follows no redirect.
    return httpx.AsyncHTTPTransport(
        # A proxy of the environment is for the Internet; these servers are the owner's.
        trust_env=False,
        limits=httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once),
        verify=ssl.create_default_context(),
    )


def _request(
    method: str, url: str, headers: Mapping[str, str] | None, content: bytes
) -> httpx.Request:
    asked = httpx.URL(url)
    sent = {**_HEADERS, **(headers or {})}
    if asked.userinfo and "Authorization" not in sent:
        login = BasicCredentials(asked.username, asked.password)
        sent["Authorization"] = format_authorization(login)
    return httpx.Request(method, asked, headers=sent, content=content or None)


async def _answered(
    transport: httpx.AsyncHTTPTransport, request: httpx.Request, most_bytes: int
) -> WebAnswer:
    answer = await transport.handle_async_request(request)
    try:
        body = bytearray()
        async for piece in answer.aiter_raw():
            body += piece
            if len(body) > most_bytes:
                raise WebFailedError(f"the answer has more than {most_bytes} bytes")
        return WebAnswer(int(answer.status_code), bytes(body))
    finally:
        await answer.aclose()
