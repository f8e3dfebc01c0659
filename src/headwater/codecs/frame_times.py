"""When frames are decoded and shown, on a line that goes on whatever the sender's clock does.

RTP timestamps have 32 bits and say when a frame is shown. Files want the decode time of each frame,
which never goes back, and players want a line without steps that are none of the media's: cameras
set their clocks, and number sound by the clock of a wall instead of by samples.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from heapq import heappush, heappushpop
from typing import NamedTuple

from headwater.codecs.access_unit import AccessUnit

_HALF, _MASK = 0x80000000, 0xFFFFFFFF
_MOST_REORDER = 16
"""ITU-T H.264 §A.3.1: no more pictures wait for those that are shown before them."""
_MOST_AHEAD_S = 10.0
"""A frame that is later by more follows a step of the sender's clock: cameras that set it by NTP
while they send, and those that Home Assistant plays by the time of arrival."""
_MOST_BEHIND_S = 0.5
"""And so does one that is earlier by more, where pictures come in their order."""
_MOST_BEHIND_REORDERED_S = 2.0
_OFF_S = 0.05
"""Sound follows sound by its samples while its timestamps are no further off: cameras in
reports to Home Assistant number it by a clock, 12 units more now and 12 less then."""
_ASSUMED_PICTURES_HZ = 25


@dataclass(frozen=True, slots=True)
class LineStart:
    """Where a track's line begins: what all tracks of a presentation have in common.

    Attributes:
        timestamp: the track's RTP timestamp at the start.
        instant_s: the same instant on the clock by which frames arrive, in seconds.
    """

    timestamp: int
    instant_s: float


class FrameTime(NamedTuple):
    """The times of one frame, in units of the track's clock rate since the line's start."""

    decode_time: int
    offset: int
    """How much later than at its decode time it is shown; 0 or more but after a mistake of the
    sender's."""
    duration: int
    """Until the next frame, as far as it can be known before that is there."""


class FrameTimes(ABC):
    """Gives the frames of one track their times.

    Args:
        clock_rate_hz: units of the RTP timestamp per second.
        start: where the line begins.

    Attributes:
        steps: how often the sender's clock made a step, which the line does not follow: it goes on
            by the time that has passed.
    """

    __slots__ = (
        "_ahead",
        "_arrived_s",
        "_clock_rate_hz",
        "_duration",
        "_shown",
        "_timestamp",
        "steps",
    )

    def __init__(self, clock_rate_hz: int, start: LineStart) -> None:
        self._clock_rate_hz = clock_rate_hz
        self._timestamp = start.timestamp
        self._arrived_s = start.instant_s
        self._shown = 0
        self._ahead = round(_MOST_AHEAD_S * clock_rate_hz)
        self._duration = max(1, clock_rate_hz // _ASSUMED_PICTURES_HZ)
        self.steps = 0

    @abstractmethod
    def place(self, unit: AccessUnit, arrived_s: float) -> FrameTime | None:
        """Return the times of the next frame in decoding order; None where it has none.

        Args:
            unit: the frame.
            arrived_s: when its packets came.
        """

    def _passed(self, arrived_s: float) -> int:
        """Return how far the line goes on over a step of the sender's clock."""
        self.steps += 1
        passed = round((arrived_s - self._arrived_s) * self._clock_rate_hz)
        return max(self._duration, min(passed, self._ahead))


class PictureTimes(FrameTimes):
    """Times of pictures, of which some may be shown later than others that follow them.

    Args:
        clock_rate_hz: as for `FrameTimes`.
        start: as for `FrameTimes`.
        reorder: how many pictures may wait for one that is shown before them; None where the stream
            does not tell: found out then.
        frame_rate_hz: where the stream tells it.
    """

    __slots__ = ("_behind", "_decoded", "_is_told", "_reorder", "_waiting")

    def __init__(
        self,
        clock_rate_hz: int,
        start: LineStart,
        *,
        reorder: int | None = None,
        frame_rate_hz: float | None = None,
    ) -> None:
        super().__init__(clock_rate_hz, start)
        if frame_rate_hz:
            self._duration = max(1, min(round(clock_rate_hz / frame_rate_hz), self._ahead))
        self._decoded = -1
        # Times at which pictures are shown that are decode times of those that follow: as many as
        # may wait. The smallest of them is the next decode time.
        self._waiting: list[int] = []
        self._reorder = 0
        self._behind = 1
        self.tell_reorder(reorder)

    def tell_reorder(self, reorder: int | None) -> None:
        """Take what the stream says from now on: how many pictures may wait for another."""
        self._is_told = reorder is not None
        self._waiting.clear()
        self._allow(min(reorder or 0, _MOST_REORDER))

    def place(self, unit: AccessUnit, arrived_s: float) -> FrameTime:
        """See `FrameTimes.place`."""
        timestamp = unit.timestamp
        step = (timestamp - self._timestamp + _HALF & _MASK) - _HALF
        if unit.bidirectional and not self._reorder and not self._is_told:
            self._allow(1)
        if not self._behind <= step <= self._ahead:
            step = self._stepped(step, arrived_s)
        self._timestamp = timestamp
        self._arrived_s = arrived_s
        shown = self._shown = self._shown + step
        decoded = self._next_decoded(shown) if self._reorder else shown
        last = self._decoded
        if decoded <= last:
            decoded = last + 1
        elif last >= 0:
            self._duration = decoded - last
        self._decoded = decoded
        return FrameTime(decoded, shown - decoded, self._duration)

    def _allow(self, reorder: int) -> None:
        self._reorder = reorder
        self._behind = -round(_MOST_BEHIND_REORDERED_S * self._clock_rate_hz) if reorder else 1

    def _next_decoded(self, shown: int) -> int:
        waiting = self._waiting
        if not waiting and self._decoded < 0:
            # Those that would have come before the first.
            before = range(self._reorder, 0, -1)
            waiting += [max(0, shown - index * self._duration) for index in before]
        elif not waiting:
            # At once behind the last, which is before all that are still to be shown.
            waiting += [self._decoded] * self._reorder
        elif shown < self._decoded and len(waiting) < _MOST_REORDER and not self._is_told:
            heappush(waiting, shown)
            return self._decoded + 1
        return heappushpop(waiting, shown)

    def _stepped(self, step: int, arrived_s: float) -> int:
        if step > self._ahead or step < -round(_MOST_BEHIND_S * self._clock_rate_hz):
            self._waiting.clear()
            return self._passed(arrived_s)
        # The same time twice, or a little back: at once behind the one before.
        return 1


class SoundTimes(FrameTimes):
    """Times of frames of sound, which follow each other by their samples.

    Args:
        clock_rate_hz: as for `FrameTimes`.
        start: as for `FrameTimes`.

    Attributes:
        dropped: frames that came for a time that was over: their sender's clock is slow.
    """

    __slots__ = ("_following", "_off", "dropped")

    def __init__(self, clock_rate_hz: int, start: LineStart) -> None:
        super().__init__(clock_rate_hz, start)
        self._off = round(_OFF_S * clock_rate_hz)
        # When the next frame is to begin; -1 before the first.
        self._following = -1
        self.dropped = 0

    def place(self, unit: AccessUnit, arrived_s: float) -> FrameTime | None:
        """See `FrameTimes.place`."""
        timestamp = unit.timestamp
        step = (timestamp - self._timestamp + _HALF & _MASK) - _HALF
        if unit.duration:
            self._duration = min(unit.duration, self._ahead)
        if not -self._ahead // 20 <= step <= self._ahead:
            step = self._passed(arrived_s)
        self._timestamp = timestamp
        self._arrived_s = arrived_s
        shown = self._shown = self._shown + step
        off = shown - self._following
        if self._following < 0:
            begins = max(0, shown)
        elif -self._off <= off <= self._off:
            begins = self._following
        elif off > 0:
            begins = shown
        else:
            self.dropped += 1
            return None
        self._following = begins + self._duration
        return FrameTime(begins, 0, self._duration)
