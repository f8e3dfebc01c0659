"""Mounts to look at: plain values, safe to keep, to send and to use from any thread."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from headwater.media.counters import MountCounters, MountTotals
from headwater.media.gop_cache import GopCache
from headwater.media.publisher import Publisher
from headwater.media.readers.reader import Reader
from headwater.media.states import MountState, ReaderState
from headwater.media.tracks.track import Track
from headwater.shown_text import shown


@dataclass(frozen=True, slots=True)
class PublisherSnapshot:
    """A publisher as it was at one moment."""

    id: str
    peer: str
    user_agent: str
    transport: str
    kernel_drops: int


@dataclass(frozen=True, slots=True)
class ReaderSnapshot:
    """A reader as it was at one moment; counters since it began.

    What was sent is RTP, that which waits for the network included; RTCP is not counted.
    What is reported is what its receiver reports say: packets lost on all of its tracks, and the
    share lost lately, 0.0 to 1.0, on the worst of them. `hint` says what would help it,
    "" where nothing is known to be wrong.
    """

    id: str
    peer: str
    user_agent: str
    transport: str
    state: ReaderState
    tracks: tuple[int, ...]
    queued_bytes: int
    oldest_queued_s: float
    sent_packets: int
    sent_bytes: int
    dropped_packets: int
    dropped_bytes: int
    dropped_rtcp_packets: int
    reported_lost_packets: int
    reported_fraction_lost: float
    hint: str


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
    key_frame_requests: int
    invalid_packets: int
    lost_packets: int
    jitter_s: float
    rtcp_packets: int
    dropped_rtcp_packets: int
    invalid_rtcp_packets: int
    splices: int
    last_packet_s: float


@dataclass(frozen=True, slots=True)
class MountSnapshot:
    """A mount as it was at one moment; `dataclasses.asdict` gives plain values.

    `opened_s` and `last_packet_s` are seconds of the mount's clock, `age_s` seconds since it
    opened. Dropped packets include those of readers that have left, kernel drops those of
    publishers that have.
    """

    path: str
    state: MountState
    opened_s: float
    age_s: float
    last_packet_s: float
    publisher: PublisherSnapshot | None
    readers: tuple[ReaderSnapshot, ...]
    tracks: tuple[TrackSnapshot, ...]
    cached_bytes: int
    cached_s: float
    cache_overflows: int
    publishers_total: int
    readers_total: int
    instant_starts: int
    late_starts: int
    caught_up: int
    catch_up_skips: int
    outlet_errors: int
    dropped_packets: int
    dropped_bytes: int
    slow_disconnects: int
    kernel_drops: int


def totals_of(mounts: Iterable[MountSnapshot]) -> MountTotals:
    """Return what was lost on all of them."""
    total = MountTotals()
    for mount in mounts:
        total += MountTotals(
            dropped_packets=mount.dropped_packets,
            dropped_bytes=mount.dropped_bytes,
            kernel_drops=mount.kernel_drops,
            invalid_packets=sum(track.invalid_packets for track in mount.tracks),
            invalid_rtcp_packets=sum(track.invalid_rtcp_packets for track in mount.tracks),
        )
    return total


def snapshot_of_track(track: Track) -> TrackSnapshot:
    """Return the track as it is now."""
    counters = track.counters
    return TrackSnapshot(
        index=track.index,
        kind=shown(track.media.kind),
        encoding=shown(track.media.encoding),
        clock_rate_hz=track.media.clock_rate_hz,
        outlets=len(track.fan_out),
        packets=counters.packets,
        bytes=counters.bytes,
        batches=counters.batches,
        key_frames=counters.key_frames,
        key_frame_requests=counters.key_frame_requests,
        invalid_packets=counters.invalid_packets,
        lost_packets=counters.lost_packets,
        jitter_s=track.jitter_s,
        rtcp_packets=counters.rtcp_packets,
        dropped_rtcp_packets=counters.dropped_rtcp_packets,
        invalid_rtcp_packets=counters.invalid_rtcp_packets,
        splices=counters.splices,
        last_packet_s=counters.last_packet_s,
    )


def snapshot_of_reader(reader: Reader, state: ReaderState, tracks: Iterable[int]) -> ReaderSnapshot:
    """Return the reader as it is now."""
    return ReaderSnapshot(
        id=reader.id,
        peer=reader.peer,
        user_agent=shown(reader.user_agent),
        transport=reader.transport,
        state=state,
        tracks=tuple(sorted(tracks)),
        queued_bytes=reader.queued_bytes,
        oldest_queued_s=reader.oldest_queued_s,
        sent_packets=reader.sent_packets,
        sent_bytes=reader.sent_bytes,
        dropped_packets=reader.dropped_packets,
        dropped_bytes=reader.dropped_bytes,
        dropped_rtcp_packets=reader.dropped_rtcp_packets,
        reported_lost_packets=reader.reported_lost_packets,
        reported_fraction_lost=reader.reported_fraction_lost,
        hint=reader.hint,
    )


def snapshot_of_publisher(publisher: Publisher) -> PublisherSnapshot:
    """Return the publisher as it is now."""
    return PublisherSnapshot(
        id=publisher.id,
        peer=publisher.peer,
        user_agent=shown(publisher.user_agent),
        transport=publisher.transport,
        kernel_drops=publisher.kernel_drops,
    )


class SeenMount(Protocol):
    """A mount, as far as its snapshot shows it."""

    path: str
    state: MountState
    publisher: Publisher | None
    opened_s: float
    tracks: tuple[Track, ...]
    cache: GopCache | None
    counters: MountCounters

    @property
    def last_packet_s(self) -> float:
        """When the last packet came on any track."""


def snapshot_of_mount(
    mount: SeenMount, readers: Iterable[ReaderSnapshot], now: float
) -> MountSnapshot:
    """Return the mount as it is now, with its readers' snapshots."""
    counters = mount.counters
    cache = mount.cache
    readers = tuple(readers)
    publisher = None if mount.publisher is None else snapshot_of_publisher(mount.publisher)
    return MountSnapshot(
        path=mount.path,
        state=mount.state,
        opened_s=mount.opened_s,
        age_s=now - mount.opened_s,
        last_packet_s=mount.last_packet_s,
        publisher=publisher,
        readers=readers,
        tracks=tuple(snapshot_of_track(track) for track in mount.tracks),
        cached_bytes=0 if cache is None else cache.size_bytes,
        cached_s=0.0 if cache is None else cache.span_s,
        cache_overflows=0 if cache is None else cache.overflows,
        publishers_total=counters.publishers,
        readers_total=counters.readers,
        instant_starts=counters.instant_starts,
        late_starts=counters.late_starts,
        caught_up=counters.caught_up,
        catch_up_skips=counters.catch_up_skips,
        outlet_errors=counters.outlet_errors,
        dropped_packets=counters.dropped_packets
        + sum(reader.dropped_packets for reader in readers),
        dropped_bytes=counters.dropped_bytes + sum(reader.dropped_bytes for reader in readers),
        slow_disconnects=counters.slow_disconnects,
        kernel_drops=counters.kernel_drops + (publisher.kernel_drops if publisher else 0),
    )
