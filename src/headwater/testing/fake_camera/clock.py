"""The camera's own clock: it can run too fast or too slow, and it can be set wrong."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

_NTP_TO_UNIX_S = 2_208_988_800


@dataclass
class CameraClock:
    """Wall clock of the camera: `ppm` too fast, `offset_s` ahead of the truth."""

    ppm: float = 0.0
    offset_s: float = 0.0
    _began_s: float = field(default_factory=time.monotonic, repr=False)
    _wall_s: float = field(default_factory=time.time, repr=False)

    @property
    def rate(self) -> float:
        """How many seconds pass for the camera in a second."""
        return 1 + self.ppm / 1e6

    def elapsed_s(self) -> float:
        """Seconds since the camera was made, as its own clock counts them."""
        return (time.monotonic() - self._began_s) * self.rate

    def ntp(self, elapsed_s: float) -> int:
        """A moment as an NTP time stamp of 64 bits (RFC 3550 §4)."""
        wall_s = self._wall_s + elapsed_s + self.offset_s + _NTP_TO_UNIX_S
        return int(wall_s * (1 << 32)) & (1 << 64) - 1
