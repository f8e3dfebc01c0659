"""A switch between the devices of some places, which can be bad for single pairs of them.

`network_switch.py NAME=DEVICE …` is a process of its own. Each line of standard input is a list
of ways in JSON, `[from, to, faults]` each, that are bad from now on; all others are good. It is
answered with an empty line.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from functools import partial

from link_emulator import Faults, Way, opened, pass_on, standard_input

_GROUP = 1


class Switch:
    """Passes frames on to the place that has their address; to all while nobody knows it."""

    def __init__(self, devices: dict[str, str]) -> None:
        sockets = {name: opened(device) for name, device in devices.items()}
        seeds = itertools.count(1)
        self._ways = {
            (one, other): Way(sockets[other], next(seeds))
            for one, other in itertools.permutations(sockets, 2)
        }
        self._places: dict[bytes, str] = {}
        for name, sock in sockets.items():
            pass_on(sock, partial(self._take, name))

    def impair(self, bad: list[tuple[str, str, dict[str, float]]]) -> None:
        """Make these ways bad, and all others good."""
        for way in self._ways.values():
            way.faults = Faults()
        for one, other, faults in bad:
            self._ways[one, other].faults = Faults(**faults)

    def _take(self, source: str, frame: bytes) -> None:
        target, self._places[frame[6:12]] = frame[:6], source
        known = None if target[0] & _GROUP else self._places.get(target)
        for (one, other), way in self._ways.items():
            if one == source and known in {None, other}:
                way.take(frame)


async def switch(devices: dict[str, str]) -> None:
    """Pass frames on until standard input ends."""
    between = Switch(devices)
    lines = await standard_input()
    print(flush=True)  # noqa: T201 - its answer
    while line := await lines.readline():
        between.impair(json.loads(line))
        print(flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(switch(dict(word.split("=") for word in sys.argv[1:])))
