"""One descriptor kept back for the moment when no other is left."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from typing import Final

NO_DESCRIPTOR: Final = frozenset({errno.EMFILE, errno.ENFILE})
"""What the system says when this process, or the machine, may open nothing more."""


class DescriptorReserve:
    """Holds a descriptor that is given up for one that is needed more."""

    def __init__(self) -> None:
        self._held: int | None = None

    def __bool__(self) -> bool:
        return self._held is not None

    def hold(self) -> None:
        """Take a descriptor, unless one is held; without a free one nothing happens."""
        if self._held is None:
            with contextlib.suppress(OSError):
                self._held = os.open(os.devnull, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))

    def release(self) -> None:
        """Give it up; a second call does nothing."""
        held, self._held = self._held, None
        if held is not None:
            os.close(held)

    def accept(self, listening: socket.socket) -> socket.socket | None:
        """Accept one connection in its place; None when nobody waits or none is held.

        `hold` takes it again, once that connection is closed.
        """
        if self._held is None:
            return None
        self.release()
        try:
            return listening.accept()[0]
        except OSError:
            self.hold()
            return None
