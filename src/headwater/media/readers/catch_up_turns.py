"""When each of those who are on their way to the live packets has its turn, on all mounts."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from operator import attrgetter

from headwater.media.clock import CallLater, Clock, Timer
from headwater.media.readers.convoy import TICK_S, Arrival, Convoy, Parting
from headwater.media.readers.reader import Reader
from headwater.media.readers.stretch import Stretch
from headwater.media.settings import MountSettings

SLICE_S = 0.002
"""So long it sends in one go. Then live packets and requests that came meanwhile have their turn,
however many readers are on their way."""

_LEAST_SHARE = 0.5
"""But no less than this part of the time that all else has taken since the last slice left somebody
waiting. Turns of a loop that has much to do are long: with a fixed slice in each, those who are on
their way would get less than comes in meanwhile, and what waits for them would grow and grow."""
_LONGEST_SLICE_S = 0.02
"""However long the turn was: media that came meanwhile waits no longer than this."""

_furthest_first = attrgetter("number")


def no_live() -> None:
    """Relay nothing: there is nobody whose live packets could wait."""


def _share_s(others_s: float) -> float:
    """How long those on their way may send for what all else has taken."""
    return min(_LEAST_SHARE * others_s, _LONGEST_SLICE_S)


class CatchUpTurns:
    """One timer for the readers of all mounts that are on their way to the live packets.

    Those who have got least come first, so that everybody's first picture is there early. Where
    there is more to send than time for it, those in front wait until the others have come to the
    same place; from there on they are one convoy: under load convoys grow by themselves.
    """

    def __init__(
        self, clock: Clock, call_later: CallLater, relay_live: Callable[[], None] = no_live
    ) -> None:
        """`relay_live` relays live packets that wait: they have their turn between two steps."""
        self._clock = clock
        self._relay_live = relay_live
        self._call_later = call_later
        self._convoys: dict[Convoy, None] = {}
        self._convoy_of: dict[Reader, Convoy] = {}
        # The one that the next reader of a stretch may go with.
        self._forming: dict[Stretch, Convoy] = {}
        # Whose turn it is in this round, the next one last.
        self._round: list[Convoy] = []
        self._timer: Timer | None = None
        self._timer_s = 0.0
        self._busy = False
        # When somebody was sent something last.
        self._stepped_s = -math.inf
        # When the last slice ended that was too short for all; None where it was not.
        self._cut_off_s: float | None = None

    def __len__(self) -> int:
        """How many readers are on their way in convoys."""
        return len(self._convoy_of)

    def join(
        self,
        reader: Reader,
        stretch: Stretch,
        settings: MountSettings,
        *,
        video: Collection[int],
        arrival: Arrival,
    ) -> None:
        """Send a reader the stretch from its beginning on: at once, unless others came just now."""
        now = self._clock()
        ways = tuple([reader.way(index) for index in sorted(stretch.tracks)])
        convoy = self._forming.get(stretch)
        if convoy is None or not convoy.takes_more or convoy.ways != ways:
            convoy = Convoy(
                stretch, ways, settings, paced=reader.needs_pacing, video=video, now=now
            )
            if None not in ways:
                self._forming[stretch] = convoy
                if stretch.travellers:
                    # Who comes within a tick of the first goes along.
                    convoy.due_s = now + TICK_S
            stretch.enter()
            self._convoys[convoy] = None
        stretch.travellers += 1
        convoy.add(reader, arrival)
        self._convoy_of[reader] = convoy
        alone = len(self._convoys) == 1 and len(convoy) == 1
        if alone and not self._busy and now - self._stepped_s >= TICK_S:
            self._step(convoy, now)
        if len(convoy):
            self._arm(convoy.due_s)

    def leave(self, reader: Reader) -> Parting | None:
        """Send a reader nothing more; None for one that is not, or no more, in a convoy."""
        convoy = self._convoy_of.pop(reader, None)
        if convoy is None:
            return None
        convoy.stretch.travellers -= 1
        parting = convoy.remove(reader) if reader in convoy.members else None
        self._forget_if_empty(convoy)
        if not self._convoys and self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return parting

    def _forget_if_empty(self, convoy: Convoy) -> None:
        if len(convoy) or convoy not in self._convoys:
            return
        del self._convoys[convoy]
        stretch = convoy.stretch
        stretch.depart(convoy.number)
        if self._forming.get(stretch) is convoy:
            del self._forming[stretch]

    def _turn(self) -> None:
        self._timer = None
        now = self._clock()
        if not self._round:
            self._round = self._due(now)
        try:
            self._serve(now)
        finally:
            if self._round:
                self._arm(now)
            elif self._convoys:
                self._arm(min([convoy.due_s for convoy in self._convoys]))

    def _serve(self, now: float) -> None:
        """Have those whose turn it is send, until the slice is over."""
        waiting = self._round
        until_s = now + self._slice_s(now)
        while waiting and now < until_s:
            convoy = waiting.pop()
            if not len(convoy):
                continue
            while waiting and convoy.goes_with(waiting[-1]):
                self._unite(convoy, waiting.pop())
            self._step(convoy, now)
            stepped_s = self._clock()
            self._relay_live()
            now = self._clock()
            # What live packets took is no part of the slice: it was else's, as between two slices.
            until_s += now - stepped_s + _share_s(now - stepped_s)
        self._cut_off_s = now if waiting else None

    def _slice_s(self, now: float) -> float:
        if self._cut_off_s is None:
            return SLICE_S
        return max(SLICE_S, _share_s(now - self._cut_off_s))

    def _due(self, now: float) -> list[Convoy]:
        due = [convoy for convoy in self._convoys if convoy.due_s <= now]
        due.sort(key=_furthest_first, reverse=True)
        return due

    def _unite(self, convoy: Convoy, other: Convoy) -> None:
        for reader in other.members:
            self._convoy_of[reader] = convoy
        convoy.absorb(other)
        self._forget_if_empty(other)

    def _step(self, convoy: Convoy, now: float) -> None:
        if self._forming.get(convoy.stretch) is convoy:
            del self._forming[convoy.stretch]
        self._busy = True
        self._stepped_s = now
        try:
            convoy.step(now)
        finally:
            self._busy = False
        self._forget_if_empty(convoy)

    def _arm(self, due_s: float) -> None:
        """Have the timer go off no later than when the next one is due."""
        if self._timer is not None:
            if self._timer_s <= due_s:
                return
            self._timer.cancel()
        self._timer_s = due_s
        self._timer = self._call_later(max(0.0, due_s - self._clock()), self._turn)
