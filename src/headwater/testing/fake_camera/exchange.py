"""One request and what the camera knows when it answers it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headwater.testing.fake_camera.message import SeenRequest

if TYPE_CHECKING:
    from headwater.testing.fake_camera.camera import AsyncFakeCamera
    from headwater.testing.fake_camera.connection import CameraConnection
    from headwater.testing.fake_camera.session import CameraSession


@dataclass
class Exchange:
    """A request on its way to an answer."""

    camera: AsyncFakeCamera
    connection: CameraConnection
    request: SeenRequest
    session: CameraSession | None
    """The session that its Session header names, or that its SETUP opened."""
    number: int
    """How many requests of this method came on this connection, this one included."""
    afterwards: list[Callable[[], None]] = field(default_factory=list)
    """What happens when the answer is on the wire, such as the first packet."""

    @property
    def method(self) -> str:
        """The request's method."""
        return self.request.method
