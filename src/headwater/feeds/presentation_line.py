"""The line of time that all tracks of a presentation have in common, for one who plays it."""

from __future__ import annotations

from headwater.codecs.depacketizers import TrackFormat
from headwater.codecs.frame_times import LineStart
from headwater.feeds.fed_unit import FedUnit
from headwater.media.mount import Mount
from headwater.media.tracks.timeline import Timeline, TrackClock

LEAD_S = 1.0
"""The line begins that long before its first frame: sound may be of a time a little before the
picture, and pictures that are shown late are decoded early."""
_MASK = 0xFFFFFFFF


class PresentationLine:
    """Ties the RTP clocks of a mount's tracks together, from the first frame that was given.

    Sender reports tell how they hang together where they are credible, else arrival does.

    Args:
        mount: whose tracks they are.
        first: the first access unit of any track.
        now: the mount's clock.
        unix_s: the wall clock at this moment.

    Attributes:
        begins_s: the line's start on the mount's clock.
        begins_unix_s: the same by the wall clock of this server.
    """

    __slots__ = ("_anchor", "_first", "_mount", "begins_s", "begins_unix_s")

    def __init__(self, mount: Mount, first: FedUnit, *, now: float, unix_s: float) -> None:
        self._mount = mount
        self._first = first
        self._anchor = first.track
        self.begins_s = first.arrived_s - LEAD_S
        self.begins_unix_s = unix_s - (now - self.begins_s)

    def start_of(self, fed: FedUnit) -> LineStart:
        """Return where the line of a track begins, by its first access unit."""
        clock = self._clock_of(fed)
        if fed.track == self._anchor:
            first = self._first.unit.timestamp
            timestamp = first - round(LEAD_S * clock.clock_rate_hz) & _MASK
        else:
            clocks = {self._anchor: self._clock_of(self._first), fed.track: clock}
            timestamp = Timeline(clocks, self._anchor).timestamp_at(fed.track, self.begins_s)
        return LineStart(timestamp, self.begins_s)

    def clock_rate_of(self, track_index: int) -> int:
        """Return how many units of a track's RTP timestamps are a second."""
        return TrackFormat.of(self._mount.tracks[track_index].media).clock_rate_hz

    def _clock_of(self, fed: FedUnit) -> TrackClock:
        track = self._mount.tracks[fed.track]
        position = track.position
        report = None if position is None else position.clock.report
        return TrackClock(self.clock_rate_of(fed.track), fed.unit.timestamp, fed.arrived_s, report)
