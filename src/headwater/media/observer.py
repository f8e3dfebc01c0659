"""Who is told what happens on mounts: called at once, must not wait."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from headwater.log_pace import paced_logger
from headwater.media.publisher import Publisher
from headwater.media.readers.reader import Reader
from headwater.media.snapshot import MountSnapshot

logger = paced_logger(__name__)


class ObservedMount(Protocol):
    """A mount, as far as observers see it."""

    path: str

    def snapshot(self) -> MountSnapshot:
        """Return the mount as it is now."""


class MountObserver:
    """Told of every beginning and end on the mounts of a table; override what you need.

    Every `…_opened`/`…_started` has exactly one `…_closed`/`…_stopped` after it. What an
    override raises is logged and goes no further.
    """

    def mount_opened(self, mount: ObservedMount) -> None:
        """Learn that a mount came to be; its first publisher is on it."""

    def mount_closed(self, mount: ObservedMount, reason: str) -> None:
        """Learn that a mount ended; its readers and publisher are gone already."""

    def publisher_started(self, mount: ObservedMount, publisher: Publisher) -> None:
        """Learn that a publisher took the mount, new or after another."""

    def publisher_stopped(self, mount: ObservedMount, publisher: Publisher, reason: str) -> None:
        """Learn that the publisher left or was told to go."""

    def reader_started(self, mount: ObservedMount, reader: Reader) -> None:
        """Learn that a reader began to play, for the first time."""

    def reader_stopped(self, mount: ObservedMount, reader: Reader, reason: str) -> None:
        """Learn that a reader that had begun to play is gone."""

    def mount_now_empty(self, mount: ObservedMount) -> None:
        """Learn that the last reader that had begun to play left a mount that lives on."""


def tell(event: Callable[..., None], *payload: object) -> None:
    """Call an observer's method; what it raises is logged and goes no further."""
    try:
        event(*payload)
    except Exception:
        logger.exception("a mount observer raised", extra={"event_name": event.__name__})
