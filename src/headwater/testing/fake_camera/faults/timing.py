"""What comes at the wrong time: media that stands still, that is late by chance, slow reading."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headwater.testing.fake_camera.fault import Fault

if TYPE_CHECKING:
    from headwater.testing.fake_camera.connection import CameraConnection
    from headwater.testing.fake_camera.flow import Flow


@dataclass(frozen=True)
class Stall(Fault):
    """Keeps media back for a while; what waited comes all at once, as on a network that stalls."""

    after: int
    """So many units of each track are sent before."""
    lasts_s: float

    def delay_s(self, flow: Flow) -> float:
        """The whole time, before the unit whose turn it is."""
        return self.lasts_s if flow.units_sent == self.after else 0.0


@dataclass(frozen=True)
class Jitter(Fault):
    """Sends each unit late by chance, by up to such a time."""

    most_s: float

    def delay_s(self, flow: Flow) -> float:
        """Some part of the time."""
        return flow.random.uniform(0, self.most_s)


@dataclass(frozen=True)
class SlowRead(Fault):
    """Reads what the client sends no faster than so."""

    bytes_per_s: float

    async def heard(self, connection: CameraConnection, size_bytes: int) -> None:
        """Let the time pass that these bytes take."""
        await asyncio.sleep(size_bytes / self.bytes_per_s)
