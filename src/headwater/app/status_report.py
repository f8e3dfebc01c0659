"""What a running server looks like from outside: its parts read into a `ServerStatus`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import replace

from headwater.client.forwarding.snapshot import ForwardSnapshot
from headwater.cluster.bus.sending import BUS
from headwater.control.board.look import BoardLook
from headwater.control.figures import MountFigures, ServerFigures, Timed
from headwater.control.process import process_status
from headwater.control.server_state import ServerState
from headwater.control.status import (
    ConnectionsStatus,
    DropsStatus,
    Health,
    HookStatus,
    HookThreadsStatus,
    NodeStatus,
    PortsStatus,
    ServerStatus,
    SettingsStatus,
)
from headwater.hooks import HookRunner
from headwater.hooks.table import HOOKS
from headwater.log_pace import TOTALS
from headwater.media.counters import MountTotals
from headwater.media.mount import Mount
from headwater.media.snapshot import MountSnapshot, ReaderSnapshot, totals_of
from headwater.media.tracks.track import Track
from headwater.relay.counters import ServerCounters
from headwater.relay.end import SessionSnapshot
from headwater.relay.relay import Relay
from headwater.server.connections.connection import Connection
from headwater.server.service import RtspService
from headwater.server.settings import ServerSettings
from headwater.side import Side
from headwater.sources.snapshot import SourceSnapshot
from headwater.transports.egress_snapshot import EgressSnapshot, EgressTotals
from headwater.version import __version__

_SLICE = 64
"""Readers, sessions or connections whose snapshots are made between two pauses."""
_COUNTED_AT_ONCE = 256
"""Those of which a few numbers are read alone."""


class StatusReport:
    """Reads the parts of one server; nothing on the path of the media knows of it.

    Attributes:
        state: what the server is doing, set by the server.
        listen: where it listens, set by the server.
        settings: when its settings were last applied, set by the server.
    """

    def __init__(
        self,
        relay: Relay,
        rtsp: RtspService,
        listen: ServerSettings,
        hooks: Iterable[tuple[Side, HookRunner]],
        forwards: Callable[[], Iterable[ForwardSnapshot]],
        sources: Callable[[], Iterable[SourceSnapshot]],
        nodes: Callable[[], Iterable[NodeStatus]],
    ) -> None:
        self.state = ServerState.STARTING
        self._relay = relay
        self._rtsp = rtsp
        self.listen = listen
        self.settings: SettingsStatus | None = None
        self._hooks = tuple(hooks)
        self._forwards = forwards
        self._sources = sources
        self._nodes = nodes
        self._started_s = relay.clock()
        # How many readers each path has, and of which ends that was counted.
        self._readers_of: Mapping[str, int] = {}
        self._counted: tuple[int, int] | None = None

    def health(self) -> Health:
        """Return the little that a health command asks for."""
        relay = self._relay
        return Health(
            version=__version__,
            state=self.state,
            uptime_s=relay.clock() - self._started_s,
            mounts=len(relay.mounts),
            sessions=len(relay.ends),
            connections=len(self._rtsp.connections),
        )

    def status(self) -> ServerStatus:
        """Return everything about the server as it is now."""
        steps = self.steps()
        while True:
            try:
                next(steps)
            except StopIteration as end:
                status: ServerStatus = end.value
                return status

    def steps(self) -> Generator[None, None, ServerStatus]:
        """Read everything in steps of well under a millisecond; who leaves may be missing."""
        relay = self._relay
        counters = relay.counters.copy()
        mounts: list[MountSnapshot] = []
        # Before the open ones are walked: one that closes meanwhile is counted there.
        closed = relay.mounts.closed_totals
        paths: dict[Track, str] = {}
        for mount in relay.mounts:
            paths.update((track, mount.path) for track in mount.tracks)
            mounts.append((yield from mount_steps(mount)))
        egresses: list[EgressSnapshot] = []
        totals = EgressTotals()
        ends = relay.transports
        for table in (ends.egresses, ends.groups):
            totals += table.closed_totals
            for egress in table.snapshots(paths):
                egresses.append(egress)
                totals += egress.totals
                yield
        sessions: list[SessionSnapshot] = []
        for number, end in enumerate(relay.ends):
            sessions.append(end.snapshot())
            if number % _SLICE == 0:
                yield
        connections = yield from self._connections_steps()
        yield
        return self._status(
            counters,
            connections,
            totals,
            closed + totals_of(mounts),
            egresses=tuple(egresses),
            mounts=tuple(mounts),
            sessions=tuple(sessions),
            forwards=tuple(self._forwards()),
            sources=tuple(self._sources()),
        )

    def figures(self) -> Generator[None, None, ServerFigures]:
        """Read what is counted, in steps as short; nothing is kept of each reader and session."""
        ends = self._relay.ends
        status, mounts = yield from self._counts()
        yield
        live = [bool(source.live) for source in self._sources()]
        return ServerFigures(
            status=status,
            mounts=mounts,
            publishers=ends.publishers,
            readers=len(ends) - ends.publishers,
            live_sources=sum(live),
            waiting_sources=len(live) - sum(live),
        )

    def look(self) -> Generator[None, None, BoardLook]:
        """Read what a board shows, in steps as short."""
        status, mounts = yield from self._counts()
        ends = (
            self._relay.ends.get(each.mount.publisher.id) for each in mounts if each.mount.publisher
        )
        publishers = {end.id: end.snapshot() for end in ends if end is not None}
        readers = yield from self._count_readers()
        return BoardLook(
            status=status,
            mounts=tuple(each.mount for each in mounts),
            publishers=publishers,
            readers=readers,
            sources=tuple(self._sources()),
        )

    def _count_readers(self) -> Generator[None, None, Mapping[str, int]]:
        """Return how many readers each path has; counted anew only where some came or went."""
        ends = self._relay.ends
        seen = self._relay.counters.sessions_opened, len(ends)
        if seen != self._counted:
            readers: Counter[str] = Counter()
            for number, end in enumerate(ends, 1):
                if end.side is Side.PLAY:
                    readers[end.path] += 1
                if number % _COUNTED_AT_ONCE == 0:
                    yield
            self._readers_of, self._counted = readers, seen
        return self._readers_of

    def _counts(self) -> Generator[None, None, tuple[ServerStatus, tuple[MountFigures, ...]]]:
        """Read what is counted of the server, and of each mount."""
        relay = self._relay
        counters = relay.counters.copy()
        # Before the open ones are walked: one that closes meanwhile is counted there.
        lost = relay.mounts.closed_totals
        mounts: list[MountFigures] = []
        for mount in relay.mounts:
            mounts.append((yield from mount_figures(mount)))
            lost += totals_of((mounts[-1].mount,))
            yield
        totals = EgressTotals()
        for table in (relay.transports.egresses, relay.transports.groups):
            totals += table.closed_totals
            for egress in table.snapshots({}):
                totals += egress.totals
                yield
        connections = yield from self._connections_steps()
        yield
        return self._status(counters, connections, totals, lost), tuple(mounts)

    def timed(self) -> Iterator[Timed]:
        """Yield how long things took; those of one name one behind another."""
        relay = self._relay
        timings = relay.timings
        yield Timed(
            "ingest_to_socket_seconds",
            "From the arrival of packets until all readers were served (a sample each second).",
            timings.handed_over,
        )
        yield Timed(
            "reader_queue_age_seconds",
            "Age of the oldest bytes that wait for a reader (a sample of readers each second).",
            timings.queued,
        )
        yield Timed(
            "join_seconds",
            "From the opening of a reader's session until it began to play.",
            timings.joined,
        )
        yield Timed(
            "admission_seconds",
            "How long it took to find out who may: tokens, passwords, hooks, the owner's server.",
            relay.admission.took,
        )
        for side, runner in self._hooks:
            for name in runner.hooks.names:
                yield Timed(
                    "hook_seconds",
                    "How long calls of hooks took.",
                    runner.counters[name].took,
                    {"side": side.value, "hook": name},
                )

    def _status(
        self,
        counters: ServerCounters,
        connections: ConnectionsStatus,
        totals: EgressTotals,
        lost: MountTotals,
        *,
        egresses: tuple[EgressSnapshot, ...] = (),
        mounts: tuple[MountSnapshot, ...] = (),
        sessions: tuple[SessionSnapshot, ...] = (),
        forwards: tuple[ForwardSnapshot, ...] = (),
        sources: tuple[SourceSnapshot, ...] = (),
    ) -> ServerStatus:
        now = self._relay.clock()
        return ServerStatus(
            version=__version__,
            state=self.state,
            clock_s=now,
            uptime_s=now - self._started_s,
            ports=self._ports(),
            settings=self.settings,
            process=process_status(),
            connections=connections,
            counters=counters,
            access=replace(self._relay.admission.authenticator.counters),
            drops=DropsStatus(
                missed_by_readers=lost.dropped_packets,
                egress=totals.dropped_packets,
                kernel_receive=lost.kernel_drops,
                not_rtp=lost.invalid_packets,
                not_rtcp=lost.invalid_rtcp_packets,
                unknown_channel=counters.unknown_channel_frames,
            ),
            log=replace(TOTALS),
            egress=totals,
            hooks=tuple(self._hooks_status()),
            hook_threads=tuple(self._hook_threads()),
            egresses=egresses,
            mounts=mounts,
            sessions=sessions,
            forwards=forwards,
            sources=sources,
            nodes=tuple(self._nodes()),
        )

    def _ports(self) -> PortsStatus:
        listen, ports = self.listen, self._rtsp.ports
        pool = self._relay.transports.ports
        return PortsStatus(
            host=listen.host,
            publish=ports.get(Side.PUBLISH, listen.publish_port),
            play=ports.get(Side.PLAY, listen.reader_port),
            rtsps=listen.rtsps_port,
            udp_first=pool.start,
            udp_last=pool.start + 2 * pool.pair_count - 1,
            udp_pairs=pool.pair_count,
            udp_pairs_in_use=pool.in_use,
            udp_pairs_available=pool.available,
            udp_busy_skips=pool.busy_skips,
        )

    def _connections_steps(self) -> Generator[None, None, ConnectionsStatus]:
        counters = self._relay.counters
        received = counters.tcp_bytes_received
        sent = counters.tcp_bytes_sent
        queued = secure = 0
        oldest_s = 0.0
        now = self._relay.clock()
        connections: tuple[Connection, ...] = tuple(self._rtsp.connections)
        for number, connection in enumerate(connections):
            stream = connection.stream
            received += stream.bytes_received
            sent += stream.bytes_sent
            queued += stream.queued_bytes
            secure += stream.secure
            oldest_s = max(oldest_s, stream.oldest_queued_s(now))
            if number % _COUNTED_AT_ONCE == 0:
                yield
        return ConnectionsStatus(
            open=len(connections),
            secure=secure,
            queued_bytes=queued,
            oldest_queued_s=oldest_s,
            bytes_received=received,
            bytes_sent=sent,
        )

    def _hooks_status(self) -> Iterable[HookStatus]:
        for side, runner in self._hooks:
            for point in HOOKS:
                functions = len(runner.hooks.registered(point.name))
                counters = runner.counters[point.name]
                if functions:
                    yield HookStatus(
                        side=side.value,
                        hook=point.name,
                        functions=functions,
                        calls=counters.calls,
                        failures=counters.failures,
                        timeouts=counters.timeouts,
                        dropped=counters.dropped,
                    )

    def _hook_threads(self) -> Iterable[HookThreadsStatus]:
        for side, runner in self._hooks:
            for purpose, counts in runner.thread_counts().items():
                if counts.alive:
                    yield HookThreadsStatus(
                        side=side.value,
                        purpose=purpose,
                        alive=counts.alive,
                        stuck=counts.stuck,
                        most=counts.most,
                    )


def mount_steps(mount: Mount) -> Generator[None, None, MountSnapshot]:
    """Read a mount in steps of well under a millisecond."""
    readers: list[ReaderSnapshot] = []
    for number, reader in enumerate(mount.reader_snapshots()):
        readers.append(reader)
        if number % _SLICE == 0:
            yield
    return mount.snapshot_with(readers)


def mount_figures(mount: Mount) -> Generator[None, None, MountFigures]:
    """Read a mount without a list of its readers, in steps as short."""
    count = queued_bytes = dropped_packets = dropped_bytes = 0
    for number, reader in enumerate(mount.readers, 1):
        queued_bytes += reader.queued_bytes
        dropped_packets += reader.dropped_packets
        dropped_bytes += reader.dropped_bytes
        # Another worker that takes the mount has readers of its own, which it counts.
        count += reader.transport != BUS
        if number % _COUNTED_AT_ONCE == 0:
            yield
    alone = mount.snapshot_with(())
    counted = replace(
        alone,
        dropped_packets=alone.dropped_packets + dropped_packets,
        dropped_bytes=alone.dropped_bytes + dropped_bytes,
    )
    return MountFigures(counted, count, queued_bytes)
