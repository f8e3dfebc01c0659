"""Publishing is tried again, or not, by what went away; the waits are turns of the loop here."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import TextIO

import pytest
from server_rig import ServerFactory, clock, start_server

from headwater import RtspServer
from headwater.cli.failures import CommandFailed
from headwater.cli.publish.display import Display
from headwater.cli.publish.order import PublishOrder
from headwater.cli.publish.watch import publish
from headwater.client.back_off import BackOff
from headwater.libav.remux.reports import Progress

__all__ = ["clock", "start_server"]

pytest.importorskip("av")

NOWHERE = "rtsp://127.0.0.1:1/a"


@pytest.fixture
async def server(start_server: ServerFactory) -> RtspServer:
    return await start_server()


def order(source: object, url: str, *, loop: bool = False, give_up_s: float = 0.0) -> PublishOrder:
    return PublishOrder(
        source=str(source), url=url, transport="tcp", loop=loop, give_up_after_s=give_up_s
    )


class Noted(Display):
    """Tells when packets are sent, and when trouble is told."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream, quiet=False)
        self.sends = asyncio.Event()
        self.trouble = asyncio.Event()

    def show(self, progress: Progress) -> None:
        super().show(progress)
        if progress.packets:
            self.sends.set()

    def say(self, text: str) -> None:
        super().say(text)
        self.trouble.set()


class Watched:
    """A publishing, what it said, and the clock that it goes by."""

    def __init__(self, order: PublishOrder) -> None:
        self.stop_asked = asyncio.Event()
        self.now_s = 0.0
        self._said = io.StringIO()
        self.display = Noted(self._said)
        self.run = asyncio.create_task(
            publish(
                order,
                self.stop_asked,
                self.display,
                back_off=BackOff(first_s=0.0, most_s=0.0),
                clock=lambda: self.now_s,
            )
        )

    @property
    def said(self) -> list[str]:
        return self._said.getvalue().splitlines()


async def test_a_file_is_sent_to_its_end(server: RtspServer, clip: Path) -> None:
    watched = Watched(order(clip, server.publish_url("/a")))
    await watched.run
    progress, end = watched.said
    assert progress.startswith("0:00:0")
    assert end == "sent"


@pytest.mark.parametrize("loop", [False, True])
async def test_what_fails_before_the_first_packet_fails_at_once(clip: Path, loop: bool) -> None:
    with pytest.raises(CommandFailed, match=r"127\.0\.0\.1:1"):
        await Watched(order(clip, NOWHERE, loop=loop)).run


async def test_who_asks_to_stop_is_obeyed_while_it_sends(server: RtspServer, clip: Path) -> None:
    watched = Watched(order(clip, server.publish_url("/a"), loop=True))
    await server.wait_for_mount("/a", timeout_s=60)
    watched.stop_asked.set()
    await watched.run
    assert watched.said[-1] == "stopped"


async def test_what_goes_away_later_is_tried_again(server: RtspServer, clip: Path) -> None:
    watched = Watched(order(clip, server.publish_url("/a"), loop=True))
    await watched.display.sends.wait()
    assert await server.close_mount("/a")
    await watched.display.trouble.wait()
    watched.display.sends.clear()
    await watched.display.sends.wait()
    watched.stop_asked.set()
    await watched.run
    assert [line.endswith("; trying again") for line in watched.said] == [True, False, False]
    assert watched.said[-1] == "stopped"


async def test_it_is_given_up_when_the_server_stays_away(server: RtspServer, clip: Path) -> None:
    watched = Watched(order(clip, server.publish_url("/a"), loop=True, give_up_s=60.0))
    await watched.display.sends.wait()
    await server.stop()
    await watched.display.trouble.wait()
    watched.now_s = 61.0
    with pytest.raises(CommandFailed, match="gave up after 60 s without a source and a server: "):
        await watched.run


async def test_it_is_given_up_when_the_camera_stays_away(
    start_server: ServerFactory, clip: Path
) -> None:
    camera, server = await start_server(), await start_server()
    film = Watched(order(clip, camera.publish_url("/clip"), loop=True))
    await film.display.sends.wait()
    source = camera.play_url("/clip")
    watched = Watched(order(source, server.publish_url("/relayed"), give_up_s=60.0))
    await watched.display.sends.wait()
    film.stop_asked.set()
    await film.run
    await camera.stop()
    await watched.display.trouble.wait()
    watched.now_s = 61.0
    with pytest.raises(CommandFailed, match=r"gave up after 60 s .*: cannot read"):
        await watched.run


async def test_a_file_that_breaks_off_is_not_begun_again(server: RtspServer, clip: Path) -> None:
    watched = Watched(order(clip, server.publish_url("/a")))
    await watched.display.sends.wait()
    await server.stop()
    with pytest.raises(CommandFailed):
        await watched.run
    assert not watched.display.trouble.is_set()
