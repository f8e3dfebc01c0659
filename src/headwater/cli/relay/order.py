"""What `headwater relay` was asked for."""

from __future__ import annotations

from dataclasses import dataclass

from headwater.config.settings import Settings


@dataclass(frozen=True, kw_only=True, slots=True)
class RelayOrder:
    """A server's settings, and the paths among them that are fetched.

    Attributes:
        settings: all of them; the sources stand in `paths`.
        mounts: the paths of the sources, in the order in which they were given.
    """

    settings: Settings
    mounts: tuple[str, ...]
