"""One who takes a mount's access units."""

from __future__ import annotations

from collections.abc import Callable, Collection

from headwater.feeds.fed_unit import FedUnit
from headwater.log_pace import paced_logger

logger = paced_logger(__name__)

OnUnit = Callable[[FedUnit], None]
"""Called with each access unit, in decoding order within its track. It must not wait."""
OnEnd = Callable[[str], None]
"""Called once, behind the last access unit, with the reason."""


class Tap:
    """Gives the access units of some tracks to a function, each video track from a key frame on.

    Made by `MountFeeds.take`. What the function raises is logged and closes this tap alone.

    Attributes:
        tracks: indexes of the tracks that it gives.
        open: whether more may come.
    """

    __slots__ = ("_leave", "_on_end", "_on_unit", "_wait_for_key_frame", "open", "tracks")

    def __init__(
        self,
        tracks: Collection[int],
        video: Collection[int],
        on_unit: OnUnit,
        on_end: OnEnd | None,
        leave: Callable[[Tap], None],
    ) -> None:
        """Make one; `leave` is called when it is closed by whom it belongs to."""
        self.tracks = frozenset(tracks)
        self.open = True
        self._wait_for_key_frame = set(self.tracks & frozenset(video))
        self._on_unit = on_unit
        self._on_end = on_end
        self._leave = leave

    def close(self) -> None:
        """Take nothing more; the function is not called again. A second call does nothing."""
        if self.open:
            self.open = False
            self._leave(self)

    def give(self, fed: FedUnit) -> None:
        """Give an access unit, if it is one of its tracks and it can be shown."""
        if fed.track not in self.tracks or not self.open:
            return
        if fed.track in self._wait_for_key_frame:
            if not fed.unit.key_frame:
                return
            self._wait_for_key_frame.discard(fed.track)
        try:
            self._on_unit(fed)
        except Exception as error:
            logger.exception("a function that takes access units raised")
            self.close()
            self._tell(f"its function raised {type(error).__name__}")

    def end(self, reason: str) -> None:
        """Tell that the feed has ended."""
        if self.open:
            self.open = False
            self._tell(reason)

    def _tell(self, reason: str) -> None:
        if self._on_end is None:
            return
        try:
            self._on_end(reason)
        except Exception:
            logger.exception("a function raised at the end of a feed", extra={"cause": reason})
