"""Passes Ethernet frames between two devices and does to them what bad networks do.

A process of its own, for kernels with and without netem. Each line of standard input is a JSON
object with the faults from now on; it is answered with the packets dropped so far, each way.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass

_EVERY_PROTOCOL = 0x0003
_RECEIVE_BUFFER_FORCE = 33
_OUTGOING = 4
_IPV4 = b"\x08\x00"


@dataclass(slots=True)
class Faults:
    """Shares are from 0 to 1. `loss_goes_on`: how likely the packet behind a lost one is lost."""

    loss: float = 0.0
    loss_goes_on: float = 0.0
    duplicates: float = 0.0
    reorder: float = 0.0
    reorder_s: float = 0.01
    delay_s: float = 0.0
    jitter_s: float = 0.0
    bits_per_s: float = 0.0


class Way:
    """One direction."""

    def __init__(self, target: socket.socket, seed: int) -> None:
        self._target = target
        self._luck = random.Random(seed)
        self._loop = asyncio.get_running_loop()
        self._free_s = 0.0
        self._losing = False
        self.faults = Faults()
        self.dropped = 0

    def take(self, frame: bytes) -> None:
        """Pass a frame on, as well as this direction can now."""
        if frame[12:14] != _IPV4:
            self._send(frame)
            return
        self._treat(frame)
        if self._luck.random() < self.faults.duplicates:
            self._treat(frame)

    def _treat(self, frame: bytes) -> None:
        faults, luck = self.faults, self._luck
        self._losing = luck.random() < (faults.loss_goes_on if self._losing else faults.loss)
        if self._losing:
            self.dropped += 1
            return
        delay_s = faults.delay_s + luck.uniform(-faults.jitter_s, faults.jitter_s)
        if luck.random() < faults.reorder:
            delay_s += faults.reorder_s
        if faults.bits_per_s:
            now = self._loop.time()
            self._free_s = max(self._free_s, now) + len(frame) * 8 / faults.bits_per_s
            delay_s += self._free_s - now
        if delay_s > 0:
            self._loop.call_later(delay_s, self._send, frame)
        else:
            self._send(frame)

    def _send(self, frame: bytes) -> None:
        try:
            self._target.send(frame)
        except OSError:
            # The device is down: the frame is lost, as on a wire that is cut.
            self.dropped += 1


def opened(device: str) -> socket.socket:
    """A socket for whole frames of a device."""
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_EVERY_PROTOCOL))
    sock.bind((device, 0))
    # By force, beyond what the system lets others have: no frame is lost here but by a fault.
    sock.setsockopt(socket.SOL_SOCKET, _RECEIVE_BUFFER_FORCE, 8 << 20)
    sock.setblocking(False)
    return sock


def pass_on(source: socket.socket, take: Callable[[bytes], None]) -> None:
    """Have all frames that come in from a device taken from now on."""

    def ready() -> None:
        for _ in range(64):
            try:
                frame, address = source.recvfrom(65536)
            except BlockingIOError:
                return
            if address[2] != _OUTGOING:
                take(frame)

    asyncio.get_running_loop().add_reader(source, ready)


async def standard_input() -> asyncio.StreamReader:
    """The lines that say what is to be done."""
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    return lines


async def emulate(near: str, far: str) -> None:
    """Pass frames on until standard input ends."""
    one, other = opened(near), opened(far)
    ways = Way(other, 1), Way(one, 2)
    pass_on(one, ways[0].take)
    pass_on(other, ways[1].take)
    lines = await standard_input()
    print("ready", flush=True)  # noqa: T201 - its answer
    while line := await lines.readline():
        told = json.loads(line)
        if told is not None:
            for way in ways:
                way.faults = Faults(**told)
        print(json.dumps([way.dropped for way in ways]), flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(emulate(*sys.argv[1:]))
