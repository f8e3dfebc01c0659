"""What fills one path: its source, or the first of its fallbacks that works."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from headwater.log_pace import paced_logger
from headwater.media.errors import MountBusy
from headwater.media.mount import Mount
from headwater.media.publisher import Feed
from headwater.media.tracks.track import Track
from headwater.protocol.errors import ProtocolError
from headwater.protocol.sdp import SessionDescription
from headwater.relay.errors import LimitReached, ServerStopping, SourceDown, SourceTooSlow
from headwater.side import Side
from headwater.sources.candidate import Candidate, SourceSurroundings
from headwater.sources.plan import PlannedSource
from headwater.sources.source import SourceError
from headwater.sources.source_end import SourceEnd

logger = paced_logger(__name__)

_REFUSED = (LimitReached, MountBusy, ProtocolError, ServerStopping)


class PathSource:
    """The sources of one path: which of them is wanted, and who waits for them.

    On demand it rests until somebody asks for the path, and again once the last reader has been
    gone for a while; else it is wanted from `start` to `stop`.

    Attributes:
        path: the path of its mount.
        planned: what the settings say.
        candidates: its sources, the first choice first.
    """

    def __init__(self, path: str, planned: PlannedSource, around: SourceSurroundings) -> None:
        self.path = path
        self.planned = planned
        self._around = around
        self.candidates = (Candidate(0, planned.settings.source, planned.settings, self, around),)
        self._live: tuple[Candidate, SourceEnd] | None = None
        self._waiters: set[asyncio.Future[None]] = set()
        self._wanted = False
        self._last_wanted_s = 0.0

    # -- what the table asks

    @property
    def live(self) -> Candidate | None:
        """The source whose packets readers get; None while there is none."""
        return None if self._live is None else self._live[0]

    @property
    def is_resting(self) -> bool:
        """Whether nobody wants it now and it may be tried at once when somebody does."""
        return not self._wanted and self._around.relay.clock() >= self._first.not_before_s

    @property
    def awaited(self) -> bool:
        """Whether readers wait for it."""
        return bool(self._waiters)

    def start(self, after: PathSource | None = None) -> None:
        """Want it, once `after`, which had the path before, has given everything back."""
        before = None if after is None else asyncio.ensure_future(after.stopped())
        self._wanted = True
        self._last_wanted_s = self._around.relay.clock()
        self._first.start(before)

    async def mount(self) -> Mount:
        """Return the mount once the source fills it, starting that where need be.

        Raises SourceDown where it cannot be had now, SourceTooSlow where it takes too long.
        """
        relay = self._around.relay
        waiter: asyncio.Future[None] = relay.loop.beneath.create_future()
        self._waiters.add(waiter)
        # No `asyncio.timeout`: a request is answered outside of a task as far as that goes.
        overdue = relay.loop.call_later(
            self.planned.settings.on_demand_start_s, self._too_slow, waiter
        )
        try:
            self._want()
            await waiter
        finally:
            overdue.cancel()
            self._waiters.discard(waiter)
            self._last_wanted_s = relay.clock()
        mount = relay.mounts.get(self.path)
        if mount is None:
            raise SourceDown(self.path)
        return mount

    def check(self, now: float) -> None:
        """Rest where nobody wants what is fetched on demand; once a second."""
        if not self._wanted or not self.planned.on_demand:
            return
        mount = self._around.relay.mounts.get(self.path)
        if self._waiters or (mount is not None and mount.readers):
            self._last_wanted_s = now
        elif now - self._last_wanted_s >= self.planned.settings.on_demand_linger_s:
            self._rest("no reader")

    def stop(self, reason: str, *, grace: bool) -> None:
        """Want it no more; with `grace` its readers wait for whoever fills the path next."""
        if self._live is not None:
            self._live[1].grace = grace
        self._rest(reason)
        self._answer_waiters(is_up=False)

    async def stopped(self) -> None:
        """Wait until everything of it is given back."""
        for candidate in self.candidates:
            await candidate.stopped()

    # -- what its candidates ask

    def begin(
        self, candidate: Candidate, presentation: SessionDescription, feed: Feed
    ) -> Sequence[Track]:
        """Let a source's packets into the mount. Raises SourceError where they cannot be."""
        tracks = self._put_live(candidate, presentation, feed)
        self._answer_waiters(is_up=True)
        return tracks

    def ended(self, candidate: Candidate, reason: str) -> None:
        """Let go of the mount where this source fills it."""
        if self._live is not None and self._live[0] is candidate:
            _, end = self._live
            self._live = None
            self._around.relay.close(end, reason)

    def failed(self) -> None:
        """Tell who waits that there is nothing to wait for."""
        if not all(each.is_down for each in self.candidates):
            return
        self._answer_waiters(is_up=False)
        if self.planned.on_demand and self._around.relay.mounts.get(self.path) is None:
            # Nobody waits any more; whoever asks next has it tried again.
            self._rest("down")

    # -- its own

    @property
    def _first(self) -> Candidate:
        return self.candidates[0]

    def _want(self) -> None:
        """Have it started. Raises SourceDown where it has just failed."""
        now = self._around.relay.clock()
        down = all(each.is_down for each in self.candidates)
        if self._live is None and down and now < self._first.not_before_s:
            raise SourceDown(self.path)
        if not self._wanted:
            self.start()
        elif self._live is not None:
            self._answer_waiters(is_up=True)

    def _too_slow(self, waiter: asyncio.Future[None]) -> None:
        if not waiter.done():
            waiter.set_exception(SourceTooSlow(self.path))

    def _rest(self, reason: str) -> None:
        self._wanted = False
        for candidate in self.candidates:
            candidate.stop(reason)

    def _put_live(
        self, candidate: Candidate, presentation: SessionDescription, feed: Feed
    ) -> Sequence[Track]:
        relay = self._around.relay
        try:
            relay.require_room(Side.PUBLISH, "", "")
        except _REFUSED as error:
            raise SourceError(str(error)) from error
        end = SourceEnd(
            relay, self.path, presentation, feed, candidate.kind, secure=candidate.secure
        )
        relay.open(end)
        try:
            relay.descriptions.give(end, presentation)
            end.begin()
        except BaseException as error:
            relay.close(end, "not begun")
            if isinstance(error, _REFUSED):
                raise SourceError(str(error)) from error
            raise
        mount = end.mount
        assert mount is not None  # noqa: S101 - it has just begun
        self._live = candidate, end
        return mount.tracks

    def _answer_waiters(self, *, is_up: bool) -> None:
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            if waiter.done():
                continue
            if is_up:
                waiter.set_result(None)
            else:
                waiter.set_exception(SourceDown(self.path))
