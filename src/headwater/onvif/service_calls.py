"""One operation of an ONVIF service: a SOAP 1.2 envelope by POST, and what the answer says."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

from headwater.onvif.bounded_xml import MOST_BYTES, every, first, parsed, text
from headwater.onvif.errors import DeviceFailedError, FaultError
from headwater.onvif.found_device import OnvifState
from headwater.onvif.login import HttpDigest, Login, username_token
from headwater.shown_text import shown

if TYPE_CHECKING:
    import httpx

_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_REFUSALS: Final = ("NotAuthorized", "FailedAuthentication", "InvalidSecurity")
"""Subcodes of faults: ONVIF Core §5.11.2, and those of WS-Security 1.1 §12."""
_BROKEN_OFF: Final = "it broke the connection off before its answer was whole"
_HEADERS: Final = {
    "Connection": "close",
    "User-Agent": "headwater",
    "Content-Type": "application/soap+xml; charset=utf-8",
    # What is compressed may be a thousand times as long as it looks.
    "Accept-Encoding": "identity",
}


class ServiceCalls:
    """Calls of one device, until `async with` ends."""

    def __init__(self, login: Login | None, *, timeout_s: float) -> None:
        import httpx

        self.clock_offset = timedelta()
        self._timeout_s = timeout_s
        self._login = login
        self._digest = HttpDigest(login) if login else None
        self._client = httpx.AsyncClient(
            # A proxy of the environment is for the Internet, and is to see no camera.
            trust_env=False,
            follow_redirects=False,
            # Devices that close after each answer, without saying so, are common.
            limits=httpx.Limits(max_keepalive_connections=0),
            timeout=None,  # noqa: S113 (`call` has one for the whole of it)
            verify=_unverified(),
            headers=_HEADERS,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def call(self, url: str, body: str, *, with_token: bool = True) -> Element:
        """Return the body of the answer to one operation.

        Raises DeviceFailedError when the device can be asked no further, FaultError when it refuses
        this operation.
        """
        import httpx

        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._answered(url, body, with_token=with_token)
        except TimeoutError:
            problem = f"no whole answer within {self._timeout_s:g} s"
            raise DeviceFailedError(OnvifState.SILENT, problem) from None
        except httpx.TransportError as error:
            state = OnvifState.SILENT if _not_reached(error) else OnvifState.UNREADABLE
            raise DeviceFailedError(state, shown(str(error)) or _BROKEN_OFF) from error
        except (httpx.InvalidURL, ValueError) as error:
            raise DeviceFailedError(OnvifState.UNREADABLE, shown(str(error))) from error

    async def _answered(self, url: str, body: str, *, with_token: bool) -> Element:
        status, document, challenges = await self._post(url, body, with_token=with_token)
        if status == _UNAUTHORIZED and self._digest and self._digest.take(challenges):
            # The envelope is made anew: a device may refuse a nonce that it has seen.
            status, document, challenges = await self._post(url, body, with_token=with_token)
        if status in (_UNAUTHORIZED, _FORBIDDEN):
            raise self._refused()
        content = first(parsed(document), "Body")
        if content is None:
            problem = f"the answer is no SOAP message (HTTP status {status})"
            raise DeviceFailedError(OnvifState.UNREADABLE, problem)
        fault = first(content, "Fault")
        if fault is None:
            return content
        subcodes = [value.text or "" for value in every(first(fault, "Code"), "Value")]
        if any(code.strip().endswith(_REFUSALS) for code in subcodes):
            raise self._refused()
        raise FaultError(shown(text(fault, "Text") or "the device gives no reason"))

    async def _post(self, url: str, body: str, *, with_token: bool) -> tuple[int, bytes, list[str]]:
        """Return status, body and challenges of one answer; no more is read than is needed."""
        target = urlsplit(url)
        path = f"{target.path}?{target.query}" if target.query else target.path
        authorization = self._digest.authorization(path) if self._digest else ""
        token = ""
        if with_token and self._login is not None:
            token = username_token(self._login, datetime.now(UTC) + self.clock_offset)
        async with self._client.stream(
            "POST",
            url,
            content=_envelope(token, body),
            headers={b"Authorization": authorization.encode()} if authorization else None,
        ) as answer:
            document = await _read(answer)
            challenges: list[str] = answer.headers.get_list("WWW-Authenticate")
            return int(answer.status_code), document, challenges

    def _refused(self) -> DeviceFailedError:
        if self._login is None:
            return DeviceFailedError(OnvifState.PASSWORD_NEEDED, "asks for a user and a password")
        return DeviceFailedError(
            OnvifState.PASSWORD_REFUSED, "does not take this user and password by Digest"
        )


def _not_reached(error: BaseException) -> bool:
    """Return whether no connection came to be: what resets one, or fails in TLS, is there."""
    import httpx

    if not isinstance(error, httpx.ConnectError):
        return False
    causes: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None:
        causes.append(cause)
        cause = cause.__cause__ or cause.__context__
    return not any(isinstance(each, (ConnectionResetError, ssl.SSLError)) for each in causes)


async def _read(answer: httpx.Response) -> bytes:
    if answer.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise DeviceFailedError(OnvifState.UNREADABLE, "the answer is compressed, unasked")
    document = bytearray()
    async for piece in answer.aiter_raw():
        document += piece
        if len(document) > MOST_BYTES:
            problem = f"the answer has more than {MOST_BYTES} bytes"
            raise DeviceFailedError(OnvifState.UNREADABLE, problem)
    return bytes(document)


def _envelope(header: str, body: str) -> bytes:
    # No WS-Addressing: only events need it, and some devices refuse or do not understand it.
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope">'
        f"<s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def _unverified() -> ssl.SSLContext:
    """Return a context that takes any certificate: cameras make their own, and nobody signs it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
