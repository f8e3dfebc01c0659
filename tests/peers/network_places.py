"""Places with a network address each, and programs at them: a namespace each, a switch between."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Iterable
from itertools import count
from pathlib import Path

from faulty_link import in_namespace, run, without_offloads

_runs = count()
_DEADLINE_S = 20.0
CUT = {"loss": 1.0, "loss_goes_on": 1.0}
Way = tuple[str, str, dict[str, float]]


class NetworkPlaces:
    """Places by their names. No device of it is seen from outside."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self._mark = f"hw{os.getpid() % 100000}n{next(_runs)}"
        self._switch: Process | None = None
        self._processes: list[Process] = []

    def address(self, name: str) -> str:
        """The address of a place."""
        return f"10.77.0.{self.names.index(name) + 1}"

    async def start(self) -> None:
        """Lay the cables and switch on."""
        middle = f"{self._mark}m"
        run(f"ip netns add {middle}")
        devices = {}
        for number, name in enumerate(self.names):
            space, device = self._space(name), f"p{number}"
            devices[name] = device
            for command in (
                f"ip netns add {space}",
                f"ip -n {middle} link add {device} type veth peer name {device} netns {space}",
                f"ip -n {space} addr add {self.address(name)}/24 dev {device}",
                f"ip -n {space} link set lo up",
                f"ip -n {space} link set {device} up",
                f"ip -n {middle} link set {device} up",
            ):
                run(command)
            with in_namespace(space):
                without_offloads(device)
        words = (f"{name}={device}" for name, device in devices.items())
        program = Path(__file__).with_name("network_switch.py")
        self._switch = await asyncio.create_subprocess_exec(
            *("ip", "netns", "exec", middle, sys.executable, str(program), *words),
            stdin=PIPE,
            stdout=PIPE,
        )
        await self._answered()

    async def impair(self, *bad: Way) -> None:
        """Make these ways bad, and all others good; neither end is told."""
        assert self._switch is not None
        assert self._switch.stdin is not None
        self._switch.stdin.write(json.dumps(bad).encode() + b"\n")
        await self._answered()

    async def cut(self, name: str, others: Iterable[str]) -> None:
        """Let nothing through between a place and these others, either way."""
        await self.impair(*(way for other in others for way in _both(name, other, CUT)))

    async def slow(self, one: str, other: str, faults: dict[str, float]) -> None:
        """Make both ways between two places bad."""
        await self.impair(*_both(one, other, faults))

    async def program(
        self, place: str, *words: str, stdout: int = DEVNULL, stderr: int | Path = DEVNULL
    ) -> Process:
        """Start a program at a place; it is killed at the end if it still runs.

        `stderr` may be a file to be added to.
        """
        command = ("ip", "netns", "exec", self._space(place), *words)
        if isinstance(stderr, Path):
            with stderr.open("ab") as log:
                process = await asyncio.create_subprocess_exec(
                    *command, stdin=DEVNULL, stdout=stdout, stderr=log
                )
        else:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=DEVNULL, stdout=stdout, stderr=stderr
            )
        self._processes = [each for each in self._processes if each.returncode is None]
        self._processes.append(process)
        return process

    async def close(self) -> None:
        """End all programs, and take everything away."""
        for process in self._processes:
            await ended(process)
        if self._switch is not None:
            await ended(self._switch)
        for name in self.names:
            run(f"ip netns del {self._space(name)}")
        run(f"ip netns del {self._mark}m")

    def _space(self, name: str) -> str:
        return f"{self._mark}{name}"

    async def _answered(self) -> None:
        assert self._switch is not None
        assert self._switch.stdout is not None
        async with asyncio.timeout(_DEADLINE_S):
            assert await self._switch.stdout.readline() == b"\n"


async def ended(process: Process) -> None:
    """Kill a program that still runs, and wait for its end."""
    if process.returncode is None:
        process.kill()
    await process.wait()


def _both(one: str, other: str, faults: dict[str, float]) -> tuple[Way, Way]:
    return (one, other, faults), (other, one, faults)
