"""Warnings in words, with what to do: one rule each, in one table for a path and one for all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from headwater.control.board.meter import Rates
from headwater.control.server_state import ServerState
from headwater.control.status import ServerStatus
from headwater.media.snapshot import MountSnapshot
from headwater.media.states import MountState
from headwater.sources.snapshot import SourceSnapshot
from headwater.sources.state import SourceState

SILENT_S: Final = 5.0
_ESTABLISHED_S: Final = 12.0
"""Before this, what has not come yet may still come."""
_MUCH_LOST: Final = 0.005
_LONG_DISTANCE_S: Final = 10.0
_NO_KEY_FRAME_S: Final = 25.0
_UNEVEN_S: Final = 0.1
_FEW: Final = 5


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that a person should know: a word for programs, what is so, and what to do."""

    code: str
    text: str
    remedy: str


@dataclass(frozen=True, slots=True)
class SeenPath:
    """A path as the rules see it."""

    path: str
    mount: MountSnapshot | None
    source: SourceSnapshot | None
    readers: int
    now: float

    @property
    def silent_s(self) -> float:
        """How long nothing has come of a publisher that is there."""
        mount = self.mount
        if mount is None or mount.state is not MountState.LIVE:
            return 0.0
        return self.now - (mount.last_packet_s or mount.opened_s)

    @property
    def is_established(self) -> bool:
        """Whether it is live, and has been for a while."""
        mount = self.mount
        return mount is not None and mount.state is MountState.LIVE and mount.age_s > _ESTABLISHED_S


def troubles_of_path(path: SeenPath, rates: Rates | None) -> tuple[Trouble, ...]:
    """Return what is wrong with a path, the worst first."""
    found = [trouble for rule in _OF_PATH for trouble in rule(path)]
    if rates is not None:
        found += [trouble for rule in _OF_RATES for trouble in rule(path, rates)]
    return tuple(found)


def troubles_of_server(now: ServerStatus, before: ServerStatus | None) -> tuple[Trouble, ...]:
    """Return what is wrong with the server as a whole; what grew, since the look before."""
    return tuple(trouble for rule in _OF_SERVER for trouble in rule(now, before))


# -- of a path


def _source_down(path: SeenPath) -> Iterator[Trouble]:
    source = path.source
    if source is None or source.live:
        return
    for candidate in source.sources[:1]:
        if candidate.state is SourceState.WAITING or candidate.last_error:
            error = candidate.last_error or "it cannot be reached"
            yield Trouble(
                "source_down",
                f"the source does not come: {error}",
                "check its address, name and password, and that this server can reach it; it is "
                "tried again by itself",
            )


def _publisher_gone(path: SeenPath) -> Iterator[Trouble]:
    if path.mount is not None and path.mount.state is MountState.GRACE:
        yield Trouble(
            "publisher_gone",
            "the publisher is gone; readers wait for it",
            "start it again; it goes on where it was",
        )


def _silent(path: SeenPath) -> Iterator[Trouble]:
    if path.silent_s > SILENT_S:
        yield Trouble(
            "silent",
            f"no packet for {_seconds(path.silent_s)}",
            "look whether the encoder runs and the network carries its media; by TCP it gets "
            "through most firewalls",
        )


def _lost(_path: SeenPath, rates: Rates) -> Iterator[Trouble]:
    if rates.lost_packets > _FEW and rates.lost_share > _MUCH_LOST:
        yield Trouble(
            "loss",
            f"{rates.lost_share:.1%} of the packets are lost on the way to the server",
            "publish by TCP, or look for a weak link or Wi-Fi between encoder and server",
        )


def _kernel_drops(_path: SeenPath, rates: Rates) -> Iterator[Trouble]:
    if rates.kernel_drops:
        yield Trouble(
            "kernel_drops",
            "the system dropped packets because its receive buffer was full",
            "raise net.core.rmem_max (sysctl), as the log says at the start",
        )


def _no_reports(path: SeenPath) -> Iterator[Trouble]:
    mount = path.mount
    if mount is None or not path.is_established or path.silent_s > SILENT_S:
        return
    silent = [track for track in mount.tracks if track.packets and not track.rtcp_packets]
    if silent and {"audio", "video"} <= {track.kind for track in mount.tracks}:
        yield Trouble(
            "no_sender_reports",
            "no sender reports: sound may drift",
            "have the encoder send RTCP, or let its RTCP port through the firewall",
        )


def _key_frames(path: SeenPath, rates: Rates) -> Iterator[Trouble]:
    mount = path.mount
    if mount is None or not path.is_established or path.silent_s > SILENT_S:
        return
    distance_s = rates.key_frame_distance_s
    has_keys = any(track.key_frames for track in mount.tracks)
    if distance_s is not None and distance_s > _LONG_DISTANCE_S:
        text = f"a key frame comes only every {distance_s:.0f} s: players start late"
    elif distance_s is None and has_keys and rates.passed_s > _NO_KEY_FRAME_S:
        text = "no two key frames in half a minute: players start late, and losses stay long"
    else:
        return
    yield Trouble(
        "key_frames_far",
        text,
        "set the encoder's key-frame (I-frame, GOP) interval to 1 or 2 seconds",
    )


def _cache_overflows(path: SeenPath) -> Iterator[Trouble]:
    if path.mount is not None and path.mount.cache_overflows:
        yield Trouble(
            "cache_full",
            "the pictures since the last key frame do not fit into memory: new readers wait",
            "shorten the key-frame interval, or raise mounts.gop_cache_max_bytes",
        )


def _missed(_path: SeenPath, rates: Rates) -> Iterator[Trouble]:
    if rates.missed_packets > _FEW:
        yield Trouble(
            "slow_readers",
            f"{rates.missed_packets} packets were left out for readers that are too slow",
            "see which below; a lower bit rate or a better link helps them, others do not notice",
        )


def _uneven(path: SeenPath) -> Iterator[Trouble]:
    jitter_s = max((track.jitter_s for track in path.mount.tracks), default=0) if path.mount else 0
    if jitter_s > _UNEVEN_S and path.is_established:
        yield Trouble(
            "jitter",
            f"packets come unevenly, by {jitter_s * 1000:.0f} ms",
            "look for a busy link or Wi-Fi; players need a larger buffer",
        )


def _invalid(_path: SeenPath, rates: Rates) -> Iterator[Trouble]:
    if rates.invalid_packets > _FEW:
        yield Trouble(
            "no_rtp",
            f"{rates.invalid_packets} packets were no RTP of what was described",
            "check the encoder: payload types must be those of its description",
        )


_OF_PATH: Final[tuple[Callable[[SeenPath], Iterator[Trouble]], ...]] = (
    _source_down,
    _publisher_gone,
    _silent,
    _no_reports,
    _cache_overflows,
    _uneven,
)
_OF_RATES: Final[tuple[Callable[[SeenPath, Rates], Iterator[Trouble]], ...]] = (
    _lost,
    _kernel_drops,
    _key_frames,
    _missed,
    _invalid,
)


# -- of the server


def _draining(now: ServerStatus, _before: ServerStatus | None) -> Iterator[Trouble]:
    if now.state is ServerState.DRAINING:
        yield Trouble(
            "draining", "the server stops once its readers have gone", "nobody new is let in"
        )


def _refused(now: ServerStatus, before: ServerStatus | None) -> Iterator[Trouble]:
    old = before.counters.refused_by_limit if before else {}
    grew = [
        name for name, count in now.counters.refused_by_limit.items() if count > old.get(name, 0)
    ]
    if before and grew:
        yield Trouble(
            "limit",
            f"peers are refused by {grew[0]}",
            "raise it if these are your own peers; else it does what it is for",
        )


def _stuck_hooks(now: ServerStatus, _before: ServerStatus | None) -> Iterator[Trouble]:
    stuck = sum(threads.stuck for threads in now.hook_threads)
    if stuck:
        yield Trouble(
            "hooks_stuck",
            f"{stuck} of your hooks overran their time and still run",
            "let them give up by themselves: a time-out on what they ask",
        )


def _workers_died(now: ServerStatus, _before: ServerStatus | None) -> Iterator[Trouble]:
    if now.replaced_workers:
        yield Trouble(
            "workers_died",
            f"workers that died and were replaced: {now.replaced_workers}",
            "the log says why",
        )


def _needs_restart(now: ServerStatus, _before: ServerStatus | None) -> Iterator[Trouble]:
    if now.settings is not None and now.settings.need_restart:
        keys = ", ".join(now.settings.need_restart)
        yield Trouble("needs_restart", f"changed settings wait for a restart: {keys}", "restart it")


def _log_dropped(now: ServerStatus, before: ServerStatus | None) -> Iterator[Trouble]:
    if before and now.log.dropped_lines > before.log.dropped_lines:
        yield Trouble(
            "log_dropped",
            "log lines are dropped, since nothing takes them",
            "look at the disk or the pipe that the log goes to",
        )


_OF_SERVER: Final[tuple[Callable[[ServerStatus, ServerStatus | None], Iterator[Trouble]], ...]] = (
    _draining,
    _workers_died,
    _refused,
    _stuck_hooks,
    _log_dropped,
    _needs_restart,
)


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 60 else f"{seconds / 60:.0f} min"
