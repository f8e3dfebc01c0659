"""`headwater relay` as a person runs it: a camera, one line, and players."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from command_here import command_here
from inside import inside

from headwater import RtspClient, RtspServer
from headwater.testing.fake_camera import AsyncFakeCamera, CameraSettings, Credentials

DEADLINE_S = 30.0
SECRET = "op@n:sesame"


class Relay:
    """A `headwater relay` process, and what it has said."""

    def __init__(self, command: Any) -> None:
        self.command = command

    @property
    def said(self) -> str:
        """Everything so far."""
        return str(self.command.said)

    async def wait_for(self, pattern: str) -> re.Match[str]:
        """The first match in what it says."""
        found: re.Match[str] = await asyncio.to_thread(self.command.wait_for, pattern)
        return found

    async def url(self, path: str = "camera") -> str:
        """Where a path is played."""
        return (await self.wait_for(rf"    (rtsp://127\.0\.0\.1:\d+/{path})\n"))[1]


Relaying = Callable[..., AbstractAsyncContextManager[Relay]]


def relaying_by(start: Any) -> Relaying:
    """Run it on a free port, and end it as Ctrl-C does."""

    @asynccontextmanager
    async def relaying(
        *arguments: str, environment: dict[str, str] | None = None
    ) -> AsyncIterator[Relay]:
        command = start("relay", "--port", "0", *arguments, environment=environment)
        relay = Relay(command)
        yield relay
        command.send(signal.SIGINT)
        assert await asyncio.to_thread(command.exit_code) == 0, relay.said
        assert "Traceback" not in relay.said

    return relaying


@pytest.fixture
def relaying(start: Any) -> Relaying:
    """Runs the command in a process that need not load it."""
    return relaying_by(start)


@pytest.fixture
def relaying_program(start_program: Any) -> Relaying:
    """Runs the command as a user does."""
    return relaying_by(start_program)


async def played(url: str, packets: int = 20) -> None:
    """Play some packets."""
    count = 0
    async with asyncio.timeout(DEADLINE_S), RtspClient(url, transport="tcp") as client:
        async for _, batch in client.play():
            count += len(batch.packets)
            if count >= packets:
                return


async def test_one_camera_for_many_players(relaying_program: Relaying) -> None:
    settings = CameraSettings(credentials=Credentials("ann", SECRET))
    async with AsyncFakeCamera(settings=settings) as camera:
        address = f"rtsp://ann:{SECRET}@{camera.address}/stream"
        async with relaying_program(address, "--transport", "TCP") as relay:
            url = await relay.url()
            await relay.wait_for("/camera is live: H264\n")
            await asyncio.gather(*(played(url) for _ in range(10)))
            assert len(camera.live_sessions) == 1
            # The URL has left the list of processes with the options.
            arguments = (Path("/proc") / str(relay.command.pid) / "cmdline").read_bytes()
            assert b"sesame" not in arguments
            assert "sesame" not in relay.said
        await camera.wait_until(lambda: not camera.live_sessions)


async def test_a_camera_that_goes_is_told_and_comes_back(relaying: Relaying) -> None:
    async with AsyncFakeCamera() as camera, relaying(camera.url) as relay:
        await relay.wait_for("/camera is live")
        await camera.restart()
        await relay.wait_for("/camera is gone; it is tried again\n")
        await relay.wait_for("gone(?s:.*)/camera is live")


async def test_several_sources_with_names(relaying: Relaying, tmp_path: Path) -> None:
    async with AsyncFakeCamera() as camera:
        file = tmp_path / "url"
        file.write_text(camera.url)
        sources = (f"gate={camera.url}", f"a/b=@{file}", camera.url)
        async with relaying(*sources) as relay:
            for path in ("gate", "a/b", "camera3"):
                await played(await relay.url(path))


async def test_on_demand_and_from_a_variable(relaying: Relaying) -> None:
    async with AsyncFakeCamera() as camera:
        variable = {"HEADWATER_RELAY_SOURCES": camera.url}
        async with relaying("--on-demand", environment=variable) as relay:
            url = await relay.url()
            assert camera.requests == []
            await played(url)
            assert camera.requests


async def test_it_sends_on(relaying: Relaying, server: RtspServer) -> None:
    async with AsyncFakeCamera() as camera:
        target = server.publish_url("/copies") + "/{path}"
        async with relaying(f"gate={camera.url}", "--forward-to", target):
            await server.wait_for_mount("/copies/gate", DEADLINE_S)
    assert inside(server).relay.draining is False


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["gopher://ann:s3cret@host/1"], "gopher: is not a source that is known"),
        (["a=rtsp://host/1", "a=rtsp://host/2"], "two sources have the name a"),
        (["@/no/such/file"], "/no/such/file: No such file or directory"),
        (["rtsp://host/1", "--forward-to", "http://ann:s3cret@host"], "forward_to"),
    ],
)
def test_what_cannot_be_is_refused(arguments: list[str], words: str) -> None:
    done = command_here("relay", *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "s3cret" not in done.stderr
