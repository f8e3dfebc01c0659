"""Long work in short steps: the loop's other work goes on between them."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import TypeVar

ResultT = TypeVar("ResultT")


async def in_turns(steps: Generator[None, None, ResultT]) -> ResultT:
    """Run steps to their end, the loop's other work between them."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: ResultT = end.value
            return result
        await asyncio.sleep(0)
