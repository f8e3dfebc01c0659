"""The device: its HTTP side, its discovery side, and what came to it."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self
from urllib.parse import quote
from xml.etree import ElementTree

from headwater.testing.onvif_device.answers import (
    DEVICE,
    PATHS,
    WITHOUT_LOGIN,
    DeviceAnswers,
    NotKnown,
    fault,
)
from headwater.testing.onvif_device.discovery import DiscoverySide, probe_match
from headwater.testing.onvif_device.logins import REALM, DigestCheck, Login, TokenCheck
from headwater.testing.onvif_device.oddities import AnswerBody, Oddities
from headwater.testing.onvif_device.profiles import GARDEN, MAIN, SUB, NamePlate, Profile

_SOAP = "{http://www.w3.org/2003/05/soap-envelope}"
_ADDRESSING = "http://www.w3.org/2005/08/addressing"
_DEADLINE_S = 30.0
_BOMB = (
    "<!DOCTYPE bomb [<!ENTITY a0 'bomb'>"
    + "".join(f"<!ENTITY a{n + 1} '{f'&a{n};' * 10}'>" for n in range(12))
    + "]><s:Envelope>&a12;</s:Envelope>"
)


@dataclass(frozen=True)
class Call:
    """One request that came over HTTP.

    Attributes:
        operation: the name of the element in its body.
        namespace: the namespace of that element: the service it is for.
        path: where it was posted to.
        authorization: its Authorization header, empty without one.
        headers: the names of the elements in its SOAP header, with their namespaces.
        token_complaint: what is wrong with its UsernameToken; empty where it is right.
    """

    operation: str
    namespace: str
    path: str
    authorization: str
    headers: tuple[str, ...]
    token_complaint: str


class OnvifDevice:
    """An ONVIF device on a loopback address, until `async with` ends.

    Without a user everybody may ask for everything. `logins` are the ways to log in, each
    checked truly; a device with several takes any of them.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        interface: str = "127.0.0.1",
        discovery_port: int = 0,
        user: str = "",
        password: str = "",
        logins: Collection[Login] = (Login.TOKEN, Login.DIGEST),
        plate: NamePlate = GARDEN,
        profiles: tuple[Profile, ...] = (MAIN, SUB),
        odd: Oddities | None = None,
    ) -> None:
        self.host = host
        self.plate = plate
        self.calls: list[Call] = []
        self._interface = interface
        self._discovery_port = discovery_port
        self._user = user
        self._logins = frozenset(logins)
        self._profiles = profiles
        self._odd = odd or Oddities()
        self._token = TokenCheck(user, password)
        self._digest = DigestCheck(user, password)
        self._endpoint = f"urn:uuid:{uuid.uuid4()}"
        self._discovery = DiscoverySide(self._discovery_answers)
        self._server: asyncio.Server | None = None
        self._port = 0
        self._serving: set[asyncio.Task[None]] = set()
        self._answers: DeviceAnswers | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, self.host, 0)
        self._port = self._server.sockets[0].getsockname()[1]
        self._answers = DeviceAnswers(self.host, self.port, self.plate, self._profiles, self._odd)
        await self._discovery.open(self.host, self._discovery_port, self._interface)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._discovery.close()
        self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    @property
    def port(self) -> int:
        """The port of its HTTP server; it stays known when the device has gone."""
        return self._port

    @property
    def service_url(self) -> str:
        """The URL of its device service."""
        return f"http://{self.host}:{self.port}{PATHS[DEVICE]}"

    @property
    def discovery_port(self) -> int:
        """The UDP port on which it hears Probes."""
        return self._discovery.port

    @property
    def probes(self) -> list[bytes]:
        """The Probes that came."""
        return self._discovery.probes

    @property
    def operations(self) -> list[str]:
        """The names of the operations that were asked for, in their order."""
        return [call.operation for call in self.calls]

    def _discovery_answers(self, message_id: str) -> list[bytes]:
        if self._odd.discovery_answers:
            return list(self._odd.discovery_answers)
        scopes = (
            "onvif://www.onvif.org/type/video_encoder "
            f"onvif://www.onvif.org/name/{quote(self.plate.name)} "
            f"onvif://www.onvif.org/hardware/{quote(self.plate.model)} "
            f"onvif://www.onvif.org/location/{quote(self.plate.location)}"
        )
        xaddr = f"http://{self._odd.told_host or self.host}:{self.port}{PATHS[DEVICE]}"

        def answer(endpoint: str, at: str) -> bytes:
            return probe_match(message_id=message_id, endpoint=endpoint, scopes=scopes, xaddrs=at)

        flood = (
            answer(f"urn:uuid:{uuid.uuid4()}", f"{xaddr}/{number}")
            for number in range(self._odd.flood)
        )
        return [*flood, answer(self._endpoint, xaddr)]

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            async with asyncio.timeout(_DEADLINE_S):
                while await self._answer_one(reader, writer):
                    pass
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._serving.discard(task)
            writer.close()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        path = head[0].split(" ")[1]
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head[1:])
        }
        text = await reader.readexactly(int(headers.get("content-length", "0")))
        status, more, body = self._answer(path, headers.get("authorization", ""), text)
        await asyncio.sleep(self._odd.delay_s)
        odd_here = self._odd.body_of in ("", self.calls[-1].operation)
        return await _write(writer, status, more, body, self._odd.body if odd_here else None)

    def _answer(self, path: str, authorization: str, text: bytes) -> tuple[str, str, str]:
        """Return status, further header lines and body for one request."""
        now = datetime.now(UTC) + timedelta(seconds=self._odd.clock_ahead_s)
        root = ElementTree.fromstring(text)
        request = root.findall(f"./{_SOAP}Body/*")[0]
        namespace, _, operation = request.tag.removeprefix("{").partition("}")
        headers = tuple(element.tag for element in root.findall(f"./{_SOAP}Header/*"))
        complaint = self._token.complaint(root, now)
        self.calls.append(Call(operation, namespace, path, authorization, headers, complaint))
        refusal = self._refusal(self.calls[-1])
        if refusal is not None:
            return refusal
        if self._odd.refuses_addressing and any(_ADDRESSING in tag for tag in headers):
            return "500 Error", "", fault("s:MustUnderstand", "WS-Addressing is not understood")
        token = next((e.text or "" for e in request.iter() if e.tag.endswith("ProfileToken")), "")
        assert self._answers is not None
        try:
            if path != PATHS.get(namespace):
                raise NotKnown(path)
            return "200 OK", "", self._answers.body(namespace, operation, token, now)
        except NotKnown as unknown:
            reason = f"no {unknown}"
            return "400 Bad Request", "", fault("ter:ActionNotSupported", reason)

    def _refusal(self, call: Call) -> tuple[str, str, str] | None:
        """Return the answer to who may not ask this; None for who may."""
        if not self._user:
            return None
        logs_in = call.token_complaint != "no token"
        if call.operation in WITHOUT_LOGIN:
            checked = self._odd.refuses_login_on_clock and logs_in
            if not (checked and call.token_complaint):
                return None
        if Login.TOKEN in self._logins and not call.token_complaint:
            return None
        if Login.DIGEST in self._logins and self._digest.is_right(call.authorization, call.path):
            return None
        challenges = {
            Login.BASIC: f'WWW-Authenticate: Basic realm="{REALM}"\r\n',
            Login.DIGEST: f"WWW-Authenticate: {self._digest.challenge()}\r\n",
        }
        offered = "".join(line for login, line in challenges.items() if login in self._logins)
        if offered:
            return "401 Unauthorized", offered, ""
        return "400 Bad Request", "", fault("ter:NotAuthorized", "Sender not Authorized")


async def _write(
    writer: asyncio.StreamWriter, status: str, more: str, body: str, odd: AnswerBody | None
) -> bool:
    """Write an answer, or what an odd device writes; return whether the connection goes on."""
    raw = body.encode()
    match odd:
        case AnswerBody.GARBAGE:
            status, raw = "200 OK", bytes(range(256)) * 4
        case AnswerBody.ENTITY_BOMB:
            status, raw = "200 OK", _BOMB.encode()
        case AnswerBody.DEEP:
            status, raw = "200 OK", b"<a>" * 100_000 + b"</a>" * 100_000
        case AnswerBody.COMPRESSED:
            status, raw = "200 OK", gzip.compress(b" " * 1_000_000 + raw)
            more += "Content-Encoding: gzip\r\n"
        case AnswerBody.SILENCE:
            await asyncio.sleep(_DEADLINE_S)
            return False
        case AnswerBody.HANG_UP:
            return False
        case AnswerBody.NO_HTTP:
            writer.write(b"RTSP/1.0 200 OK\r\n\r\n")
            await writer.drain()
            return False
        case AnswerBody.HUGE | AnswerBody.TRICKLE:
            await _write_for_ever(writer, huge=odd is AnswerBody.HUGE)
            return False
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: application/soap+xml; charset=utf-8\r\n"
        f"{more}Content-Length: {len(raw)}\r\n\r\n"
    )
    writer.write(head.encode() + raw)
    with contextlib.suppress(ConnectionError):
        await writer.drain()
    return True


async def _write_for_ever(writer: asyncio.StreamWriter, *, huge: bool) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\n\r\n<a>")
    while True:
        writer.write(b" " * (65_536 if huge else 1))
        await writer.drain()
        await asyncio.sleep(0.0 if huge else 0.05)
