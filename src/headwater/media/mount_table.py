"""All mounts of a server by path, and who may take which."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from headwater.log_pace import paced_logger
from headwater.media.cache_budget import CacheBudget
from headwater.media.clock import CallLater, Clock
from headwater.media.counters import MountTotals
from headwater.media.errors import MountBusy, MountClosed, MountFull
from headwater.media.mount import Mount
from headwater.media.observer import MountObserver, tell
from headwater.media.path_override import PathOverride, settings_for
from headwater.media.publisher import Publisher
from headwater.media.readers.catch_up_turns import CatchUpTurns, no_live
from headwater.media.readers.reader import EndSoon, Reader
from headwater.media.readers.start_room import StartRoom
from headwater.media.settings import MountSettings, SecondPublisher
from headwater.media.snapshot import totals_of
from headwater.media.tracks.rtcp_participant import RtcpParticipant
from headwater.protocol.path_pattern import matches

if TYPE_CHECKING:
    from headwater.protocol.sdp import SessionDescription

__all__ = ["MountBusy", "MountClosed", "MountFull", "MountTable"]

logger = paced_logger(__name__)


def _at_once(_reader: Reader, end: Callable[[], None]) -> None:
    end()


def _differing(
    before: Sequence[PathOverride], after: Sequence[PathOverride]
) -> tuple[PathOverride, ...] | None:
    """Return the overrides that only one of two lists has; None where their order differs."""
    both = set(before) & set(after)
    if [each for each in before if each in both] != [each for each in after if each in both]:
        return None
    return tuple(each for each in (*before, *after) if each not in both)


class MountTable:
    """The mounts that are open. Iterating gives them in the order they opened.

    Attributes:
        closed_totals: what was lost on those that are closed.
        cache_budget: what their caches take together.
        start_room: what waits for their readers, and who may begin with kept packets.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        call_later: CallLater,
        settings: MountSettings | None = None,
        overrides: Sequence[PathOverride] = (),
        observer: MountObserver | None = None,
        cache_budget: CacheBudget | None = None,
        start_room: StartRoom | None = None,
        participant: RtcpParticipant | None = None,
        end_soon: EndSoon = _at_once,
        relay_live: Callable[[], None] = no_live,
    ) -> None:
        """`relay_live` relays live packets that wait, on whichever mounts; see `CatchUpTurns`."""
        self._clock = clock
        self._call_later = call_later
        self._settings = settings if settings is not None else MountSettings()
        self._overrides = tuple(overrides)
        self._observer = observer if observer is not None else MountObserver()
        self._participant = RtcpParticipant.random() if participant is None else participant
        self._end_soon = end_soon
        self.cache_budget = CacheBudget(sys.maxsize) if cache_budget is None else cache_budget
        self.start_room = StartRoom() if start_room is None else start_room
        self._turns = CatchUpTurns(clock, call_later, relay_live)
        self._mounts: dict[str, Mount] = {}
        self.closed_totals = MountTotals()

    def __iter__(self) -> Iterator[Mount]:
        return iter(tuple(self._mounts.values()))

    def __len__(self) -> int:
        return len(self._mounts)

    def get(self, path: str) -> Mount | None:
        """Return the mount at `path`, None when there is none (readers never make one)."""
        return self._mounts.get(path)

    def is_filled_by(self, path: str, publisher_id: str) -> bool:
        """Return whether the mount at `path` has the publisher of this id now."""
        mount = self._mounts.get(path)
        publisher = None if mount is None else mount.publisher
        return publisher is not None and publisher.id == publisher_id

    def settings_for(self, path: str) -> MountSettings:
        """Return what a mount that opens at `path` gets as settings."""
        return settings_for(path, self._settings, self._overrides)

    def apply(self, settings: MountSettings, overrides: Sequence[PathOverride]) -> tuple[str, ...]:
        """Go by other settings: mounts that open later, and those that are open where they can.

        Returns the paths of the open mounts for which this changed something.
        """
        before, self._overrides = self._overrides, tuple(overrides)
        others = _differing(before, self._overrides)
        concerns_all = others is None or settings != self._settings
        self._settings = settings
        return tuple(
            mount.path
            for mount in self
            if (concerns_all or any(matches(each.pattern, mount.path) for each in others or ()))
            and mount.apply(self.settings_for(mount.path))
        )

    def check_free(self, path: str) -> None:
        """Raise MountBusy if a publisher of `path` would be refused now (for ANNOUNCE)."""
        mount = self._mounts.get(path)
        if (
            mount is not None
            and mount.publisher is not None
            and mount.settings.on_second_publisher is SecondPublisher.REFUSE
        ):
            raise MountBusy(f"{path} has a publisher already")

    def open(
        self,
        path: str,
        presentation: SessionDescription,
        publisher: Publisher,
        range_text: str | None = None,
        *,
        same_encoder: bool = True,
    ) -> Mount:
        """Give `path` to a publisher (RECORD) and return its mount, new or continued.

        Without `same_encoder` a mount goes on with other parameters of pictures too, as of another
        camera: `SessionDescription.compatible_with`.

        A mount in GRACE goes on when the descriptions fit, its readers too; else it is closed
        and a new one opened. A mount with a publisher raises MountBusy, or has it replaced, as
        its settings say. A publisher that has the mount already keeps it.
        """
        mount = self._mounts.get(path)
        if mount is not None:
            if mount.publisher is publisher:
                return mount
            self.check_free(path)
            mount.replace_publisher("replaced by another publisher")
            mount = self._continued(path, presentation, publisher, same_encoder)
        if mount is None:
            mount = self._mounts[path] = Mount(
                path,
                presentation,
                self.settings_for(path),
                clock=self._clock,
                call_later=self._call_later,
                cache_budget=self.cache_budget,
                turns=self._turns,
                room=self.start_room,
                end_soon=self._end_soon,
                participant=self._participant,
                observer=self._observer,
                on_closed=self._forget,
                on_emptied=self._add_up,
            )
            tell(self._observer.mount_opened, mount)
        try:
            mount.publisher_arrived(publisher, presentation, range_text)
        except BaseException:
            # With no publisher, no timer and perhaps no reader, nothing would ever close it.
            mount.close("its publisher could not begin")
            raise
        return mount

    def check(self, now: float) -> None:
        """Once a second: see `Mount.check`."""
        for mount in self:
            mount.check(now)

    def close(self, reason: str) -> None:
        """Close all mounts, for shutdown."""
        for mount in self:
            mount.close(reason)

    def _continued(
        self,
        path: str,
        presentation: SessionDescription,
        publisher: Publisher,
        same_encoder: bool,
    ) -> Mount | None:
        """Return the mount without a publisher at `path`, unless it does not fit and was closed."""
        # Sending its publisher away may have closed it.
        mount = self._mounts.get(path)
        if mount is None:
            return None
        difference = mount.presentation.compatible_with(presentation, same_encoder=same_encoder)
        if difference is None:
            return mount
        logger.warning(
            "the new publisher's description does not fit, readers are closed",
            extra={
                "mount": path,
                "session": publisher.id,
                "peer": publisher.peer,
                "cause": difference,
            },
        )
        mount.close(f"another description: {difference}")
        return None

    def _forget(self, mount: Mount) -> None:
        del self._mounts[mount.path]

    def _add_up(self, mount: Mount) -> None:
        self.closed_totals += totals_of([mount.snapshot()])
