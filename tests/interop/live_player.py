"""An ffmpeg player whose decoded pictures can be looked at while it plays."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from clients.client import Media, Program, Transport
from clients.ffmpeg import checksum_options, read_framemd5

DEADLINE_S = 60.0


class LivePlayer:
    """Decodes `frames` pictures of an URL and writes the checksum of each at once."""

    def __init__(
        self, url: str, transport: Transport, media: Media, workdir: Path, *, frames: int
    ) -> None:
        workdir.mkdir()
        self._sums = workdir / "frames.md5"
        self.program = Program(
            [
                "ffmpeg",
                *("-hide_banner", "-nostdin", "-y", "-loglevel", "warning"),
                *("-rtsp_transport", transport.value, "-i", url, "-flush_packets", "1"),
                *checksum_options(media, self._sums, frames=frames),
            ],
            workdir / "player.log",
        )

    @property
    def pictures(self) -> tuple[str, ...]:
        """The checksums of the pictures decoded so far."""
        return read_framemd5(self._sums)[0] if self._sums.exists() else ()

    def wait_until(self, condition: Callable[[], object], what: str) -> None:
        """Look again and again while it plays; raises AssertionError when `what` does not come."""
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < deadline, f"no {what} within {DEADLINE_S:.0f} s"
            self.program.run_for(0.05)

    def finish(self) -> tuple[str, ...]:
        """Wait for its end; all pictures."""
        self.program.finish(DEADLINE_S)
        return self.pictures

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.program.kill()
