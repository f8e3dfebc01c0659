"""A process without a free descriptor."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Self


class Exhausted:
    """Holds every free descriptor of the process under a lowered limit."""

    def __init__(self) -> None:
        import resource

        self._resource = resource
        self._limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._held: list[int] = []

    def __enter__(self) -> Self:
        used = max(int(entry.name) for entry in Path("/dev/fd").iterdir()) + 1
        limit = used + 20
        self._resource.setrlimit(self._resource.RLIMIT_NOFILE, (limit, self._limits[1]))
        self.fill()
        return self

    def fill(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._held.append(os.open(os.devnull, os.O_RDONLY))

    def free(self, count: int) -> None:
        for _ in range(count):
            os.close(self._held.pop())

    def __exit__(self, *_: object) -> None:
        self.free(len(self._held))
        self._resource.setrlimit(self._resource.RLIMIT_NOFILE, self._limits)
