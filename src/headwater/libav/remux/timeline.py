"""One time line for all that is sent: sources step, restart and go round, the server sees none."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

_LIVE_JUMP_S: Final = 5
"""How far a live source's times may run ahead of the clock before they are taken for a step."""
_FILE_JUMP_S: Final = 600
"""Longest pause between two packets of a file: slides may stand for minutes."""
_LEAST_STEP_S: Final = Fraction(1, 1000)


@dataclass(slots=True)
class _Track:
    at_s: Fraction
    now_s: float
    duration_s: Fraction
    offset_s: Fraction


class Timeline:
    """Places packets in seconds from the first; times of one track always rise.

    Cameras set their clock, libav moves to a camera's own clock at the first RTCP sender report
    (back by 0.1 s and more), recordings have cuts. Where a track's times step back, or ahead of
    what the clock explains, the track goes on: live by the time that has gone by, so that its
    tracks stay together, and in a file by the packet before it.
    """

    def __init__(self, *, live: bool) -> None:
        self._live = live
        self._tracks: dict[int, _Track] = {}
        self._shift_s: Fraction | None = None
        self._end_s = Fraction(0)
        self.steps = 0
        """How often a track's times had to be put right."""

    def begin_round(self) -> None:
        """Begin the source again: what comes next follows what came last."""
        self._shift_s = None
        for track in self._tracks.values():
            track.offset_s = Fraction(0)

    def place(self, index: int, dts_s: Fraction, duration_s: Fraction, now_s: float) -> Fraction:
        """Return the time of a track's next packet, by its decoding time and the clock."""
        if self._shift_s is None:
            self._shift_s = self._end_s - dts_s
        at_s = dts_s + self._shift_s
        track = self._tracks.get(index)
        if track is None:
            track = self._tracks[index] = _Track(at_s, now_s, duration_s, Fraction(0))
        else:
            at_s += track.offset_s
            passed_s = Fraction(max(0.0, now_s - track.now_s))
            most_s = passed_s + _LIVE_JUMP_S if self._live else _FILE_JUMP_S
            if not 0 < at_s - track.at_s <= most_s:
                step_s = max(passed_s if self._live else track.duration_s, _LEAST_STEP_S)
                track.offset_s += track.at_s + step_s - at_s
                at_s = track.at_s + step_s
                self.steps += 1
            track.at_s, track.now_s, track.duration_s = at_s, now_s, duration_s
        self._end_s = max(self._end_s, at_s + duration_s)
        return at_s
