"""The statuses of several workers as that of one server."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from typing import Any, Final, TypeVar

from headwater.cluster.bus.sending import BUS
from headwater.control.status import ServerStatus, WorkerStatus
from headwater.media.snapshot import MountSnapshot

RecordT = TypeVar("RecordT")

_LARGEST: Final = frozenset({"oldest_queued_s", "clock_s", "most"})
"""Of these the largest counts, of all other numbers the sum."""
_SUMMED_OF_MOUNT: Final = (
    "readers_total",
    "instant_starts",
    "late_starts",
    "caught_up",
    "catch_up_skips",
    "outlet_errors",
    "dropped_packets",
    "dropped_bytes",
    "slow_disconnects",
    "cached_bytes",
)


def merged_status(statuses: Sequence[ServerStatus]) -> ServerStatus:
    """Return the sum of the workers' statuses, of which there must be one.

    What no worker knows (age, ports, settings, the supervisor itself) is for the caller to replace.
    """
    first = statuses[0]
    return replace(
        first,
        clock_s=max(status.clock_s for status in statuses),
        ports=_summed([status.ports for status in statuses]),
        process=_summed([status.process for status in statuses]),
        connections=_summed([status.connections for status in statuses]),
        counters=_summed([status.counters for status in statuses]),
        access=_summed([status.access for status in statuses]),
        drops=_summed([status.drops for status in statuses]),
        log=_summed([status.log for status in statuses]),
        egress=_summed([status.egress for status in statuses]),
        hooks=_by_key(statuses, "hooks", ("side", "hook")),
        hook_threads=_by_key(statuses, "hook_threads", ("side", "purpose")),
        egresses=tuple(each for status in statuses for each in status.egresses),
        mounts=_merged_mounts(mount for status in statuses for mount in status.mounts),
        sessions=tuple(each for status in statuses for each in status.sessions),
        forwards=tuple(each for status in statuses for each in status.forwards),
        sources=tuple(each for status in statuses for each in status.sources),
    )


def worker_status(name: str, status: ServerStatus) -> WorkerStatus:
    """Return the short form of one worker's status."""
    process = status.process
    return WorkerStatus(
        name=name,
        pid=process.pid,
        uptime_s=status.uptime_s,
        mounts=len(status.mounts),
        pulled_mounts=sum(_is_pulled(mount) for mount in status.mounts),
        sessions=len(status.sessions),
        connections=status.connections.open,
        memory_bytes=process.memory_bytes,
        cpu_user_s=process.cpu_user_s,
        cpu_system_s=process.cpu_system_s,
    )


def _summed(records: Sequence[RecordT]) -> RecordT:
    """Return one dataclass of several, its numbers added; texts are those of the first."""
    first = records[0]
    values = {
        spec.name: _total(spec.name, [getattr(record, spec.name) for record in records])
        for spec in fields(first)  # type: ignore[arg-type]
    }
    return type(first)(**values)


def _total(name: str, values: list[Any]) -> Any:
    first = values[0]
    if isinstance(first, dict):
        total = type(first)()
        for value in values:
            for key, count in value.items():
                total[key] = total.get(key, 0) + count
        return total
    known = [value for value in values if value is not None]
    if not known or isinstance(first, bool | str):
        return first
    if name in _LARGEST:
        return max(known)
    return sum(known) if isinstance(known[0], int | float) else first


def _by_key(statuses: Iterable[ServerStatus], name: str, key: tuple[str, ...]) -> tuple[Any, ...]:
    found: dict[tuple[str, ...], list[Any]] = {}
    for status in statuses:
        for record in getattr(status, name):
            found.setdefault(tuple(getattr(record, part) for part in key), []).append(record)
    return tuple(_summed(records) for records in found.values())


def _merged_mounts(mounts: Iterable[MountSnapshot]) -> tuple[MountSnapshot, ...]:
    by_path: dict[str, list[MountSnapshot]] = {}
    for mount in mounts:
        by_path.setdefault(mount.path, []).append(mount)
    return tuple(_merged_mount(parts) for parts in by_path.values())


def _merged_mount(parts: list[MountSnapshot]) -> MountSnapshot:
    """Return a mount as its own worker has it, with the readers of all."""
    own = next((part for part in parts if part.publisher and not _is_pulled(part)), parts[0])
    readers = tuple(reader for part in parts for reader in part.readers if reader.transport != BUS)
    sums = {name: sum(getattr(part, name) for part in parts) for name in _SUMMED_OF_MOUNT}
    return replace(own, readers=readers, **sums)


def _is_pulled(mount: MountSnapshot) -> bool:
    return mount.publisher is not None and mount.publisher.transport == BUS
