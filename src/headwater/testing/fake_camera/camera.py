"""The fake camera: an RTSP server of its own that does what a test asks of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Self
from urllib.parse import urlsplit

from headwater.testing.fake_camera.clock import CameraClock
from headwater.testing.fake_camera.connection import CameraConnection
from headwater.testing.fake_camera.credentials import Door
from headwater.testing.fake_camera.fault import Fault
from headwater.testing.fake_camera.flow import Flow
from headwater.testing.fake_camera.message import SeenRequest
from headwater.testing.fake_camera.quirk import Quirk
from headwater.testing.fake_camera.session import CameraSession
from headwater.testing.fake_camera.settings import CameraSettings

DEADLINE_S = 10.0


class AsyncFakeCamera:
    """A camera at `url`, while `async with` lasts: it plays its tracks to whoever asks.

    A fault is an object, a quirk of a real camera, or the name of such a quirk. The faults apply
    to everything that happens from now on, in their order. `requests`, `connections` and
    `sessions` are what it has seen since it was made, newest last.
    """

    def __init__(
        self, *faults: Fault | Quirk | str, settings: CameraSettings | None = None
    ) -> None:
        self._without_faults = self.settings = settings or CameraSettings()
        self.faults: tuple[Fault, ...] = ()
        self.fault(*faults)
        self.clock = CameraClock()
        self.requests: list[SeenRequest] = []
        self.connections: list[CameraConnection] = []
        self.sessions: list[CameraSession] = []
        self.groups: dict[int, Flow] = {}
        """The flow to a multicast group, by the index of its track."""
        self.starts = 0
        """How often it was switched on."""
        self.speaking = asyncio.Event()
        self.speaking.set()
        self._port = self.settings.port
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._change = asyncio.Event()
        self._doors: dict[int, Door] = {}

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # What a test asks it about.

    @property
    def port(self) -> int:
        """The TCP port that it listens on; it stays the same over a restart."""
        return self._port

    @property
    def address(self) -> str:
        """Host and port, as they stand in a URL."""
        host = self.settings.host
        return f"[{host}]:{self._port}" if ":" in host else f"{host}:{self._port}"

    @property
    def url(self) -> str:
        """Its URL, without credentials."""
        scheme = "rtsp" if self.settings.tls is None else "rtsps"
        return f"{scheme}://{self.address}{self.settings.path}"

    @property
    def live_sessions(self) -> list[CameraSession]:
        """The sessions that have not ended."""
        return [session for session in self.sessions if session.ended is None]

    @property
    def live_connections(self) -> list[CameraConnection]:
        """The connections that are open."""
        return [connection for connection in self.connections if not connection.gone]

    def seen(self, method: str) -> list[SeenRequest]:
        """The requests of a method, oldest first."""
        return [request for request in self.requests if request.method == method]

    async def wait_for(
        self, method: str, count: int = 1, *, within_s: float = DEADLINE_S
    ) -> SeenRequest:
        """The request of this method with this number, when it has come."""
        await self.wait_until(lambda: len(self.seen(method)) >= count, within_s=within_s)
        return self.seen(method)[count - 1]

    async def wait_until(self, holds: Callable[[], bool], *, within_s: float = DEADLINE_S) -> None:
        """Wait until something that the camera has seen or done makes this true."""
        async with asyncio.timeout(within_s):
            while not holds():
                self._change.clear()
                await self._change.wait()

    # What a test lets happen to it.

    async def start(self) -> None:
        """Switch it on."""
        self.starts += 1
        self._server = await asyncio.start_server(
            self._accept, self.settings.host, self._port, ssl=self.settings.tls
        )
        self._port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Switch it off: connections are cut, and nobody can connect."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.cut()
        for session in self.live_sessions:
            session.end("the camera was switched off")
        for flow in self.groups.values():
            flow.carrier.close()
        self.groups.clear()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def restart(self) -> None:
        """Off and on: the same port, another SSRC, sequence number and time stamp."""
        await self.close()
        await self.start()

    def fault(self, *faults: Fault | Quirk | str) -> None:
        """From now on these faults instead of the earlier ones; none clears them.

        A quirk, or the name of one, counts for all that it is made of.
        """
        quirks_too = [_named(each) if isinstance(each, str) else each for each in faults]
        settings = self._without_faults
        made: list[Fault] = []
        for each in quirks_too:
            if isinstance(each, Quirk):
                settings = replace(settings, **each.settings)
                made += each.faults
            else:
                made.append(each)
        self.settings, self.faults = settings, tuple(made)

    def cut(self) -> None:
        """Cut all connections; new ones are welcome."""
        for connection in self.live_connections:
            connection.close()

    def fall_silent(self) -> None:
        """Keep all connections, answer requests, but send no more media."""
        self.speaking.clear()

    def speak(self) -> None:
        """Send media again, as if time had passed meanwhile."""
        self.speaking.set()

    def say_bye(self) -> None:
        """Send RTCP BYE on every flow, and fall silent (RFC 3550 §6.6)."""
        for flow in self._flows():
            flow.say_bye()
        self.fall_silent()

    def renew(self) -> None:
        """Go on in the midst of a session with another SSRC, sequence number and time stamp."""
        for flow in self._flows():
            flow.renew()

    # What its own parts ask it.

    def changed(self) -> None:
        """Something was seen or done: whoever waits may look again."""
        self._change.set()

    @property
    def controls(self) -> tuple[str, ...]:
        """The `a=control` of each track."""
        count = len(self.settings.tracks)
        return self.settings.controls or tuple(f"trackID={index}" for index in range(count))

    def track_url(self, index: int) -> str:
        """The URL that SETUP asks for a track by."""
        control = self.controls[index]
        if "://" in control:
            return control
        return f"{self.url}/{control.removeprefix('/')}"

    def track_index(self, uri: str) -> int | None:
        """The track that SETUP asks for; the host may be written as the client likes."""
        asked = _local(uri)
        urls = [_local(self.track_url(index)) for index in range(len(self.settings.tracks))]
        return urls.index(asked) if asked in urls else None

    def serves(self, uri: str) -> bool:
        """Whether this is the URL of the camera; the host may be written as the client likes."""
        return _local(uri) == self.settings.path

    def session_of(self, request: SeenRequest) -> CameraSession | None:
        """The live session that the request names."""
        named = (request.header("Session") or "").partition(";")[0].strip()
        return next((each for each in self.live_sessions if each.id == named), None)

    def open_session(self, connection: CameraConnection) -> CameraSession:
        """A session for a client's first SETUP."""
        session = CameraSession(self, connection, len(self.sessions))
        self.sessions.append(session)
        self.changed()
        return session

    def door_of(self, connection: CameraConnection) -> Door | None:
        """Who checks the credentials on this connection; None lets everyone in."""
        credentials = self.settings.credentials
        if credentials is None:
            return None
        number = connection.number if credentials.nonce_per_connection else 0
        name = f"{self.settings.seed}/{number}"
        return self._doors.setdefault(number, Door(credentials, name))

    def _flows(self) -> list[Flow]:
        flows = [flow for session in self.live_sessions for flow in session.flows.values()]
        return list(dict.fromkeys(flows))

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        most = self.settings.connections_at_most
        full = most is not None and len(self.live_connections) >= most
        connection = CameraConnection(self, len(self.connections), reader, writer)
        self.connections.append(connection)
        self.changed()
        if full:
            connection.close()
            return
        task = asyncio.get_running_loop().create_task(connection.serve())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _local(uri: str) -> str:
    """The path and query of a URL."""
    parts = urlsplit(uri)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _named(name: str) -> Quirk:
    # All quirks together take as long to load as the camera itself does; few tests name one.
    from headwater.testing.fake_camera.quirks import quirk_named

    return quirk_named(name)
