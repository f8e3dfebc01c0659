"""One source of a path, tried again and again for as long as it is wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from headwater.client.back_off import BackOff
from headwater.client.url_secrets import without_secrets
from headwater.log_pace import paced_logger
from headwater.media.publisher import Feed
from headwater.media.tracks.track import Track
from headwater.net.reach import Reach
from headwater.protocol.sdp import SessionDescription
from headwater.relay.end import EndKind
from headwater.shown_text import shown, url_without_credentials, without_credentials
from headwater.sources.kinds import KINDS
from headwater.sources.schemes import scheme_of
from headwater.sources.settings import SourceSettings
from headwater.sources.source import Retry, Source, SourceError, SourcePlace
from headwater.sources.source_url import with_secrets
from headwater.sources.start_gate import StartGate
from headwater.sources.state import SourceState
from headwater.sources.surroundings import SourceSurroundings

logger = paced_logger(__name__)

_SLOWLY = {"first_s": 120.0, "most_s": 1920.0}
"""Shortened by up to a half: cameras lock out for half an hour who guesses five times or so."""


class Stage(Protocol):
    """Who decides which source of a path fills the mount."""

    path: str

    @property
    def awaited(self) -> bool:
        """Whether readers wait for the start."""

    def begin(
        self, candidate: Candidate, presentation: SessionDescription, feed: Feed
    ) -> Sequence[Track]:
        """Let a source's packets in. Raises SourceError where they cannot be."""

    def ended(self, candidate: Candidate, reason: str) -> None:
        """Let go of what a source filled; one that filled nothing is no error."""

    def failed(self) -> None:
        """Learn that a try has failed, or the source has ended."""


class Candidate:
    """A source and its tries. Made and ended by `PathSource`.

    Attributes:
        order: its place in the path's list; 0 is the first choice.
        name: its URL without secrets.
        kind: what its publisher is called.
        state: what it does.
        tries: how often it was opened.
        failures: how often it could not be, or ended.
        last_error: why, the last time; empty for never.
        not_before_s: when it may be tried next, seconds of the server's clock.
        is_down: whether it has failed since readers last got its packets.
        is_late: whether it has kept readers waiting for so long that the next one is tried too.
    """

    def __init__(
        self,
        order: int,
        url: str,
        settings: SourceSettings,
        stage: Stage,
        around: SourceSurroundings,
        reach: Reach | None = None,
    ) -> None:
        self.order = order
        self.name = url_without_credentials(url)
        self.kind = EndKind.CAMERA
        self.state = SourceState.IDLE
        self.tries = 0
        self.failures = 0
        self.last_error = ""
        self.not_before_s = 0.0
        self.is_down = False
        self.is_late = False
        self._url = url
        self._settings = settings
        self._stage = stage
        self._around = around
        self._reach = reach
        self._back_offs = {Retry.SOON: BackOff(), Retry.SLOWLY: BackOff(**_SLOWLY)}
        self._source: Source | None = None
        self._began_s: float | None = None
        self._gate: StartGate | None = None
        self._task: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def secure(self) -> bool:
        """Whether what it sends comes under TLS."""
        return scheme_of(self._url) == "rtsps"

    @property
    def via(self) -> tuple[str, ...]:
        """The servers, or their mounts, that its media has come through, where it is known."""
        return () if self._source is None else self._source.via

    @property
    def began_s(self) -> float | None:
        """Since when its packets come; None while they do not."""
        return self._began_s

    def start(self, after: asyncio.Task[None] | None = None) -> None:
        """Want it: it is tried until `stop`. A second call does nothing."""
        if self._task is not None:
            return
        self.state = SourceState.STARTING
        before = (*self._ending, *(() if after is None else (after,)))
        loop = self._around.relay.loop.beneath
        self._task = loop.create_task(self._run(before), name=f"source of {self._stage.path}")

    def stop(self, reason: str) -> None:
        """Want it no more: the mount is let go of at once, the rest ends by itself."""
        task, self._task = self._task, None
        if task is None:
            return
        self.state = SourceState.IDLE
        self.is_late = False
        self._began_s = None
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        self.end(reason)
        task.cancel()

    async def stopped(self) -> None:
        """Wait until everything of it is given back."""
        while self._ending:
            await asyncio.wait(self._ending)

    async def _run(self, before: Sequence[asyncio.Task[None]]) -> None:
        if before:
            await asyncio.wait(before)
        clock = self._around.relay.clock
        while self._task is asyncio.current_task():
            wait_s = self.not_before_s - clock()
            if wait_s > 0:
                self.state = SourceState.WAITING
                await asyncio.sleep(wait_s)
            self.state = SourceState.STARTING
            failure = await self._try()
            self._note(failure)

    async def _try(self) -> SourceError:
        """Open the source and fill the mount until it ends; return why it did."""
        secrets: tuple[str, ...] = ()
        # A fallback stands in for readers at once, however many first choices are being tried.
        is_urgent = self._stage.awaited or self.order > 0
        gate = self._around.reader_gate if is_urgent else self._around.gate
        await gate.enter()
        self._gate = gate
        failure = SourceError("not wanted any more")
        try:
            self.tries += 1
            url, secrets = with_secrets(self._url)
            source = self._opened(url, secrets)
            self.kind = source.kind
            self._source = source
            await source.run(_Filling(self._stage, self))
            failure = SourceError("it ended")
        except SourceError as error:
            failure = SourceError(without_secrets(error.message, secrets), error.retry)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            failure = SourceError("it was cancelled from inside")
        except Exception as error:
            words = without_secrets(without_credentials(repr(error)), secrets)
            failure = SourceError(shown(f"this program failed: {words}"))
            exc_info = (SourceError, failure, error.__traceback__)
            logger.error("a source failed", exc_info=exc_info, extra=self.fields())
        finally:
            self._leave_gate(gate)
            self.end(failure.message)
            self._source = None
        return failure

    def _opened(self, url: str, secrets: Sequence[str]) -> Source:
        around = self._around
        client = around.client
        if self._reach is not None:
            client = replace(client, reach=self._reach)
        name = without_secrets(self.name, secrets)
        silence_s = around.relay.mounts.settings_for(self._stage.path).publisher_idle_timeout_s
        place = SourcePlace(name, client, around.memory, silence_s)
        try:
            return KINDS[scheme_of(url)](url, self._settings, place)
        except ValueError as error:
            raise SourceError(str(error), Retry.SLOWLY) from None

    def _note(self, failure: SourceError) -> None:
        now = self._around.relay.clock()
        began_s, self._began_s = self._began_s, None
        ran_s = 0.0 if began_s is None else now - began_s
        self.failures += 1
        self.last_error = failure.message
        self.is_down, self.is_late = True, False
        wait_s = self._back_offs[failure.retry].next_s(ran_s)
        if failure.retry is Retry.SOON:
            wait_s = min(wait_s, self._around.settings.most_wait_s)
        self.not_before_s = now + wait_s
        self.state = SourceState.WAITING
        logger.warning(
            "source down" if began_s is None else "source lost",
            extra={
                **self.fields(),
                "cause": failure.message,
                "tries": self.tries,
                "next_try_s": round(wait_s, 1),
            },
        )
        self._stage.failed()

    def begin(self, presentation: SessionDescription, feed: Feed) -> Sequence[Track]:
        """Let its packets in; called by its filling."""
        self._began_s = self._around.relay.clock()
        self.state = SourceState.RUNNING
        try:
            tracks = self._stage.begin(self, presentation, feed)
        except BaseException:
            self._began_s = None
            raise
        if self._gate is not None:
            self._leave_gate(self._gate)
        return tracks

    def end(self, reason: str) -> None:
        """Let go of what it fills; a second call does nothing."""
        self._stage.ended(self, reason)

    def _leave_gate(self, gate: StartGate) -> None:
        if self._gate is gate:
            self._gate = None
            gate.leave()

    def fields(self) -> dict[str, object]:
        """Return what a line of the log names."""
        return {"mount": self._stage.path, "source": shown(self.name)}


class _Filling:
    """One try's way to the mount: once the try is over, it leads nowhere."""

    def __init__(self, stage: Stage, candidate: Candidate) -> None:
        self.path = stage.path
        self._candidate = candidate
        self._feed: Feed | None = None

    def begin(self, presentation: SessionDescription, feed: Feed) -> Sequence[Track]:
        """Take the mount."""
        self._feed = feed
        return self._candidate.begin(presentation, feed)

    def end(self, feed: Feed, reason: str) -> None:
        """Let go of the mount."""
        if feed is self._feed:
            self._feed = None
            self._candidate.end(reason)
