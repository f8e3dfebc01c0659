"""The metrics of a server in the text format of Prometheus (exposition format 0.0.4)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Final

from headwater.control.figures import MountFigures, ServerFigures, Timed
from headwater.control.status import ServerStatus
from headwater.media.states import MountState

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
OTHERS: Final = "(others)"
"""The label of all mounts behind those that have their own."""

Labels = Mapping[str, str]
Sample = tuple[Labels, float]
_NONE: Final[Labels] = {}


@dataclass(frozen=True, slots=True)
class Family:
    """A metric with its samples."""

    name: str
    kind: str
    doc: str
    samples: Callable[[ServerFigures], Iterable[Sample]]


def _one(
    value: Callable[[ServerStatus], float | None],
) -> Callable[[ServerFigures], list[Sample]]:
    def samples(figures: ServerFigures) -> list[Sample]:
        found = value(figures.status)
        return [] if found is None else [(_NONE, found)]

    return samples


def _by(
    label: str, counts: Callable[[ServerStatus], Mapping[str, int] | Mapping[int, int]]
) -> Callable[[ServerFigures], Iterator[Sample]]:
    def samples(figures: ServerFigures) -> Iterator[Sample]:
        for key, count in counts(figures.status).items():
            yield {label: str(key)}, count

    return samples


def _fields_of(record: object, label: str) -> Iterator[Sample]:
    for field in fields(record):  # type: ignore[arg-type]
        yield {label: field.name}, getattr(record, field.name)


SERVER: Final[tuple[Family, ...]] = (
    Family(
        "info", "gauge", "The version that runs.", lambda f: [({"version": f.status.version}, 1)]
    ),
    Family("uptime_seconds", "gauge", "Since the start.", _one(lambda s: s.uptime_s)),
    Family(
        "draining",
        "gauge",
        "1 while the server lets readers go.",
        _one(lambda s: s.state == "draining"),
    ),
    Family("mounts", "gauge", "Mounts that are open.", lambda f: [(_NONE, len(f.mounts))]),
    Family(
        "sessions",
        "gauge",
        "Publishers and readers that are there.",
        lambda f: [({"role": "publish"}, f.publishers), ({"role": "play"}, f.readers)],
    ),
    Family("connections", "gauge", "RTSP connections.", _one(lambda s: s.connections.open)),
    Family(
        "connection_queued_bytes",
        "gauge",
        "Bytes that wait for peers over TCP.",
        _one(lambda s: s.connections.queued_bytes),
    ),
    Family(
        "connection_oldest_queued_seconds",
        "gauge",
        "Age of the oldest byte that waits.",
        _one(lambda s: s.connections.oldest_queued_s),
    ),
    Family(
        "tcp_bytes_total",
        "counter",
        "Bytes over RTSP connections.",
        lambda f: [
            ({"direction": "in"}, f.status.connections.bytes_received),
            ({"direction": "out"}, f.status.connections.bytes_sent),
        ],
    ),
    Family(
        "connections_opened_total",
        "counter",
        "RTSP connections since the start.",
        _one(lambda s: s.counters.connections_opened),
    ),
    Family(
        "sessions_opened_total",
        "counter",
        "Publishers and readers since the start.",
        _one(lambda s: s.counters.sessions_opened),
    ),
    Family(
        "sessions_closed_total",
        "counter",
        "Publishers and readers that ended, by cause.",
        _by("cause", lambda s: s.counters.sessions_closed_by_cause),
    ),
    Family(
        "answers_total",
        "counter",
        "RTSP answers by status.",
        _by("status", lambda s: s.counters.answers_by_status),
    ),
    Family(
        "refused_total",
        "counter",
        "What a limit refused, by limit.",
        _by("limit", lambda s: s.counters.refused_by_limit),
    ),
    Family(
        "access_total",
        "counter",
        "What became of requests that needed a right.",
        lambda f: _fields_of(f.status.access, "result"),
    ),
    Family(
        "dropped_packets_total",
        "counter",
        "Packets that were not delivered, by cause.",
        lambda f: _fields_of(f.status.drops, "cause"),
    ),
    Family(
        "udp_sent_bytes_total",
        "counter",
        "Bytes to UDP readers.",
        _one(lambda s: s.egress.sent_bytes),
    ),
    Family(
        "udp_stalls_total",
        "counter",
        "How often a UDP send buffer was full.",
        _one(lambda s: s.egress.stalls),
    ),
    Family(
        "udp_port_pairs",
        "gauge",
        "UDP port pairs.",
        lambda f: [
            ({"state": "used"}, f.status.ports.udp_pairs_in_use),
            ({"state": "free"}, f.status.ports.udp_pairs_available),
        ],
    ),
    Family(
        "hook_calls_total",
        "counter",
        "Calls of hooks, by what became of them.",
        lambda f: [
            ({"side": hook.side, "hook": hook.hook, "result": result}, count)
            for hook in f.status.hooks
            for result, count in (
                ("called", hook.calls),
                ("failed", hook.failures),
                ("timed_out", hook.timeouts),
                ("dropped", hook.dropped),
            )
        ],
    ),
    Family(
        "sources",
        "gauge",
        "Paths that the server fetches by itself.",
        lambda f: [({"state": "live"}, f.live_sources), ({"state": "not_live"}, f.waiting_sources)],
    ),
    Family(
        "webhook_events_total",
        "counter",
        "Events for webhooks, by what became of them.",
        lambda f: [
            ({"result": result}, count)
            for result, count in (f.callouts.webhook_events if f.callouts else {}).items()
        ],
    ),
    Family(
        "webhook_waiting_events",
        "gauge",
        "Events that wait for webhooks.",
        lambda f: [(_NONE, f.callouts.webhook_waiting)] if f.callouts else [],
    ),
    Family(
        "owner_questions_total",
        "counter",
        "Questions for the owner's server (access.ask), by what became of them.",
        lambda f: [
            ({"result": result}, count)
            for result, count in (f.callouts.questions if f.callouts else {}).items()
        ],
    ),
    Family(
        "token_key_fetches_total",
        "counter",
        "How often the keys of signed tokens were fetched.",
        lambda f: [(_NONE, f.callouts.key_fetches)] if f.callouts else [],
    ),
    Family(
        "process_memory_bytes", "gauge", "Resident memory.", _one(lambda s: s.process.memory_bytes)
    ),
    Family(
        "process_cpu_seconds_total",
        "counter",
        "Processor time.",
        lambda f: [
            ({"mode": "user"}, f.status.process.cpu_user_s),
            ({"mode": "system"}, f.status.process.cpu_system_s),
        ],
    ),
    Family(
        "process_descriptors", "gauge", "Open descriptors.", _one(lambda s: s.process.descriptors)
    ),
)

MOUNT: Final[tuple[tuple[str, str, str, Callable[[MountFigures], float]], ...]] = (
    (
        "mount_live",
        "gauge",
        "1 while it has a publisher.",
        lambda m: m.mount.state is MountState.LIVE,
    ),
    ("mount_readers", "gauge", "Its readers.", lambda m: m.readers),
    (
        "mount_received_bytes_total",
        "counter",
        "RTP bytes of its publishers.",
        lambda m: sum(track.bytes for track in m.mount.tracks),
    ),
    (
        "mount_received_packets_total",
        "counter",
        "RTP packets of its publishers.",
        lambda m: sum(track.packets for track in m.mount.tracks),
    ),
    (
        "mount_lost_packets_total",
        "counter",
        "RTP packets that did not come from publishers.",
        lambda m: sum(track.lost_packets for track in m.mount.tracks),
    ),
    (
        "mount_key_frames_total",
        "counter",
        "Key frames that came.",
        lambda m: sum(track.key_frames for track in m.mount.tracks),
    ),
    (
        "mount_dropped_packets_total",
        "counter",
        "RTP packets that its readers missed.",
        lambda m: m.mount.dropped_packets,
    ),
    (
        "mount_queued_bytes",
        "gauge",
        "Bytes that wait for its readers.",
        lambda m: m.queued_bytes,
    ),
)


async def text_of(figures: ServerFigures, timed: Sequence[Timed], most_mounts: int) -> str:
    """Return the metrics; the loop's other work goes on meanwhile."""
    return "".join([line async for line in _lines(figures, timed, most_mounts)])


async def _lines(
    figures: ServerFigures, timed: Sequence[Timed], most_mounts: int
) -> AsyncIterator[str]:
    for family in SERVER:
        yield _head(family.name, family.kind, family.doc)
        for labels, value in family.samples(figures):
            yield _sample(family.name, labels, value)
    await asyncio.sleep(0)
    # By path: which mounts have their own label does not change with the number of readers.
    mounts = sorted(figures.mounts, key=lambda each: each.mount.path)
    for name, kind, doc, value_of in MOUNT:
        yield _head(name, kind, doc)
        rest = 0.0
        for number, mount in enumerate(mounts):
            if number < most_mounts:
                yield _sample(name, {"path": mount.mount.path}, value_of(mount))
            else:
                rest += value_of(mount)
            if number % 64 == 0:
                await asyncio.sleep(0)
        if len(mounts) > most_mounts:
            yield _sample(name, {"path": OTHERS}, rest)
    told = ""
    for each in timed:
        if each.name != told:
            told = each.name
            yield _head(each.name, "histogram", each.doc)
        for bound, count in each.histogram.cumulated():
            yield _sample(f"{each.name}_bucket", {**each.labels, "le": bound}, count)
        yield _sample(f"{each.name}_sum", each.labels, each.histogram.sum)
        yield _sample(f"{each.name}_count", each.labels, each.histogram.count)


def _head(name: str, kind: str, doc: str) -> str:
    return f"# HELP headwater_{name} {doc}\n# TYPE headwater_{name} {kind}\n"


def _sample(name: str, labels: Labels, value: float) -> str:
    shown = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return (
        f"headwater_{name}{{{shown}}} {float(value):.17g}\n"
        if shown
        else (f"headwater_{name} {float(value):.17g}\n")
    )


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
