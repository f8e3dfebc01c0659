"""Waits for a mount that is about to come: who fetches it begins, or has died and another will."""

from __future__ import annotations

import asyncio
import enum
import itertools
from collections.abc import Awaitable, Callable
from typing import Final

from headwater.media.mount import Mount
from headwater.relay.errors import SourceTooSlow

PATIENCE_S: Final = 10.0
"""How long a reader waits, as for a source that is fetched on demand."""
QUICK_LOOKS: Final = 3
"""What has just moved is there at once."""
_QUICK_LOOK_S: Final = 0.1
_LOOK_S: Final = 0.25


class Outlook(enum.Enum):
    """What is known of a mount that is not there."""

    COMING = enum.auto()


Look = Callable[[int], Awaitable[Mount | Outlook | None]]
"""Looks for a mount; it is told how often that was done before. None: it is not to come."""


async def patiently(path: str, look: Look) -> Mount | None:
    """Look for a mount until it is there, or is not to come. Raises SourceTooSlow."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + PATIENCE_S
    for looks in itertools.count():
        found = await look(looks)
        if not isinstance(found, Outlook):
            return found
        if loop.time() >= until_s:
            break
        await asyncio.sleep(_QUICK_LOOK_S if looks + 1 < QUICK_LOOKS else _LOOK_S)
    raise SourceTooSlow(path)
