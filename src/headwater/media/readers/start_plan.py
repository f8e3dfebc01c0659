"""Where a reader begins on each of its tracks: what PLAY's RTP-Info says, then what is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from headwater.media.gop_cache import GopCache
from headwater.media.tracks.packet_batch import PacketBatch
from headwater.media.tracks.timeline import Timeline, TrackClock, anchor_of
from headwater.media.tracks.track import Track
from headwater.protocol.rtp import sequence_number, ssrc, timestamp


@dataclass(frozen=True, slots=True)
class StartPoint:
    """Where one track begins, for RTP-Info (RFC 2326 §12.33).

    Attributes:
        seq: sequence number of the first packet the reader gets; None when the track has never
            carried a packet, and RTP-Info must then leave the value out.
        rtptime: RTP timestamp of the instant at which the presentation begins for this reader,
            the same instant for all tracks; None together with `seq`. No track's first packet
            lies before it: players that count in unsigned numbers would see hours between.
        first_timestamp: of the first packet, where it is known already.
    """

    seq: int | None
    rtptime: int | None
    first_timestamp: int | None = None


NOWHERE = StartPoint(None, None)

_MOST_LAG_S = 2.0
"""Tracks whose last packet lies further back are silent, not late."""

_MOST_LOOKED_AT = 4_096
"""Packets of other sources that may come before a track's main one; with more the first counts."""

_REORDER_S = 0.2
"""The next packet's timestamp may lie before the last one's by less: with B-frames, or where the
network let one packet overtake another.

RFC 2326 §12.33 promises no packet at rtptime, so players lose nothing by one that is early."""


@dataclass(frozen=True, slots=True)
class StartPlan:
    """What a reader will get first; made by `Mount.plan_start`, carried out by `start_reader`.

    Attributes:
        points: per track index where it begins.
        place: where in the cache's log the kept packets begin that are sent first; None to begin
            with the next packet that comes.
    """

    points: Mapping[int, StartPoint]
    place: int | None = None

    @property
    def track_indexes(self) -> tuple[int, ...]:
        """The tracks that the reader set up."""
        return tuple(self.points)


def live_plan(tracks: Sequence[Track], now: float) -> StartPlan:
    """Begin with whatever comes next."""
    positions = {
        track.index: position for track in tracks if (position := track.position) is not None
    }
    if not positions:
        return StartPlan({track.index: NOWHERE for track in tracks})
    clocks = {index: position.clock for index, position in positions.items()}
    timeline = Timeline(clocks, anchor_of(clocks))
    begin_s = _beginning(timeline, now) - _REORDER_S
    points = {
        track.index: StartPoint(
            positions[track.index].next_seq, timeline.timestamp_at(track.index, begin_s)
        )
        if track.index in positions
        else NOWHERE
        for track in tracks
    }
    return StartPlan(points)


def cached_plan(tracks: Sequence[Track], cache: GopCache, place: int) -> StartPlan:
    """Begin at a place of `cache`, at which there is a key frame of one of `tracks`."""
    entries = cache.entries_from(place, [track.index for track in tracks])
    clocks: dict[int, TrackClock] = {}
    seqs: dict[int, int] = {}
    firsts: dict[int, int] = {}
    positions = {track.index: track.position for track in tracks}
    sources = {
        index: None if position is None else position.ssrc for index, position in positions.items()
    }
    anchor, first = next(entries)
    kept = _first_packets(chain([(anchor, first)], entries), sources)
    for track in tracks:
        position = positions[track.index]
        if track.index in kept:
            packet, arrived_s = kept[track.index]
            clocks[track.index] = track.clock_of(packet, arrived_s)
            seqs[track.index] = sequence_number(packet)
            firsts[track.index] = timestamp(packet)
        elif position is not None:
            clocks[track.index] = position.clock
            seqs[track.index] = position.next_seq
    timeline = Timeline(clocks, anchor)
    begin_s = _beginning(timeline, clocks[anchor].arrived_s)
    points = {
        index: StartPoint(seqs[index], timeline.timestamp_at(index, begin_s), firsts.get(index))
        if index in seqs
        else NOWHERE
        for index in (track.index for track in tracks)
    }
    return StartPlan(points, place)


def _beginning(timeline: Timeline, latest_s: float) -> float:
    """Return the earliest instant of the tracks' packets: muxers send sound in bursts, late.

    A track that has been silent for long does not count: its next packet will be of its time.
    """
    beginning_s = latest_s
    for instant_s in timeline.instants.values():
        if latest_s - _MOST_LAG_S <= instant_s < beginning_s:
            beginning_s = instant_s
    return beginning_s


def _first_packets(
    entries: Iterable[tuple[int, PacketBatch]], sources: Mapping[int, int | None]
) -> dict[int, tuple[bytes, float]]:
    """Return the first kept packet of each track, of its main source if near, and its time."""
    found: dict[int, tuple[bytes, float]] = {}
    wanted = dict(sources)
    looked_at = dict.fromkeys(sources, 0)
    for index, batch in entries:
        if index not in wanted:
            continue
        source = wanted[index]
        packet = next((each for each in batch.look() if ssrc(each) == source), None)
        if packet is None:
            found.setdefault(index, (next(batch.look()), batch.arrived_s))
            looked_at[index] += len(batch)
        else:
            found[index] = packet, batch.arrived_s
        if packet is not None or looked_at[index] >= _MOST_LOOKED_AT:
            del wanted[index]
            if not wanted:
                break
    return found
