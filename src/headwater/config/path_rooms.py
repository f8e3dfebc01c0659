"""The rooms whose settings a path may change: one line for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from headwater.client.forwarding.settings import ForwardSettings
from headwater.media.settings import MountSettings
from headwater.sources.settings import SourceSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class PathRoom:
    """A room whose settings a path may change.

    Attributes:
        settings_class: its frozen dataclass. Every field has a default, and `__post_init__` checks
            the values, those of a path included.
        name: where its keys stand: `record` means `[paths."cam/*".record]`; empty means the path's
            section itself.
        section: the field of `Settings` that has its settings for all other paths; empty if only
            paths have such settings.
    """

    settings_class: type
    name: str = ""
    section: str = ""


ROOMS: Final[tuple[PathRoom, ...]] = (
    PathRoom(settings_class=MountSettings, section="mounts"),
    PathRoom(settings_class=ForwardSettings),
    PathRoom(settings_class=SourceSettings),
)
"""What a new line here adds is known to file, environment, options, checks and documentation."""
