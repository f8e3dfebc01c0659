"""Servers with a port for browsers, and routes to ask them by, for tests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from inside import inside
from server_rig import PATIENT, ServerFactory
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from headwater import RtspServer, Settings
from headwater.access.decision import Action
from headwater.http.request import body_of, mount_path_of
from headwater.http.settings import HttpSettings
from headwater.webrtc.settings import WebRtcSettings

WebFactory = Callable[..., Awaitable["WebServer"]]


@dataclass
class WebServer:
    """A server with routes for tests: a mount's look, a body's echo, an echo by WebSocket."""

    server: RtspServer
    held: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def port(self) -> int:
        """The port for browsers."""
        port = self.server.http_port
        assert port is not None
        return port

    def add_routes(self) -> None:
        """Serve the routes."""
        door = inside(self.server).web.door
        limits = inside(self.server).relay.limits

        async def look(request: Request) -> Response:
            path = mount_path_of(request, limits.settings, behind=1)
            cleared = await door.clearance.require(request, Action.PLAY, path)
            return JSONResponse({"path": path, "user": cleared.username})

        async def echo(request: Request) -> Response:
            return Response(await body_of(request, limits.settings, "text/plain"))

        async def fail(_request: Request) -> Response:
            raise RuntimeError("on purpose")

        async def hold(_request: Request) -> Response:
            await self.held.wait()
            return Response("held")

        async def large(request: Request) -> Response:
            return Response(bytes(int(request.query_params["bytes"])))

        async def talk(socket: WebSocket) -> None:
            await socket.accept()
            try:
                while True:
                    await socket.send_bytes(await socket.receive_bytes())
            except WebSocketDisconnect:
                pass

        door.add(
            [
                Route("/echo", echo, methods=["POST"]),
                Route("/fail", fail),
                Route("/hold", hold),
                Route("/large", large),
                WebSocketRoute("/talk", talk),
                Route("/{mount:path}/look", look),
            ]
        )


@pytest.fixture
async def start_web(start_server: ServerFactory) -> WebFactory:
    """Starts servers with a free port for browsers and routes for tests."""

    async def start(
        *,
        http: HttpSettings | None = None,
        settings: dict[str, Any] | None = None,
        **arguments: Any,
    ) -> WebServer:
        chosen = Settings(
            http=http or HttpSettings(port=0),
            **{"webrtc": WebRtcSettings(port=0), "mounts": PATIENT, **(settings or {})},
        )
        web = WebServer(await start_server(settings=chosen, **arguments))
        web.add_routes()
        return web

    return start


@pytest.fixture
async def web(start_web: WebFactory) -> WebServer:
    """Everything as it comes."""
    return await start_web()
