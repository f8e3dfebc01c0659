"""What the server's process takes of the machine."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from headwater.net.descriptor_limit import open_descriptors

_MEMORY: Final = Path("/proc/self/statm")


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """Memory, processor time and descriptors of one process.

    None stands for what the system does not tell. `descriptors_allowed` 0 means no limit.
    """

    pid: int
    memory_bytes: int | None
    peak_memory_bytes: int | None
    cpu_user_s: float
    cpu_system_s: float
    threads: int
    descriptors: int | None
    descriptors_allowed: int | None


def process_status() -> ProcessStatus:
    """Return this process as it is now."""
    times = os.times()
    peak_bytes, allowed = _limits()
    return ProcessStatus(
        pid=os.getpid(),
        memory_bytes=_memory_bytes(),
        peak_memory_bytes=peak_bytes,
        cpu_user_s=times.user,
        cpu_system_s=times.system,
        threads=threading.active_count(),
        descriptors=open_descriptors(),
        descriptors_allowed=allowed,
    )


def _memory_bytes() -> int | None:
    """Return the resident set; Linux alone tells it without asking another program."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(_MEMORY.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return None


def _limits() -> tuple[int | None, int | None]:
    if sys.platform == "win32":
        return None, None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    allowed = 0 if soft == resource.RLIM_INFINITY else soft
    # macOS counts in bytes, the others in units of 1,024.
    return peak if sys.platform == "darwin" else peak * 1024, allowed
