"""A session of the camera: the flows that a client set up, until it leaves or falls silent."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING

from headwater.testing.fake_camera.carrier import Interleaved
from headwater.testing.fake_camera.flow import Flow

if TYPE_CHECKING:
    from headwater.testing.fake_camera.camera import AsyncFakeCamera
    from headwater.testing.fake_camera.connection import CameraConnection


class CameraSession:
    """What one client watches."""

    def __init__(self, camera: AsyncFakeCamera, connection: CameraConnection, number: int) -> None:
        self.camera = camera
        self.connection = connection
        seed = f"{camera.settings.seed}/{camera.starts}/{number}"
        self.id = hashlib.sha256(seed.encode()).hexdigest()[:12].upper()
        self.flows: dict[int, Flow] = {}
        self.heard: list[bytes] = []
        """RTCP packets that the client sent, newest last."""
        self.ended: str | None = None
        """Why it ended; None while it lasts."""
        self.playing = False
        self._timer: asyncio.TimerHandle | None = None
        self.sign_of_life()

    @property
    def over_tcp(self) -> bool:
        """Whether it ends with its connection because its media travels there."""
        return any(isinstance(flow.carrier, Interleaved) for flow in self.flows.values())

    def sign_of_life(self) -> None:
        """Begin to wait for the time-out anew."""
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        after_s = self.camera.settings.session_timeout_s
        self._timer = loop.call_later(after_s, self.end, "timed out")

    def hear(self, packet: bytes) -> None:
        """Take note of an RTCP packet of the client."""
        self.heard.append(packet)
        self.camera.changed()
        if "RTCP" in self.camera.settings.alive_by:
            self.sign_of_life()

    def play(self) -> None:
        """Let the flows begin, or go on."""
        if not self.playing and self.ended is None:
            self.playing = True
            for flow in self.flows.values():
                flow.start()

    def pause(self) -> None:
        """Let the flows stand still."""
        if self.playing:
            self.playing = False
            for flow in self.flows.values():
                flow.stop()

    def end(self, why: str) -> None:
        """Stop, and free everything; a second end does nothing."""
        if self.ended is not None:
            return
        self.pause()
        self.ended = why
        if self._timer is not None:
            self._timer.cancel()
        for index, flow in self.flows.items():
            if self.camera.groups.get(index) is not flow:
                flow.carrier.close()
        self.camera.changed()
