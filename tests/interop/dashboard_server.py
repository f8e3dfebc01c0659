"""Servers whose dashboard tests open in Chromium."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from chromium_browser import NEEDS_CHROMIUM
from film_camera import FilmCamera

from headwater import MountSettings, RtspServer, Settings
from headwater.api.settings import ApiSettings
from headwater.http.settings import HttpSettings
from headwater.webrtc.settings import WebRtcSettings

MARKS = [
    pytest.mark.interop,
    pytest.mark.timeout(240),
    NEEDS_CHROMIUM,
]
FOR_EVER = MountSettings(publisher_idle_timeout_s=0)
"""Cameras that send nothing stay, however long a browser takes."""
Start = Callable[..., Awaitable[RtspServer]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts servers with a port for browsers."""
    async with contextlib.AsyncExitStack() as running:

        async def server(paths: dict[str, Any] | None = None, **sections: Any) -> RtspServer:
            settings = Settings(
                http=HttpSettings(port=0),
                webrtc=WebRtcSettings(port=0),
                api=ApiSettings(source_networks=("127.0.0.0/8",), sources_file=""),
                **sections,
            )
            made = RtspServer(
                host="127.0.0.1", publish_port=0, settings=settings, paths=paths or {}
            )
            return await running.enter_async_context(made)

        yield server


@contextlib.asynccontextmanager
async def all_send(cameras: list[FilmCamera]) -> AsyncIterator[None]:
    """Have all cameras send a few pictures a second."""

    async def send() -> None:
        while True:
            for camera in cameras:
                camera.send()
                await asyncio.sleep(0.3 / len(cameras))

    sending = asyncio.create_task(send())
    try:
        yield
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
