"""What each worker has counted, kept for when it ends: the sums of a machine never go down."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from headwater.app.workers.merged_status import merged_figures
from headwater.control.figures import CalloutFigures, ServerFigures, Timed
from headwater.control.status import ServerStatus


def totals_in(
    status: ServerStatus, timed: Iterable[Timed], callouts: CalloutFigures | None
) -> ServerFigures:
    """Return what only grows of what a server tells, and nothing of what it has at the moment."""
    return ServerFigures(
        status=replace(
            status,
            ports=replace(status.ports, udp_pairs=0, udp_pairs_in_use=0, udp_pairs_available=0),
            process=replace(
                status.process,
                pid=0,
                memory_bytes=None,
                peak_memory_bytes=None,
                threads=0,
                descriptors=None,
                descriptors_allowed=None,
            ),
            connections=replace(
                status.connections, open=0, secure=0, queued_bytes=0, oldest_queued_s=0.0
            ),
            hooks=tuple(replace(hook, functions=0) for hook in status.hooks),
            hook_threads=(),
            egresses=(),
            mounts=(),
            sessions=(),
            forwards=(),
            sources=(),
            nodes=(),
        ),
        mounts=(),
        publishers=0,
        readers=0,
        live_sources=0,
        waiting_sources=0,
        timed=tuple(timed),
        callouts=None if callouts is None else replace(callouts, webhook_waiting=0),
    )


class KeptTotals:
    """The totals that workers told last, and the sums of those that have ended."""

    def __init__(self) -> None:
        self._told: dict[str, ServerFigures] = {}
        self._ended: ServerFigures | None = None

    def note(self, worker: str, totals: ServerFigures) -> None:
        """Keep what a worker has counted by now."""
        self._told[worker] = totals

    def leave(self, worker: str) -> None:
        """Add what a worker had counted that has ended, and whose name another may have."""
        self._ended = _sum(self._ended, self._told.pop(worker, None))

    def besides(self, workers: Collection[str]) -> ServerFigures | None:
        """Return what is to be added to what these workers count themselves; None for nothing.

        It is that of all which have ended, and that of those which do not answer.
        """
        total = self._ended
        for worker, told in self._told.items():
            if worker not in workers:
                total = _sum(total, told)
        return total


def _sum(first: ServerFigures | None, second: ServerFigures | None) -> ServerFigures | None:
    if first is None or second is None:
        return first or second
    return merged_figures([first, second])
