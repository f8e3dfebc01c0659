"""The read model of a whole server: frozen plain values, safe to keep, to send, to any thread."""

from __future__ import annotations

from dataclasses import dataclass

from headwater.access.counters import AccessCounters
from headwater.client.forwarding.snapshot import ForwardSnapshot
from headwater.control.json_text import plain
from headwater.control.process import ProcessStatus
from headwater.control.server_state import ServerState
from headwater.log_pace import LogTotals
from headwater.media.snapshot import MountSnapshot
from headwater.relay.counters import ServerCounters
from headwater.relay.end import SessionSnapshot
from headwater.sources.snapshot import SourceSnapshot
from headwater.transports.egress_snapshot import EgressSnapshot, EgressTotals


@dataclass(frozen=True, slots=True)
class Health:
    """The little that a health command asks for."""

    version: str
    state: ServerState
    uptime_s: float
    mounts: int
    sessions: int
    connections: int


@dataclass(frozen=True, slots=True)
class PortsStatus:
    """Where the server listens (TCP; `rtsps` 0 for none) and what it has of UDP port pairs.

    `udp_busy_skips` counts pairs of the range that another program held when they were wanted.
    """

    host: str
    publish: int
    play: int
    rtsps: int
    udp_first: int
    udp_last: int
    udp_pairs: int
    udp_pairs_in_use: int
    udp_pairs_available: int
    udp_busy_skips: int


@dataclass(frozen=True, slots=True)
class ConnectionsStatus:
    """The TCP connections: how many are open, what waits in them, what they carried in all.

    `oldest_queued_s` is the age of the oldest unsent byte of any. Bytes include closed ones.
    """

    open: int
    secure: int
    queued_bytes: int
    oldest_queued_s: float
    bytes_received: int
    bytes_sent: int


@dataclass(frozen=True, slots=True)
class SettingsStatus:
    """What came of the last time that settings were applied to the running server.

    Attributes:
        applied_s: when that was, seconds of the server's monotonic clock.
        changed: how many settings it changed.
        need_restart: keys that are other in the configuration than in the server, which takes
            them at a restart.
    """

    applied_s: float
    changed: int
    need_restart: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DropsStatus:
    """Packets that were not delivered, by cause.

    Attributes:
        missed_by_readers: slow readers' queues were over their bounds.
        egress: UDP sockets did not take them in time; those of unicast readers are counted in
            `missed_by_readers` as well.
        kernel_receive: socket buffers that the kernel dropped at publishers' full receive buffers;
            each is a datagram, or several from a sender with segmentation offload.
        not_rtp, not_rtcp: what publishers sent was unreadable.
        unknown_channel: interleaved frames on channels that nobody set up.
    """

    missed_by_readers: int
    egress: int
    kernel_receive: int
    not_rtp: int
    not_rtcp: int
    unknown_channel: int


@dataclass(frozen=True, slots=True)
class HookStatus:
    """What became of the calls of one hook on one side (`publish` or `play`)."""

    side: str
    hook: str
    functions: int
    calls: int
    failures: int
    timeouts: int
    dropped: int


@dataclass(frozen=True, slots=True)
class HookThreadsStatus:
    """The threads in which one side's plain hooks run: those that `decide` or those that `notify`.

    `stuck` ones are in hooks that overran their time-out; `most` is how many there may be.
    """

    side: str
    purpose: str
    alive: int
    stuck: int
    most: int


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """One of the processes that serve together; `ServerStatus` has their sums.

    Attributes:
        name: what its log lines call it.
        uptime_s: since it began; a worker that died is replaced by a younger one.
        pulled_mounts: mounts that it takes from another worker.
        cpu_user_s, cpu_system_s: processor time that it has used.
    """

    name: str
    pid: int
    uptime_s: float
    mounts: int
    pulled_mounts: int
    sessions: int
    connections: int
    memory_bytes: int | None
    cpu_user_s: float
    cpu_system_s: float


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """One of the nodes of a cluster, as it told of itself a few seconds ago at most.

    Attributes:
        name: what the others call it.
        is_here: whether this server is that node.
        state: whether it takes new mounts.
        version: of its Headwater.
        uptime_s: since its process began.
        busy_share: the share of one core that it uses, 0.0 to 1.0.
        mounts: paths that it has the publisher of.
        pulled_mounts: mounts that it takes from other nodes.
        readers: those who read there.
        url: where readers reach it.
        workers: how many processes it has that serve.
    """

    name: str
    is_here: bool
    state: str
    version: str
    uptime_s: float
    busy_share: float
    mounts: int
    pulled_mounts: int
    readers: int
    url: str
    workers: int = 1


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """A server as it was at one moment.

    Counters are since the start and only grow; those of a mount since it opened. `clock_s` is
    the server's monotonic clock, to which `opened_s`, `last_seen_s` and `last_packet_s` belong:
    the difference of two statuses' `clock_s` is the time between them. `counters`, `access` and
    `log` are copies that change no more; `log` is the whole process's. `settings` is None until
    settings are applied to the running server. `workers` is empty for a server of one process; of
    several all other values are sums, a mount has the readers of all, and `replaced_workers` counts
    those that died, whose counters are in the sums. `nodes` are those of the cluster; empty for a
    server alone.
    """

    version: str
    state: ServerState
    clock_s: float
    uptime_s: float
    ports: PortsStatus
    settings: SettingsStatus | None
    process: ProcessStatus
    connections: ConnectionsStatus
    counters: ServerCounters
    access: AccessCounters
    drops: DropsStatus
    log: LogTotals
    egress: EgressTotals
    hooks: tuple[HookStatus, ...]
    hook_threads: tuple[HookThreadsStatus, ...]
    egresses: tuple[EgressSnapshot, ...]
    mounts: tuple[MountSnapshot, ...]
    sessions: tuple[SessionSnapshot, ...]
    forwards: tuple[ForwardSnapshot, ...] = ()
    sources: tuple[SourceSnapshot, ...] = ()
    workers: tuple[WorkerStatus, ...] = ()
    replaced_workers: int = 0
    nodes: tuple[NodeStatus, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """Return the status as dicts, lists, texts and numbers, as JSON has them."""
        values = plain(self)
        assert isinstance(values, dict)  # noqa: S101 - what a dataclass becomes
        return values
