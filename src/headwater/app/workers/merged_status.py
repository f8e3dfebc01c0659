"""What several workers tell as if it were of one server: statuses, figures, boards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from typing import Any, Final, TypeVar

from headwater.app.others import Standing
from headwater.cluster.bus.sending import BUS
from headwater.control.board.look import BoardLook
from headwater.control.figures import MountFigures, ServerFigures, Timed
from headwater.control.status import PortsStatus, ServerStatus, WorkerStatus
from headwater.histogram import total_of
from headwater.media.snapshot import MountSnapshot

RecordT = TypeVar("RecordT")

_LARGEST: Final = frozenset({"oldest_queued_s", "functions"})
"""Of these the largest counts; all workers have the same functions of hooks."""
_OF_FIRST: Final = frozenset({"pid"})
"""Of these any counts, until `whole_status` puts the supervisor's in its place.

Of all other numbers it is the sum, also of limits that each worker has for itself (`most`,
`descriptors_allowed`): what all use of them is summed too.
"""
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


def merged_status(
    statuses: Sequence[ServerStatus], totals: ServerFigures | None = None
) -> ServerStatus:
    """Return the sum of the workers' statuses, of which there must be one, and of totals.

    What no worker knows is for `whole_status` to add.
    """
    first = statuses[0]
    if totals is not None:
        statuses = [*statuses, totals.status]
    return replace(
        first,
        clock_s=max(status.clock_s for status in statuses),
        ports=_merged_ports([status.ports for status in statuses]),
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


def whole_status(
    status: ServerStatus, standing: Standing, workers: Iterable[WorkerStatus]
) -> ServerStatus:
    """Return the sum of the workers' statuses with what the supervisor alone knows."""
    return replace(
        status,
        state=standing.state,
        uptime_s=standing.uptime_s,
        settings=standing.settings,
        process=replace(status.process, pid=standing.pid),
        workers=tuple(workers),
        replaced_workers=standing.replaced_workers,
    )


def merged_figures(
    parts: Sequence[ServerFigures], totals: ServerFigures | None = None
) -> ServerFigures:
    """Return the sum of the workers' figures, of which there must be one, and of totals."""
    if totals is not None:
        parts = [*parts, totals]
    if len(parts) == 1:
        return parts[0]
    callouts = [part.callouts for part in parts if part.callouts is not None]
    return ServerFigures(
        status=merged_status([part.status for part in parts]),
        mounts=merged_mount_figures(mount for part in parts for mount in part.mounts),
        publishers=sum(part.publishers for part in parts),
        readers=sum(part.readers for part in parts),
        live_sources=sum(part.live_sources for part in parts),
        waiting_sources=sum(part.waiting_sources for part in parts),
        timed=_merged_timed(each for part in parts for each in part.timed),
        callouts=_summed(callouts) if callouts else None,
    )


def merged_mount_figures(mounts: Iterable[MountFigures]) -> tuple[MountFigures, ...]:
    """Return each mount once, as its own worker has it, with what all count of its readers."""
    by_path: dict[str, list[MountFigures]] = {}
    for each in mounts:
        by_path.setdefault(each.mount.path, []).append(each)
    return tuple(
        parts[0]
        if len(parts) == 1
        else MountFigures(
            merged_mount([part.mount for part in parts]),
            sum(part.readers for part in parts),
            sum(part.queued_bytes for part in parts),
        )
        for parts in by_path.values()
    )


def merged_look(parts: Sequence[BoardLook], totals: ServerFigures | None = None) -> BoardLook:
    """Return one board of those of the workers, of which there must be one, and of totals."""
    if len(parts) == 1 and totals is None:
        return parts[0]
    readers: Counter[str] = Counter()
    for part in parts:
        readers.update(part.readers)
    return BoardLook(
        status=merged_status([part.status for part in parts], totals),
        mounts=_merged_mounts(mount for part in parts for mount in part.mounts),
        publishers={key: each for part in parts for key, each in part.publishers.items()},
        readers=readers,
        sources=tuple(source for part in parts for source in part.sources),
    )


def worker_status(
    name: str, status: ServerStatus, mounts: Sequence[MountSnapshot], sessions: int
) -> WorkerStatus:
    """Return the short form of one worker's status, its mounts and how many sessions it has."""
    process = status.process
    return WorkerStatus(
        name=name,
        pid=process.pid,
        uptime_s=status.uptime_s,
        mounts=len(mounts),
        pulled_mounts=sum(_is_pulled(mount) for mount in mounts),
        sessions=sessions,
        connections=status.connections.open,
        memory_bytes=process.memory_bytes,
        cpu_user_s=process.cpu_user_s,
        cpu_system_s=process.cpu_system_s,
    )


def merged_mount(parts: Sequence[MountSnapshot]) -> MountSnapshot:
    """Return a mount as its own worker has it, with the readers of all."""
    own = next((part for part in parts if part.publisher and not _is_pulled(part)), parts[0])
    readers = tuple(reader for part in parts for reader in part.readers if reader.transport != BUS)
    sums = {name: sum(getattr(part, name) for part in parts) for name in _SUMMED_OF_MOUNT}
    return replace(own, readers=readers, **sums)


def _merged_ports(ports: Sequence[PortsStatus]) -> PortsStatus:
    """Return the ports, of which all have the same for TCP, and each a part of those for UDP."""
    first = ports[0]
    return replace(
        _summed(ports),
        publish=first.publish,
        play=first.play,
        rtsps=first.rtsps,
        udp_first=min(each.udp_first for each in ports),
        udp_last=max(each.udp_last for each in ports),
    )


def _merged_timed(timed: Iterable[Timed]) -> tuple[Timed, ...]:
    found: dict[tuple[str, tuple[tuple[str, str], ...]], list[Timed]] = {}
    for each in timed:
        found.setdefault((each.name, tuple(sorted(each.labels.items()))), []).append(each)
    # Those of one name stand one behind another.
    ordered = sorted(found.values(), key=lambda same: same[0].name)
    return tuple(
        replace(same[0], histogram=total_of([each.histogram for each in same])) for same in ordered
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
    if not known or isinstance(first, bool | str) or name in _OF_FIRST:
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
    return tuple(merged_mount(parts) for parts in by_path.values())


def _is_pulled(mount: MountSnapshot) -> bool:
    return mount.publisher is not None and mount.publisher.transport == BUS
