"""What a process tree costs: processor time, memory, and what the kernel dropped for it."""

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class CpuUse:
    """Seconds of processor time.

    `total_s` is the scheduler's own count in nanoseconds; `user_s` and `system_s` share it out
    by the ticks that the kernel saw in either. Loopback runs the receiving half of a send in the
    sender's system call, so it is part of the sender's system time.
    """

    total_s: float
    user_s: float
    system_s: float

    def __sub__(self, other: "CpuUse") -> "CpuUse":
        total = self.total_s - other.total_s
        user, system = self.user_s - other.user_s, self.system_s - other.system_s
        share = user / (user + system) if user + system > 0 else 0.0
        return CpuUse(total, total * share, total * (1 - share))


def _stat_fields(pid: int) -> list[str]:
    return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()


def process_tree(pid: int) -> list[int]:
    """The process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            try:
                parent = int(_stat_fields(int(entry.name))[1])
            except (OSError, IndexError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    tree, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        tree.append(one)
        waiting.extend(children.get(one, ()))
    return tree


def cpu_use(pids: Iterable[int]) -> CpuUse:
    """Processor time of the processes so far (threads that ended are in user and system only)."""
    total_ns, user, system = 0, 0, 0
    for pid in pids:
        try:
            fields = _stat_fields(pid)
            for task in (PROC / str(pid) / "task").iterdir():
                total_ns += int((task / "schedstat").read_text().split()[0])
        except OSError:
            continue
        user += int(fields[11])
        system += int(fields[12])
    return CpuUse(total_ns / 1e9, user / TICKS_PER_S, system / TICKS_PER_S)


def resident_bytes(pids: Iterable[int]) -> int:
    """Resident memory of the processes together, shared pages counted once per process."""
    total = 0
    for pid in pids:
        try:
            total += int((PROC / str(pid) / "statm").read_text().split()[1]) * PAGE_BYTES
        except OSError:
            continue
    return total


@dataclass(frozen=True, slots=True)
class CpuLine:
    """Seconds one CPU was busy, of these in soft interrupts, and taken by the hypervisor."""

    at_s: float
    busy_s: float
    softirq_s: float
    stolen_s: float


def cpu_line(cpu: int) -> CpuLine:
    """What `/proc/stat` says of one CPU."""
    for line in (PROC / "stat").read_text().splitlines():
        name, *values = line.split()
        if name == f"cpu{cpu}":
            user, nice, system, _idle, _wait, irq, softirq, stolen = map(int, values[:8])
            busy = user + nice + system + irq + softirq
            return CpuLine(
                time.monotonic(), busy / TICKS_PER_S, softirq / TICKS_PER_S, stolen / TICKS_PER_S
            )
    raise RuntimeError(f"no CPU {cpu} on this machine")


def udp_drops(ports: Iterable[int]) -> int:
    """Datagrams the kernel dropped at the UDP sockets bound to these local ports."""
    wanted, dropped = set(ports), 0
    for table in ("udp", "udp6"):
        try:
            lines = (PROC / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if int(fields[1].rpartition(":")[2], 16) in wanted:
                dropped += int(fields[-1])
    return dropped
