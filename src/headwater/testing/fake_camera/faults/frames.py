"""What stands between interleaved frames and should not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headwater.testing.fake_camera import carrier
from headwater.testing.fake_camera.fault import Fault

if TYPE_CHECKING:
    from headwater.testing.fake_camera.connection import CameraConnection


@dataclass(frozen=True)
class GarbageBetweenFrames(Fault):
    """Bytes that belong to nothing before every so many frames."""

    garbage: bytes = b"\x00\xff\x80garbage\r\n\x01"
    every: int = 10

    def framed(self, connection: CameraConnection, frame: bytes) -> bytes:
        """The frame, with garbage before it when its turn has come."""
        return self.garbage + frame if connection.frames_sent % self.every == 1 else frame


@dataclass(frozen=True)
class ForeignChannel(Fault):
    """Frames on a channel that nobody set up, beside the others."""

    channel: int = 16
    payload: bytes = b"nobody asked for this"
    every: int = 5

    def framed(self, connection: CameraConnection, frame: bytes) -> bytes:
        """The frame, and one of the foreign channel when its turn has come."""
        if connection.frames_sent % self.every:
            return frame
        return frame + carrier.frame(self.channel, self.payload)
