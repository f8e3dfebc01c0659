"""Waiting for what no event tells."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def holds(condition: Callable[[], object], *, within_s: float = 20.0) -> None:
    """Wait until something is true. Raises TimeoutError where it does not become so."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)
