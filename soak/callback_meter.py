"""How much one callback of the event loop does: while it runs, nobody else is served."""

from __future__ import annotations

import time
from asyncio.events import Handle
from collections.abc import Callable


class CallbackMeter:
    """Looks at every callback of the asyncio loops of this process, from `start` on.

    Attributes:
        most_work: by how much the count of work grew in one callback, at most.
        longest_s: how much processor time a callback took, at most; what other processes of a
            busy machine take from it does not count.
    """

    def __init__(self, count: Callable[[], int]) -> None:
        self._count = count
        self.most_work = 0
        self.longest_s = 0.0

    def start(self) -> None:
        """Begin."""
        run = Handle._run  # noqa: SLF001 - nothing else sees every callback

        def metered(handle: Handle) -> None:
            before, began_s = self._count(), time.thread_time()
            run(handle)
            self.longest_s = max(self.longest_s, time.thread_time() - began_s)
            self.most_work = max(self.most_work, self._count() - before)

        Handle._run = metered  # type: ignore[assignment, method-assign]  # noqa: SLF001

    def seen(self) -> dict[str, float]:
        """The figures for a sample."""
        return {"most_work": self.most_work, "longest_callback_ms": round(self.longest_s * 1e3, 1)}
