"""A server's status for people: a head line, mounts, the readers with the most trouble."""

from collections.abc import Iterator
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

MOST_READERS = 20
"""Readers that are shown; those that miss most come first."""

MOST_HINTS = 5

Document = dict[str, Any]

_STATE_STYLES = {"running": "bold green", "live": "green", "draining": "bold yellow"}


def health_line(document: Document) -> str:
    """Return whether the server serves, in one line."""
    return (
        f"{document['state']}: headwater {document['version']}, up {duration(document['uptime_s'])}"
        f", {_number(document['mounts'], 'mount')}, {_number(document['sessions'], 'session')}"
        f", {_number(document['connections'], 'connection')}"
    )


def status_view(document: Document, before: Document | None = None) -> RenderableType:
    """Return the status to print, with rates since `before`, or averages since the start."""
    parts: list[RenderableType] = [*_head(document, before)]
    if workers := document.get("workers"):
        parts += ["", _workers_table(workers)]
    if document["mounts"]:
        parts += ["", _mounts_table(document, before)]
    if document.get("sources"):
        parts += ["", _sources_table(document)]
    if document.get("forwards"):
        parts += ["", _forwards_table(document)]
    readers = [
        (mount["path"], reader) for mount in document["mounts"] for reader in mount["readers"]
    ]
    if readers:
        parts += ["", _readers_table(readers)]
        if len(readers) > MOST_READERS:
            parts.append(Text(f"and {len(readers) - MOST_READERS} more readers", style="dim"))
        parts += _hints(readers)
    return Group(*parts)


def _head(document: Document, before: Document | None) -> Iterator[Text]:
    ports, process, links = document["ports"], document["process"], document["connections"]
    seconds = _seconds(document, before)
    received = sum(_received(mount) for mount in document["mounts"])
    sent = _sent(document)
    label = "since the start"
    if before is not None:
        label = "now"
        received = sum(_received_since(mount, before) for mount in document["mounts"])
        sent -= _sent(before)
    state = document["state"]
    yield Text.assemble(
        (f"headwater {document['version']} ", "bold"),
        (state, _STATE_STYLES.get(state, "")),
        f"  up {duration(document['uptime_s'])}  pid {process['pid']}"
        f"  {_ports_text(ports)}"
        f"  UDP pairs {ports['udp_pairs_in_use']} of {ports['udp_pairs']}",
    )
    yield Text(
        f"in {bit_rate(received, seconds)}  out {bit_rate(sent, seconds)} ({label})"
        f"  connections {links['open']}  sessions {len(document['sessions'])}"
        f"  queued {size(links['queued_bytes'])}"
        f"  memory {size(process['memory_bytes'] or process['peak_memory_bytes'])}"
        f"  descriptors {_of(process['descriptors'], process['descriptors_allowed'])}"
    )
    if settings := document.get("settings"):
        age_s = document["clock_s"] - settings["applied_s"]
        yield Text(
            f"settings applied {duration(age_s)} ago, {_number(settings['changed'], 'change')}"
        )
        if settings["need_restart"]:
            keys = ", ".join(settings["need_restart"])
            yield Text(f"until a restart as before: {keys}", style="yellow")
    if died := document.get("replaced_workers"):
        yield Text(f"{_number(died, 'worker')} died and replaced", style="yellow")
    drops = {name: count for name, count in document["drops"].items() if count}
    if drops:
        yield Text("drops  " + _counts(drops), style="yellow")
    log = {name: count for name, count in document.get("log", {}).items() if count}
    if log:
        yield Text("log  " + _counts(log), style="yellow")
    refused = document["counters"]["refused_by_limit"]
    if refused:
        yield Text("refused  " + _counts(refused), style="yellow")
    for threads in document["hook_threads"]:
        if threads["stuck"]:
            yield Text(
                f"stuck  {threads['stuck']} of {threads['most']} threads of hooks that "
                f"{threads['purpose']} ({threads['side']})",
                style="yellow",
            )


def _workers_table(workers: list[Document]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("worker")
    for heading in ("pid", "up", "mounts", "pulled", "sessions", "connections", "memory", "cpu"):
        table.add_column(heading, justify="right")
    for worker in workers:
        table.add_row(
            worker["name"],
            str(worker["pid"]),
            duration(worker["uptime_s"]),
            str(worker["mounts"]),
            str(worker["pulled_mounts"]),
            str(worker["sessions"]),
            str(worker["connections"]),
            size(worker["memory_bytes"]),
            duration(worker["cpu_user_s"] + worker["cpu_system_s"]),
        )
    return table


def _mounts_table(document: Document, before: Document | None) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("mount", overflow="fold")
    table.add_column("state")
    table.add_column("publisher", overflow="fold")
    table.add_column("tracks", overflow="fold")
    for heading in ("in", "packets/batch", "lost", "readers", "missed"):
        table.add_column(heading, justify="right")
    for mount in document["mounts"]:
        table.add_row(*_mount_cells(mount, document, before))
    return table


def _mount_cells(
    mount: Document, document: Document, before: Document | None
) -> Iterator[str | Text]:
    tracks = mount["tracks"]
    batches = sum(track["batches"] for track in tracks)
    packets = sum(track["packets"] for track in tracks)
    if before is None:
        rate = bit_rate(_received(mount), mount["age_s"])
    else:
        rate = bit_rate(_received_since(mount, before), _seconds(document, before))
    yield Text(mount["path"])
    yield Text(mount["state"], style=_STATE_STYLES.get(mount["state"], "yellow"))
    yield Text(_peer_text(mount["publisher"]))
    yield Text(", ".join(track["encoding"] or track["kind"] for track in tracks))
    yield rate
    yield f"{packets / batches:.1f}" if batches else "–"
    yield str(sum(track["lost_packets"] for track in tracks))
    yield str(len(mount["readers"]))
    yield str(mount["dropped_packets"])


def _sources_table(document: Document) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("mount", "fetched from", "state"):
        table.add_column(heading, overflow="fold")
    for heading in ("for", "in", "lost", "key frames", "tries"):
        table.add_column(heading, justify="right")
    table.add_column("last error", overflow="fold")
    for path in document["sources"]:
        for source in path["sources"]:
            table.add_row(*_source_cells(path, source))
    return table


def _source_cells(path: Document, source: Document) -> Iterator[str | Text]:
    is_live = source["live"]
    reception = path["reception"] if is_live else None
    yield Text(path["path"])
    yield Text(source["url"])
    state = f"live {path['transport']}" if is_live else source["state"]
    yield Text(state, style="green" if is_live else "yellow" if source["last_error"] else "")
    yield duration(source["up_s"]) if source["up_s"] else "–"
    yield bit_rate(reception["bits_per_s"] / 8, 1.0) if reception else "–"
    yield str(reception["lost_packets"]) if reception else "–"
    distance_s = reception and reception["key_frame_distance_s"]
    yield f"{distance_s:.1f} s" if distance_s else "–"
    yield str(source["tries"])
    yield Text(source["last_error"])


def _forwards_table(document: Document) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("mount", "forwarded to", "state"):
        table.add_column(heading, overflow="fold")
    for heading in ("for", "sent", "missed", "tries"):
        table.add_column(heading, justify="right")
    table.add_column("last error", overflow="fold")
    for forward in document["forwards"]:
        state = " ".join(filter(None, (forward["state"], forward["transport"])))
        table.add_row(
            Text(forward["path"]),
            Text(forward["url"]),
            Text(state, style="green" if forward["state"] == "sending" else "yellow"),
            duration(document["clock_s"] - forward["since_s"]),
            size(forward["sent_bytes"]),
            str(forward["dropped_packets"]),
            str(forward["tries"]),
            Text(forward["error"]),
        )
    return table


def _readers_table(readers: list[tuple[str, Document]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("mount", "reader", "state"):
        table.add_column(heading, overflow="fold")
    for heading in ("queued", "oldest", "missed", "says lost"):
        table.add_column(heading, justify="right")
    worst = sorted(readers, key=lambda entry: _trouble(entry[1]), reverse=True)
    for path, reader in worst[:MOST_READERS]:
        table.add_row(
            Text(path),
            Text(_peer_text(reader)),
            Text(reader["state"], style=_STATE_STYLES.get(reader["state"], "")),
            size(reader["queued_bytes"]),
            f"{reader['oldest_queued_s']:.2f} s",
            str(reader["dropped_packets"]),
            f"{reader['reported_lost_packets']} ({reader['reported_fraction_lost']:.1%})",
        )
    return table


def _hints(readers: list[tuple[str, Document]]) -> list[RenderableType]:
    """Return what would help readers, a line each."""
    told = [(path, reader) for path, reader in readers if reader.get("hint")]
    lines: list[RenderableType] = [
        Text(f"hint  {reader['peer']} on {path} {reader['hint']}", style="yellow")
        for path, reader in told[:MOST_HINTS]
    ]
    if len(told) > MOST_HINTS:
        lines.append(Text(f"and {len(told) - MOST_HINTS} more hints", style="dim"))
    return lines


def _trouble(reader: Document) -> tuple[int, int, float]:
    return reader["dropped_packets"], reader["queued_bytes"], reader["reported_fraction_lost"]


def _peer_text(end: Document | None) -> str:
    """Return who is at an end, how its packets travel, and what it calls itself."""
    if end is None:
        return "none"
    parts = [end["peer"], end["transport"], end["user_agent"]]
    return " ".join(part for part in parts if part)


def _ports_text(ports: Document) -> str:
    text = f"port {ports['publish']}"
    if ports["play"] != ports["publish"]:
        text = f"publish {ports['publish']} play {ports['play']}"
    return f"{text} rtsps {ports['rtsps']}" if ports["rtsps"] else text


def _received(mount: Document) -> int:
    return sum(track["bytes"] for track in mount["tracks"])


def _received_since(mount: Document, before: Document) -> int:
    """Return the bytes since the status before; a mount that opened meanwhile counts from 0."""
    for old in before["mounts"]:
        if old["path"] == mount["path"] and old["opened_s"] == mount["opened_s"]:
            return _received(mount) - _received(old)
    return _received(mount)


def _sent(document: Document) -> int:
    sent: int = document["connections"]["bytes_sent"] + document["egress"]["sent_bytes"]
    return sent


def _seconds(document: Document, before: Document | None) -> float:
    seconds: float = document["uptime_s"]
    return seconds if before is None else document["clock_s"] - before["clock_s"]


def _counts(counts: Document) -> str:
    return "  ".join(f"{name.replace('_', ' ')} {count}" for name, count in counts.items())


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _of(count: int | None, allowed: int | None) -> str:
    if count is None:
        return "unknown"
    return f"{count} of {allowed}" if allowed else str(count)


def bit_rate(size_bytes: int, seconds: float) -> str:
    """Bits a second, with three digits that count."""
    bits = size_bytes * 8 / seconds if seconds > 0 else 0.0
    return _scaled(bits, 1000, ("b/s", "kb/s", "Mb/s", "Gb/s", "Tb/s"))


def size(size_bytes: int | None) -> str:
    """Return a number of bytes as text, with three significant digits."""
    return (
        "unknown"
        if size_bytes is None
        else _scaled(size_bytes, 1000, ("B", "kB", "MB", "GB", "TB"))
    )


def duration(seconds: float) -> str:
    """Return a duration as text, in its two largest units."""
    whole = int(seconds)
    for unit, above, length, part in (("d", "h", 86400, 3600), ("h", "min", 3600, 60)):
        if whole >= length:
            return f"{whole // length} {unit} {whole % length // part} {above}"
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"


def _scaled(value: float, step: int, units: tuple[str, ...]) -> str:
    for unit in units[:-1]:
        if value < step * 0.9995:
            return f"{value:.3g} {unit}"
        value /= step
    return f"{value:.3g} {units[-1]}"
