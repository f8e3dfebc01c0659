"""All mounts of a server by path, and who may take which."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from headwater.media.clock import CallLater, Clock
from headwater.media.mount import Mount
from headwater.media.observer import MountObserver
from headwater.media.publisher import Publisher
from headwater.media.settings import MountOverride, MountSettings

if TYPE_CHECKING:
    from headwater.protocol.sdp import SessionDescription


class MountTable:
    """The mounts that are open. Iterating gives them in the order they opened."""

    def __init__(
        self,
        *,
        clock: Clock,
        call_later: CallLater,
        settings: MountSettings | None = None,
        overrides: Sequence[MountOverride] = (),
        observer: MountObserver | None = None,
    ) -> None: ...

    def __iter__(self) -> Iterator[Mount]: ...

    def __len__(self) -> int: ...

    def get(self, path: str) -> Mount | None:
        """Return the mount at `path`, None when there is none (readers never make one)."""

    def settings_for(self, path: str) -> MountSettings:
        """Return what a mount at `path` has or would have as settings."""

    def check_free(self, path: str) -> None:
        """Raise `MountBusy` if a publisher of `path` would be refused now (for ANNOUNCE)."""

    def open(
        self,
        path: str,
        presentation: SessionDescription,
        publisher: Publisher,
        range_text: str | None = None,
    ) -> Mount:
        """Give `path` to a publisher (RECORD) and return its mount, new or continued.

        A mount in GRACE goes on when the descriptions fit, its readers too; else it is closed
        and a new one opened. A mount with a publisher raises `MountBusy`, or has it replaced,
        as its settings say.
        """

    def check(self, now: float) -> None:
        """Once a second: see `Mount.check`."""

    def close(self, reason: str) -> None:
        """Close all mounts, for shutdown."""
