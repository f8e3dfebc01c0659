"""What fills one path: its source, or the first of its fallbacks that works."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from headwater.log_pace import paced_logger
from headwater.media.clock import Timer
from headwater.media.errors import MountBusy
from headwater.media.mount import Mount
from headwater.media.publisher import Feed
from headwater.media.tracks.track import Track
from headwater.protocol.errors import ProtocolError
from headwater.protocol.sdp import SessionDescription
from headwater.relay.errors import LimitReached, ServerStopping, SourceDown, SourceTooSlow
from headwater.shown_text import shown
from headwater.side import Side
from headwater.sources.candidate import Candidate
from headwater.sources.meter import SourceMeter
from headwater.sources.plan import PlannedSource
from headwater.sources.rehearsal import Rehearsal
from headwater.sources.snapshot import SourceSnapshot, candidate_snapshot
from headwater.sources.source import Retry, SourceError
from headwater.sources.source_end import SourceEnd
from headwater.sources.surroundings import SourceSurroundings

logger = paced_logger(__name__)

_PATIENCE_S = 1.5
"""How long readers wait for one source before the next is tried beside it: one that is down says so
in less, and one that hangs would not until its answer is overdue."""
_REFUSED = (LimitReached, MountBusy, ProtocolError, ServerStopping)


class PathSource:
    """The sources of one path: which of them is wanted, which is live, and who waits for them.

    Wanted are the first choice, and the fallbacks behind those that are down or keep readers
    waiting. A fallback goes live for them; a source before it takes over again: with its next key
    frame where it was only late, and once it has run for a while where it was down.

    On demand all rest until somebody asks for the path, and again once the last reader has been
    gone for a while.

    Attributes:
        path: the path of its mount.
        planned: what the settings say.
        candidates: its sources, the first choice first.
    """

    def __init__(self, path: str, planned: PlannedSource, around: SourceSurroundings) -> None:
        self.path = path
        self.planned = planned
        self._around = around
        settings = planned.settings
        # The pinned certificate is that of the first choice, and so is what is played of it.
        other = replace(settings, fingerprint="", range="")
        self.candidates = (
            Candidate(0, settings.source, settings, self, around, planned.reach),
            *(
                Candidate(order, url, other, self, around, planned.reach)
                for order, url in enumerate(settings.fallback, start=1)
            ),
        )
        self._live: tuple[Candidate, SourceEnd] | None = None
        self._rehearsed: tuple[Candidate, Rehearsal] | None = None
        self._meter = SourceMeter()
        self._waiters: set[asyncio.Future[None]] = set()
        self._patience: Timer | None = None
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
        return not self._wanted and not self._is_down

    @property
    def awaited(self) -> bool:
        """Whether readers wait for it."""
        return bool(self._waiters)

    def start(self, after: PathSource | None = None) -> None:
        """Want it, once `after`, which had the path before, has given everything back."""
        loop = self._around.relay.loop.beneath
        before = None if after is None else loop.create_task(after.stopped())
        self._wanted = True
        self._last_wanted_s = now = self._around.relay.clock()
        for candidate in self.candidates:
            # One that may not be tried yet is not waited for.
            candidate.is_down = candidate.not_before_s > now
        self._first.start(before)
        self._arrange()

    def want(self) -> None:
        """Have it started where it may be tried, for a program that waits for the mount itself."""
        if not self._wanted and not self._is_down:
            self.start()

    async def mount(self) -> Mount:
        """Return the mount once a source fills it, starting that where need be.

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
            self._be_patient()
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
        """Measure what comes; rest where nobody wants what is fetched on demand. Once a second."""
        mount = self._around.relay.mounts.get(self.path)
        if self._live is not None and mount is not None:
            self._meter.look(now, mount.tracks)
        if not self._wanted or not self.planned.on_demand:
            return
        if self._waiters or (mount is not None and mount.has_demand):
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

    def snapshot(self) -> SourceSnapshot:
        """Return how it is now, to keep and to use from any thread."""
        now = self._around.relay.clock()
        live = self._live
        return SourceSnapshot(
            path=self.path,
            on_demand=self.planned.on_demand,
            live="" if live is None else live[0].name,
            sources=tuple(
                candidate_snapshot(each, now, is_live=each is self.live) for each in self.candidates
            ),
            session="" if live is None else live[1].id,
            transport="" if live is None else live[1].feed.transport,
            reception=None if live is None else self._meter.reception(now),
        )

    # -- what its candidates ask

    def begin(
        self, candidate: Candidate, presentation: SessionDescription, feed: Feed
    ) -> Sequence[Track]:
        """Let a source's packets in: live, or beside a fallback that is.

        Raises SourceError where they cannot be.
        """
        live = self.live
        if live is None:
            return self._put_live(candidate, presentation, feed)
        if candidate.order > live.order:
            raise SourceError("a source before it is live")
        self._forget_rehearsal()
        rehearsal = Rehearsal(
            self._around.client, presentation, feed, self._take_over, must_last=candidate.is_down
        )
        self._rehearsed = candidate, rehearsal
        logger.info("source back, not live yet", extra=candidate.fields())
        return rehearsal.tracks

    def ended(self, candidate: Candidate, reason: str) -> None:
        """Let go of what this source fills."""
        if self._rehearsed is not None and self._rehearsed[0] is candidate:
            self._forget_rehearsal()
        if self._live is None or self._live[0] is not candidate:
            return
        _, end = self._live
        self._live = None
        self._around.relay.close(end, reason)
        self._tell(reason)
        if self._rehearsed is not None:
            self._take_over()
        self._be_patient()

    def failed(self) -> None:
        """Have the next one started; tell who waits where there is nothing to wait for."""
        self._arrange()
        self._be_patient()
        if self._live is not None or not all(each.is_down for each in self.candidates):
            return
        self._answer_waiters(is_up=False)
        if self.planned.on_demand and self._around.relay.mounts.get(self.path) is None:
            # Nobody waits any more; whoever asks next has it tried again.
            self._rest("down")

    # -- its own

    @property
    def _first(self) -> Candidate:
        return self.candidates[0]

    @property
    def _is_down(self) -> bool:
        """Whether all have failed and none of them may be tried again now."""
        now = self._around.relay.clock()
        return self._live is None and all(
            each.is_down and now < each.not_before_s for each in self.candidates
        )

    def _want(self) -> None:
        """Have it started. Raises SourceDown where it has just failed."""
        if self._is_down:
            raise SourceDown(self.path)
        if not self._wanted:
            self.start()
        elif self._live is not None:
            self._answer_waiters(is_up=True)

    def _too_slow(self, waiter: asyncio.Future[None]) -> None:
        if not waiter.done():
            waiter.set_exception(SourceTooSlow(self.path))

    def _be_patient(self) -> None:
        """Have the next one tried too if readers wait for long; a second call does nothing."""
        if self._patience is None and self._keeps_waiting:
            loop = self._around.relay.loop
            self._patience = loop.call_later(_PATIENCE_S, self._lose_patience)

    def _lose_patience(self) -> None:
        self._patience = None
        if not self._keeps_waiting:
            return
        for candidate in self.candidates:
            if not (candidate.is_down or candidate.is_late):
                candidate.is_late = True
                break
        self._arrange()
        self._be_patient()

    @property
    def _keeps_waiting(self) -> bool:
        """Whether readers wait, and there is one to try that has not been."""
        if not self._wanted or self._live is not None:
            return False
        mount = self._around.relay.mounts.get(self.path)
        is_awaited = self.awaited or (mount is not None and mount.has_demand)
        return is_awaited and not all(each.is_down or each.is_late for each in self.candidates[:-1])

    def _rest(self, reason: str) -> None:
        self._wanted = False
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        self._forget_rehearsal()
        for candidate in self.candidates:
            candidate.stop(reason)

    def _arrange(self) -> None:
        """Have those run that are wanted: up to the live one, or to one that is worth a wait."""
        if not self._wanted:
            return
        is_enough = False
        for candidate in self.candidates:
            if is_enough:
                candidate.stop("a source before it is live")
                continue
            candidate.start()
            is_enough = (
                not (candidate.is_down or candidate.is_late)
                if self._live is None
                else candidate is self.live
            )

    def _put_live(
        self, candidate: Candidate, presentation: SessionDescription, feed: Feed
    ) -> Sequence[Track]:
        relay = self._around.relay
        self._require_fit(candidate, presentation)
        try:
            relay.require_room(Side.PUBLISH, "", "")
        except _REFUSED as error:
            raise SourceError(str(error)) from error
        end = SourceEnd(
            relay, self.path, presentation, feed, candidate.kind, secure=candidate.secure
        )
        end.via = candidate.via
        relay.open(end)
        try:
            relay.descriptions.give(end, presentation)
            # Of several sources each has an encoder of its own.
            end.begin(same_encoder=len(self.candidates) == 1)
        except BaseException as error:
            relay.close(end, "not begun")
            if isinstance(error, _REFUSED):
                raise SourceError(str(error)) from error
            raise
        mount = end.mount
        assert mount is not None  # noqa: S101 - it has just begun
        self._live = candidate, end
        candidate.is_down = candidate.is_late = False
        self._meter.begin(relay.clock(), mount.tracks)
        self._arrange()
        self._answer_waiters(is_up=True)
        logger.info(
            "source live",
            extra={**candidate.fields(), "peer": feed.peer, "transport": feed.transport},
        )
        self._tell("")
        return mount.tracks

    def _require_fit(self, candidate: Candidate, presentation: SessionDescription) -> None:
        """Refuse a fallback that the readers who wait could not go on with.

        The first choice is never refused: if its description has changed, readers come anew.
        """
        mount = self._around.relay.mounts.get(self.path)
        if mount is None or candidate is self._first:
            return
        difference = mount.presentation.compatible_with(presentation, same_encoder=False)
        if difference is not None:
            raise SourceError(
                shown(f"it does not fit what readers play: {difference}"), Retry.SLOWLY
            )

    def _take_over(self) -> None:
        """Put the source live that has rehearsed, instead of a fallback where one is."""
        if self._rehearsed is None:
            return
        candidate, rehearsal = self._rehearsed
        self._rehearsed = None
        reason = "a source before it is back"
        if self._live is not None:
            before, end = self._live
            self._live = None
            if end.mount is not None:
                # Readers are handed on at once, so that they need no grace.
                end.mount.replace_publisher(reason)
            self._around.relay.close(end, reason)
            before.stop(reason)
        try:
            tracks = self._put_live(candidate, rehearsal.presentation, rehearsal.feed)
        except SourceError as error:
            rehearsal.close()
            mount = self._around.relay.mounts.get(self.path)
            if mount is not None and mount.publisher is None:
                mount.close(error.message)
            rehearsal.feed.close(error.message)
            return
        rehearsal.hand_over(tracks)

    def _forget_rehearsal(self) -> None:
        rehearsed, self._rehearsed = self._rehearsed, None
        if rehearsed is not None:
            rehearsed[1].close()

    def _tell(self, reason: str) -> None:
        self._around.relay.tell_source(self.snapshot(), reason)

    def _answer_waiters(self, *, is_up: bool) -> None:
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            if waiter.done():
                continue
            if is_up:
                waiter.set_result(None)
            else:
                waiter.set_exception(SourceDown(self.path))
