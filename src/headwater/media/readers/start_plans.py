"""The plans of readers that begin between the same two packets: made once for all of them."""

from __future__ import annotations

from collections.abc import Sequence

from headwater.media.clock import Clock
from headwater.media.gop_cache import GopCache
from headwater.media.readers.start_plan import StartPlan, cached_plan, live_plan
from headwater.media.tracks.track import Track

_TRUE_FOR_S = 0.5
"""A plan goes by how long tracks have been silent: so much more makes no difference."""


class StartPlans:
    """Where readers begin on some tracks now; the same plan until a packet or a report comes."""

    __slots__ = ("_clock", "_made_s", "_plans", "_stand", "_tracks")

    def __init__(self, tracks: Sequence[Track], clock: Clock) -> None:
        self._tracks = tracks
        self._clock = clock
        self._plans: dict[tuple[tuple[int, ...], int | None], StartPlan] = {}
        # How far the tracks had come, and when.
        self._stand: list[object] = []
        self._made_s = 0.0

    def forget(self) -> None:
        """Make the next plan anew."""
        self._plans.clear()

    def plan(
        self, track_indexes: Sequence[int], cache: GopCache | None, place: int | None
    ) -> StartPlan:
        """Return the plan for a reader that begins at a place of the cache; None is live."""
        stand: list[object] = []
        for track in self._tracks:
            stand += (track.counters.packets, track.last_report)
        now = self._clock()
        if stand != self._stand or not 0 <= now - self._made_s <= _TRUE_FOR_S:
            self._stand, self._made_s = stand, now
            self._plans.clear()
        key = tuple(track_indexes), place
        plan = self._plans.get(key)
        if plan is None:
            tracks = [self._tracks[index] for index in track_indexes]
            plan = self._plans[key] = (
                live_plan(tracks, now)
                if cache is None or place is None
                else cached_plan(tracks, cache, place)
            )
        return plan
