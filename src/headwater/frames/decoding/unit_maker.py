"""Packets of one track to what a decoder takes, with times and losses."""

from __future__ import annotations

from collections.abc import Callable

from headwater.codecs.configs import TrackConfig
from headwater.codecs.depacketizer import Depacketizer
from headwater.codecs.depacketizers import depacketizer_for
from headwater.frames.decoding.coded_unit import CodedUnit, LongTimestamps
from headwater.frames.decoding.errors import NotDecodable
from headwater.frames.decoding.wall_clock import WallClock
from headwater.media.tracks.packet_batch import PacketBatch
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
    """Makes units of one track's packets, over all its publishers."""

    def __init__(self, on_unit: OnUnit) -> None:
        self._on_unit = on_unit
        self._depacketizer: Depacketizer[TrackConfig] | None = None
        self._clock_rate_hz = 0
        self._wall_clock = WallClock(1)
        self._timestamps = LongTimestamps()
        self._lost_before = 0

    def begin(self, media: MediaDescription) -> None:
        """Take packets of this description from now on. Raises NotDecodable."""
        depacketizer = depacketizer_for(media)
        if depacketizer is None:
            raise NotDecodable(f"{media.encoding} cannot be decoded here")
        if self._depacketizer is not None:
            self._lost_before += self._depacketizer.counters.lost_packets
        self._depacketizer = depacketizer
        self._clock_rate_hz = media.clock_rate_hz
        self._wall_clock = WallClock(media.clock_rate_hz)
        self._timestamps = LongTimestamps()

    def take(self, batch: PacketBatch) -> None:
        """Take RTP packets."""
        depacketizer = self._depacketizer
        if depacketizer is None:
            return
        for packet in batch.packets:
            for unit in depacketizer.feed(packet):
                config = depacketizer.config
                if config is None:
                    continue
                coded = CodedUnit(
                    unit=unit,
                    position=self._timestamps.extend(unit.timestamp),
                    arrived_s=batch.arrived_s,
                    wall_time=self._wall_clock.at(unit.timestamp),
                    lost_packets=self._lost_before + depacketizer.counters.lost_packets,
                    size_bytes=sum([len(part) for part in unit.units]),
                )
                self._on_unit(coded, config, self._clock_rate_hz)

    def take_rtcp(self, batch: PacketBatch) -> None:
        """Take compound RTCP packets of the publisher."""
        for compound in batch.packets:
            self._wall_clock.take(compound)
