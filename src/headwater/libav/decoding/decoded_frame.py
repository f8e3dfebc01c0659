"""What is known of a decoded frame, be it picture or sound."""

from __future__ import annotations

from datetime import datetime

from headwater.libav.decoding.coded_unit import CodedUnit


class DecodedFrame:
    """The places and times of a frame.

    Attributes:
        index: how many frames of this source were decoded before it.
        skipped: how many of them were decoded and passed over since the frame before this one.
        gap: how many packets were lost on the way to the server since the frame before this one.
        pts_s: when it is shown or heard, in seconds since the first frame of the source.
    """

    __slots__ = ("_unit", "gap", "index", "pts_s", "skipped")

    def __init__(
        self, unit: CodedUnit, *, index: int, pts_s: float, skipped: int, gap: int
    ) -> None:
        self._unit = unit
        self.index = index
        self.pts_s = pts_s
        self.skipped = skipped
        self.gap = gap

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
