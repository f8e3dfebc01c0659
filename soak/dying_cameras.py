"""Cameras that the server fetches die at random and come back; their readers must notice a pause.

Half of the readers use TCP and see that each packet follows the one before it, whatever the camera
did; the others use UDP. Beside them readers come and go on paths that are fetched on demand.
"""

from __future__ import annotations

import asyncio
import random
import struct
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from rtsp_peer import RtspPeer, TcpReader
from udp_peer import UdpReader

from headwater.testing.fake_camera import AsyncFakeCamera, CameraSettings
from headwater.testing.fake_camera.faults import CutConnection, Garbage, Hang, Reply, SilentOverUdp

_ON_DEMAND = 6
_VISITORS = 4
_LONGEST_LIFE_S, _LONGEST_DEATH_S = 20.0, 8.0
_KEEP_ALIVE_S = 8.0
_LONGEST_PAUSE_S = 60.0
"""How long a reader may wait: the longest death, a hang at two steps, and the longest back-off."""
_DOWN = (502, 503, 504)


class DyingCameras:
    """So many cameras, each with a path and a reader of its own: an `Unrest`."""

    def __init__(self, cameras: int, *, seed: int) -> None:
        self._random = random.Random(seed)
        self._cameras = [
            # Five pictures a second: all of them run in one process beside the server.
            AsyncFakeCamera(settings=CameraSettings(pace=0.2, seed=number + 1))
            for number in range(cameras)
        ]
        self._off: set[AsyncFakeCamera] = set()
        self._port = 0
        self._reading: list[asyncio.Task[None]] = []
        self.lives: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self._deaths: tuple[tuple[str, Callable[[AsyncFakeCamera], Awaitable[None]]], ...] = (
            ("switched off", self._switch_off),
            ("cut", self._cut),
            ("fell silent", self._fall_silent),
            ("said BYE", self._say_bye),
            ("answers 503", lambda camera: self._fault(camera, Reply("DESCRIBE", 503))),
            ("answers 454", lambda camera: self._fault(camera, Reply("SETUP", 454))),
            ("hangs at DESCRIBE", lambda camera: self._fault(camera, Hang("DESCRIBE"))),
            ("hangs at PLAY", lambda camera: self._fault(camera, Hang("PLAY"))),
            ("hangs up at SETUP", lambda camera: self._fault(camera, CutConnection("SETUP"))),
            ("answers garbage", lambda camera: self._fault(camera, Garbage("PLAY", b"\xff" * 300))),
            ("silent over UDP", lambda camera: self._fault(camera, SilentOverUdp())),
        )

    async def settings(self) -> dict[str, dict[str, Any]]:
        """Start the cameras; return their paths, a third of them with a fallback."""
        for camera in self._cameras:
            await camera.start()
        urls = [camera.url for camera in self._cameras]
        paths: dict[str, Any] = {}
        for number, url in enumerate(urls):
            section: dict[str, Any] = {
                "source": url,
                "transport": ("tcp", "udp", "auto")[number % 3],
            }
            if number % 3 == 0:
                section["fallback"] = (urls[(number + 1) % len(urls)],)
            paths[f"cam/{number}"] = section
        for number in range(_ON_DEMAND):
            paths[f"demand/{number}"] = {
                "source": urls[number % len(urls)],
                "on_demand": True,
                "on_demand_linger_s": 2.0,
            }
        return {
            "paths": paths,
            "mounts": {"grace_s": 2 * _LONGEST_PAUSE_S, "publisher_idle_timeout_s": 3.0},
            "sources": {"most_wait_s": 4.0},
            "sessions": {"timeout_s": 30.0},
        }

    async def begin(self, port: int) -> None:
        """Wait until every camera plays, and have one reader read each."""
        self._port = port
        loop = asyncio.get_running_loop()
        for number in range(len(self._cameras)):
            url = self._url(f"/cam/{number}")
            await self._until_described(url)
            if number % 2 == 0:
                tcp = await TcpReader.start(port, url)
                reading = self._read_over_tcp(number, tcp)
            else:
                udp = await UdpReader.start(port, url)
                reading = self._read_over_udp(number, udp)
            self._reading.append(loop.create_task(reading))

    async def run(self) -> None:
        """Let the cameras die and readers visit until cancelled."""
        async with asyncio.TaskGroup() as group:
            for camera in self._cameras:
                group.create_task(self._die_on(camera))
            for _ in range(_VISITORS):
                group.create_task(self._visit_on())

    def note_kill(self) -> None:
        """Learn nothing: readers of cameras are to go on whatever happens elsewhere."""

    async def calm(self) -> None:
        """Have all cameras work again."""
        for camera in self._cameras:
            camera.fault()
            camera.speak()
            if camera in self._off:
                await camera.start()

    async def end(self) -> None:
        """End the readers and the cameras."""
        for task in self._reading:
            task.cancel()
        await asyncio.gather(*self._reading, return_exceptions=True)
        for camera in self._cameras:
            await camera.close()

    # -- deaths

    async def _die_on(self, camera: AsyncFakeCamera) -> None:
        while True:
            await asyncio.sleep(self._random.uniform(1.0, _LONGEST_LIFE_S))
            name, die = self._random.choice(self._deaths)
            await die(camera)
            self.lives[f"camera {name}"] += 1

    async def _dead(self) -> None:
        await asyncio.sleep(self._random.uniform(0.1, _LONGEST_DEATH_S))

    async def _switch_off(self, camera: AsyncFakeCamera) -> None:
        self._off.add(camera)
        await camera.close()
        await self._dead()
        await camera.start()
        self._off.remove(camera)

    async def _cut(self, camera: AsyncFakeCamera) -> None:
        camera.cut()

    async def _fall_silent(self, camera: AsyncFakeCamera) -> None:
        camera.fall_silent()
        await self._dead()
        camera.speak()

    async def _say_bye(self, camera: AsyncFakeCamera) -> None:
        camera.say_bye()
        await self._dead()
        camera.speak()

    async def _fault(self, camera: AsyncFakeCamera, fault: Any) -> None:
        camera.fault(fault)
        camera.cut()
        await self._dead()
        camera.fault()
        # Who hangs is let go, as by a camera that starts anew.
        camera.cut()

    # -- readers

    async def _read_over_tcp(self, number: int, reader: TcpReader) -> None:
        peer, seq, last_s = reader.peer, -1, time.monotonic()
        keep_alive_s = last_s + _KEEP_ALIVE_S
        try:
            while True:
                try:
                    channel, packet = await peer.frame()
                except TimeoutError:
                    channel, packet = -1, b""
                now = time.monotonic()
                if channel == 0:
                    (came,) = struct.unpack_from(">H", packet, 2)
                    if seq >= 0 and came != (seq + 1) & 0xFFFF:
                        self._fail(f"reader of camera {number}: {came} came after {seq}")
                    seq, last_s = came, now
                elif now - last_s > _LONGEST_PAUSE_S:
                    self._fail(f"reader of camera {number} got nothing for {now - last_s:.0f} s")
                    last_s = now
                if now > keep_alive_s:
                    keep_alive_s = now + _KEEP_ALIVE_S
                    await peer.ask("GET_PARAMETER", reader.url, {"Session": reader.session})
        except (OSError, EOFError, AssertionError) as error:
            self._fail(f"reader of camera {number} was cut off: {error!r:.200}")

    async def _read_over_udp(self, number: int, reader: UdpReader) -> None:
        last_s = time.monotonic()
        keep_alive_s = last_s + _KEEP_ALIVE_S
        try:
            while True:
                try:
                    await reader.packet()
                    last_s = time.monotonic()
                except TimeoutError:
                    if (silent_s := time.monotonic() - last_s) > _LONGEST_PAUSE_S:
                        self._fail(f"reader of camera {number} got nothing for {silent_s:.0f} s")
                        last_s = time.monotonic()
                if time.monotonic() > keep_alive_s:
                    keep_alive_s = time.monotonic() + _KEEP_ALIVE_S
                    headers = {"Session": reader.session}
                    await reader.peer.ask("GET_PARAMETER", reader.url, headers)
        except (OSError, EOFError, AssertionError) as error:
            self._fail(f"reader of camera {number} was cut off: {error!r:.200}")

    async def _visit_on(self) -> None:
        while True:
            await asyncio.sleep(self._random.uniform(0.0, 2.0))
            url = self._url(f"/demand/{self._random.randrange(_ON_DEMAND)}")
            peer = await RtspPeer.connect(self._port)
            try:
                answer = await peer.ask("DESCRIBE", url, {"Accept": "application/sdp"})
                if answer.status in _DOWN:
                    self.lives["visitor, camera down"] += 1
                    continue
                if answer.status != 200:
                    self._fail(f"visitor was answered {answer.status}")
                    continue
                await self._visit(peer, url)
            except TimeoutError:
                self.lives["visitor, camera died"] += 1
            except (OSError, EOFError, AssertionError):
                self.lives["visitor, cut off"] += 1
            finally:
                await peer.close()

    async def _visit(self, peer: RtspPeer, url: str) -> None:
        transport = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}
        setup = await peer.ask("SETUP", f"{url}/trackID=0", transport)
        assert setup.status == 200, setup
        play = await peer.ask("PLAY", url, {"Session": setup.session})
        assert play.status == 200, play
        for _ in range(self._random.randrange(1, 30)):
            await peer.frame()
        self.lives["visitor"] += 1

    async def _until_described(self, url: str) -> None:
        async with asyncio.timeout(_LONGEST_PAUSE_S):
            while True:
                peer = await RtspPeer.connect(self._port)
                answer = await peer.ask("DESCRIBE", url, {"Accept": "application/sdp"})
                await peer.close()
                if answer.status == 200:
                    return

    def _url(self, path: str) -> str:
        return f"rtsp://127.0.0.1:{self._port}{path}"

    def _fail(self, words: str) -> None:
        self.failures[words] += 1
