"""Tells rooms that the settings of their paths were changed while the server runs."""

from __future__ import annotations

from collections.abc import Callable

from headwater.log_pace import paced_logger
from headwater.media.path_difference import PathDifference, path_difference
from headwater.relay.settings import RelaySettings

logger = paced_logger(__name__)


class PathWatch:
    """What rooms do when the configuration adds, changes or removes sections of paths.

    The seam for whatever a path's section starts, such as a source. A room that stands in
    `headwater.config.path_rooms.ROOMS` registers once, when it is made:

        relay.path_watch.register(SourceSettings, self.paths_changed)

    `paths_changed(difference)` is then called on the server's loop after each change that concerns
    the room, once everything else has been applied: mounts, limits and ports are as the new
    settings say. It starts what was added, restarts what was changed and ends what was removed, and
    leaves everything else alone: whoever reads or publishes there must lose no packet. It must not
    wait: work that takes time goes into a task that the room owns. At the start of the server
    nothing is called: the room reads `settings.overrides_of(SourceSettings)` itself. An exception
    is logged and keeps no other room from its work.
    """

    def __init__(self) -> None:
        self._rooms: list[tuple[type, Callable[[PathDifference], None]]] = []

    def register(self, settings_class: type, on_change: Callable[[PathDifference], None]) -> None:
        """Call `on_change` whenever what paths set of these settings has changed."""
        self._rooms.append((settings_class, on_change))

    def apply(self, before: RelaySettings, after: RelaySettings) -> None:
        """Tell every room that is concerned."""
        for settings_class, on_change in self._rooms:
            difference = path_difference(
                before.overrides_of(settings_class), after.overrides_of(settings_class)
            )
            if difference is None:
                continue
            try:
                on_change(difference)
            except Exception:
                logger.exception(
                    "changed paths not applied", extra={"settings": settings_class.__name__}
                )
