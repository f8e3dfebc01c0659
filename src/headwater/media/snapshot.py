"""Mounts to look at: plain values, safe to keep, to send and to use from any thread."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PeerSnapshot:
    """A publisher as it was at one moment."""

    id: str
    peer: str
    user_agent: str
    transport: str


@dataclass(frozen=True, slots=True)
class ReaderSnapshot:
    """A reader as it was at one moment; `state` is "waiting", "catching up", "live" or "paused"."""

    id: str
    peer: str
    user_agent: str
    transport: str
    state: str
    tracks: tuple[int, ...]
    queued_bytes: int
    dropped_packets: int
    dropped_bytes: int


@dataclass(frozen=True, slots=True)
class TrackSnapshot:
    """A track as it was at one moment; counters are since the mount opened."""

    index: int
    kind: str
    encoding: str
    clock_rate_hz: int
    outlets: int
    packets: int
    bytes: int
    batches: int
    key_frames: int
    invalid_packets: int
    lost_packets: int
    jitter_s: float
    rtcp_packets: int
    invalid_rtcp_packets: int
    splices: int
    last_packet_s: float


@dataclass(frozen=True, slots=True)
class MountSnapshot:
    """A mount as it was at one moment; `dataclasses.asdict` gives plain values.

    Times ending in `_s` are seconds of the mount's clock, `age_s` seconds since it opened.
    """

    path: str
    state: str
    opened_s: float
    age_s: float
    publisher: PeerSnapshot | None
    readers: tuple[ReaderSnapshot, ...]
    tracks: tuple[TrackSnapshot, ...]
    cached_bytes: int
    cached_s: float
    publishers_total: int
    readers_total: int
    instant_starts: int
    caught_up: int
    catch_up_skips: int
    outlet_errors: int
    dropped_packets: int
    dropped_bytes: int
    slow_disconnects: int
