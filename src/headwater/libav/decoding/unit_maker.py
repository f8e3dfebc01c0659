"""Access units of one track to what a decoder takes, with times and losses."""

from __future__ import annotations

from collections.abc import Callable

from headwater.codecs.configs import TrackConfig
from headwater.codecs.depacketizers import depacketizer_for
from headwater.feeds.fed_unit import FedUnit
from headwater.libav.decoding.coded_unit import CodedUnit, LongTimestamps
from headwater.libav.decoding.errors import NotDecodable
from headwater.libav.decoding.wall_clock import WallClock, WallTime
from headwater.media.tracks.track import Track
from headwater.protocol.sdp import MediaDescription, SessionDescription

OnUnit = Callable[[CodedUnit, TrackConfig, int], None]
"""Called with a unit, what sets up its decoder, and its track's clock rate in Hz."""


def decodable_track(presentation: SessionDescription, kind: str, track: int | None) -> int:
    """Return the index of the track to decode: the one asked for, or the first of its kind.

    Args:
        presentation: of the mount.
        kind: `video` or `audio`.
        track: the index, where the program chose one.

    Raises:
        NotDecodable: there is none.
    """
    names = [
        f"{media.kind} {media.encoding or 'of an unknown codec'}" for media in presentation.media
    ]
    for index, media in enumerate(presentation.media):
        wanted = media.kind == kind if track is None else index == track
        if wanted and depacketizer_for(media) is not None:
            return index
    asked = f"{kind} track" if track is None else f"track {track}"
    raise NotDecodable(f"no {asked} that can be decoded; the mount has: {', '.join(names)}")


class UnitMaker:
    """Adds times and losses to the access units of one track, over all its publishers."""

    def __init__(self, on_unit: OnUnit) -> None:
        self._on_unit = on_unit
        self._timestamps = LongTimestamps()
        self._wall_clock = WallClock(1)
        self._clock_rate_hz = 1
        self._lost_before = 0
        self._lost = 0

    def begin(self, media: MediaDescription) -> None:
        """Take access units of a mount's track from now on."""
        self._clock_rate_hz = media.clock_rate_hz
        self._wall_clock = WallClock(media.clock_rate_hz)
        self._timestamps = LongTimestamps()
        self._lost_before += self._lost
        self._lost = 0

    def take(self, fed: FedUnit, track: Track, lost_packets: int) -> None:
        """Take the next access unit.

        Args:
            fed: the access unit.
            track: its track, which knows the camera's clock.
            lost_packets: of the track, up to here.
        """
        if fed.config is None:
            return
        if lost_packets < self._lost:
            # Another publisher, who is counted anew.
            self._lost_before += self._lost
        self._lost = lost_packets
        unit = fed.unit
        coded = CodedUnit(
            unit=unit,
            position=self._timestamps.extend(unit.timestamp),
            arrived_s=fed.arrived_s,
            wall_time=self._wall_time(unit.timestamp, track),
            lost_packets=self._lost_before + lost_packets,
            size_bytes=sum([len(part) for part in unit.units]),
        )
        self._on_unit(coded, fed.config, self._clock_rate_hz)

    def _wall_time(self, timestamp: int, track: Track) -> WallTime | None:
        # The relay's own reports tell when packets came, not when pictures were taken.
        position = track.position if track.publisher_has_reported else None
        if position is not None and position.clock.report is not None:
            self._wall_clock.take(position.clock.report)
        return self._wall_clock.at(timestamp)
