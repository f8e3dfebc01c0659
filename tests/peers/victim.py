"""A server under attack or in trouble, with a real publisher and a real reader through it."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from soak.watched_server import WatchedServer
from steady_stream import SteadyStream
from turns import Turns

FULL = os.environ.get("ATTACK_SIZE", "small") == "full"
MEMORY_BYTES = 5_000_000
"""By how much memory may differ once an attack is over."""
_GONE_S = 60.0
MOST_WORK = 16
"""Requests answered, or sessions ended, in one callback of the server's loop: then others' turn."""


def size(full: int, small: int) -> int:
    """How many attackers: all of them where asked for, else enough for every push."""
    return full if FULL else small


class Victim:
    """A server with a steady stream through it."""

    def __init__(self, server: WatchedServer, steady: SteadyStream, turns: Turns) -> None:
        self.server = server
        self.steady = steady
        self.port = server.port
        self._turns = turns

    @asynccontextmanager
    async def attacked(self, name: str) -> AsyncIterator[dict[str, Any]]:
        """What happens inside must leave the stream whole and the server as it was.

        No other attack goes on meanwhile: those of other workers wait for their turn.
        """
        await self.steady.learn()
        async with self._turns.turn(), self._held_to_account(name) as notes:
            yield notes

    @asynccontextmanager
    async def _held_to_account(self, name: str) -> AsyncIterator[dict[str, Any]]:
        before = await self.server.sample()
        self.steady.account.take_longest_gap_s()
        frames = self.steady.account.frames
        notes: dict[str, Any] = {}
        began_s = time.monotonic()
        yield notes
        notes["seconds"] = round(time.monotonic() - began_s, 1)
        after = await self.returned(before)
        await self.steady.frames(50)
        account = self.steady.account
        notes |= {
            "frames": account.frames - frames,
            "lost": account.lost,
            "damaged": account.damaged,
            "longest_gap_ms": round(account.longest_gap_s * 1000),
            "memory_before_mb": round(before["memory_bytes"] / 1e6, 1),
            "memory_after_mb": round(after["memory_bytes"] / 1e6, 1),
            "most_work_in_a_callback": after["most_work"],
            "longest_callback_ms": after["longest_callback_ms"],
            "cpu_s": round(after["cpu_s"] - before["cpu_s"], 1),
        }
        print(f"\n{name}: {json.dumps(notes)}")  # noqa: T201 - the figures are the result
        assert self.steady.alive
        assert (account.lost, account.damaged) == (0, 0)
        assert after["failures"] == 0
        assert after["most_work"] <= MOST_WORK
        assert abs(after["memory_bytes"] - before["memory_bytes"]) <= MEMORY_BYTES

    async def returned(self, before: dict[str, Any]) -> dict[str, Any]:
        """The server once everything the attackers took is given back, its memory included."""
        names = ("connections", "descriptors", "sessions", "mounts", "udp_pairs", "tasks")
        deadline_s = time.monotonic() + _GONE_S
        while True:
            after = await self.server.sample()
            if all(after[name] <= before[name] for name in names) and (
                after["memory_bytes"] <= before["memory_bytes"] + MEMORY_BYTES
            ):
                return after
            held = {name: (before[name], after[name]) for name in (*names, "memory_bytes")}
            assert time.monotonic() < deadline_s, f"not given back (before, after): {held}"
            await asyncio.sleep(0.25)


VictimFactory = Callable[..., Awaitable[Victim]]
