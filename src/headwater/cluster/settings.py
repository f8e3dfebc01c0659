"""Settings of how many processes serve, and of what they do for each other."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Annotated, Final

from headwater.applies import NOW, needs_restart
from headwater.setting_fields import Choice, take_fields

MOST_WORKERS: Final = 256


class Accepting(Choice):
    """Which process accepts the connections of a port that all workers serve."""

    AUTO = "auto"
    KERNEL = "kernel"
    SUPERVISOR = "supervisor"


_SUPERVISOR_ACCEPTS: Final = {
    Accepting.AUTO: not sys.platform.startswith("linux"),
    Accepting.KERNEL: False,
    Accepting.SUPERVISOR: True,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerSettings:
    """How many processes share the work; `docs/scaling.md` says when more than one pays."""

    count: Annotated[
        int,
        needs_restart("workers are started with the server"),
        "How many worker processes serve under one supervisor; each uses one core. "
        "They have the same ports and the same mounts, and limits hold for all together. 0: one "
        "for each core. 1: one process and no supervisor. `headwater serve` goes by it, and in a "
        "program RtspWorkers; a program that runs RtspServer is one process.",
    ] = 1
    hot_readers: Annotated[
        int,
        NOW,
        "So many readers of a mount, at most, come to the worker that has its publisher: a "
        "connection that reaches another worker is passed on to it. Further readers stay where "
        "they are, and their worker takes the mount from the other one, once for all of its "
        "readers. A publisher is passed on to the worker where readers wait for it. 0: nothing is "
        "passed on.",
    ] = 64
    linger_s: Annotated[
        float,
        NOW,
        "Seconds that a worker goes on taking a mount from another one after its last reader left.",
    ] = 10.0

    accepting: Annotated[
        Accepting,
        needs_restart("the ports are opened for it"),
        "How connections reach the workers. kernel: each worker listens, and the kernel spreads "
        "connections over them, which only Linux does. supervisor: the supervisor accepts, and "
        "hands them to the workers in turn. auto: kernel on Linux, supervisor elsewhere.",
    ] = Accepting.AUTO

    def __post_init__(self) -> None:
        take_fields(self)
        if not 0 <= self.count <= MOST_WORKERS:
            raise ValueError(f"count is {self.count}; it must be from 0 to {MOST_WORKERS}")
        if self.hot_readers < 0:
            raise ValueError(f"hot_readers is {self.hot_readers}; it must be 0 or more")
        if self.linger_s < 0:
            raise ValueError(f"linger_s is {self.linger_s}; it must be 0 or more")

    @property
    def supervisor_accepts(self) -> bool:
        """Whether the supervisor accepts connections and hands them to the workers."""
        return _SUPERVISOR_ACCEPTS[self.accepting]

    @property
    def workers(self) -> int:
        """How many workers that is on this machine; 1 is a single process."""
        return self.count or usable_cores()


def usable_cores() -> int:
    """Return on how many cores this process may run."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
