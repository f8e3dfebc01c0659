"""What is known of a decoded frame, be it picture or sound."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from headwater.libav.decoding.coded_unit import CodedUnit
from headwater.libav.decoding.place import Place


class Missed(NamedTuple):
    """What a program did not get between the frame before and this one."""

    skipped: int
    """Frames that were decoded and passed over."""
    gap: int
    """Packets that were lost on the way to the server."""
    undecoded: int
    """Access units that were not decoded."""


class DecodedFrame:
    """The places and times of a frame.

    Attributes:
        index: how many frames of this source were decoded before it.
        skipped: how many of them were decoded and passed over since the frame before this one.
        gap: how many packets were lost on the way to the server since the frame before this one.
        undecoded: how many frames since the frame before this one were not decoded, since the
            decoder was too slow, failed, or was started again.
        pts_s: when it is shown or heard, in seconds since the first frame of the source.
    """

    __slots__ = ("_unit", "gap", "index", "pts_s", "skipped", "undecoded")

    def __init__(self, unit: CodedUnit, place: Place, missed: Missed) -> None:
        self._unit = unit
        self.index = place.index
        self.pts_s = place.pts_s
        self.skipped, self.gap, self.undecoded = missed

    @property
    def rtp_timestamp(self) -> int:
        """As readers of the mount get it: 32 bits, in units of the track's clock rate."""
        return self._unit.unit.timestamp

    @property
    def arrived_s(self) -> float:
        """When its last packet came, in seconds of `time.monotonic`."""
        return self._unit.arrived_s

    @property
    def wallclock(self) -> datetime | None:
        """When the camera took it by the camera's own clock, in UTC; None before it told."""
        wall_time = self._unit.wall_time
        return None if wall_time is None else wall_time.at

    @property
    def wallclock_trusted(self) -> bool:
        """Whether the camera's reports are recent, agree with each other, and its date is set."""
        wall_time = self._unit.wall_time
        return wall_time is not None and wall_time.trusted
