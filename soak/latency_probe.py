"""Publishes small packets that carry the time, reads them back, and tells how long they took.

A process of its own, so that the churn's own work is not measured: arguments are the server's
port and the seconds between two lines, each of which is one line of JSON on standard output. With
a third one it begins anew whenever the worker that serves it is gone.
"""

from __future__ import annotations

import asyncio
import json
import struct
import sys
import time

from rtsp_peer import TcpPublisher, frame, rtp
from udp_peer import UdpReader

_EVERY_S = 0.04
_MOUNT = "/latency"
_BACK_S = 0.5


async def publish(publisher: TcpPublisher) -> None:
    """Send a packet with the time in it, 25 times a second."""
    while True:
        payload = b"\x65\x88" + struct.pack(">d", time.monotonic())
        await publisher.peer.send(frame(0, rtp(publisher.seq & 0xFFFF, payload=payload)))
        publisher.seq += 1
        await asyncio.sleep(_EVERY_S)


async def read(reader: UdpReader, taken_ms: list[float]) -> None:
    """Note how long each packet took."""
    loop = asyncio.get_running_loop()
    while True:
        packet = await loop.sock_recv(reader.rtp, 2048)
        (sent_s,) = struct.unpack(">d", packet[14:22])
        taken_ms.append((time.monotonic() - sent_s) * 1000)


async def keep_alive(reader: UdpReader) -> None:
    """Ask for nothing, now and then."""
    while True:
        await asyncio.sleep(5.0)
        await reader.peer.ask("GET_PARAMETER", reader.url, {"Session": reader.session})


async def probe(port: int, every_s: float) -> None:
    """Run until killed."""
    url = f"rtsp://127.0.0.1:{port}{_MOUNT}"
    taken_ms: list[float] = []
    async with asyncio.TaskGroup() as group:
        group.create_task(publish(await TcpPublisher.start(port, url)))
        reader = await UdpReader.start(port, url)
        group.create_task(read(reader, taken_ms))
        group.create_task(keep_alive(reader))
        while True:
            await asyncio.sleep(every_s)
            ranked = sorted(taken_ms) or [float("nan")]
            taken_ms.clear()
            middle, high = ranked[len(ranked) // 2], ranked[(len(ranked) * 99) // 100]
            print(json.dumps({"p50_ms": middle, "p99_ms": high}), flush=True)


async def probe_again(port: int, every_s: float) -> None:
    """Probe again whenever the server has hung up, until killed."""
    while True:
        try:
            await probe(port, every_s)
        except* (OSError, EOFError, AssertionError):
            await asyncio.sleep(_BACK_S)


if __name__ == "__main__":
    work = probe_again if sys.argv[3:] else probe
    asyncio.run(work(int(sys.argv[1]), float(sys.argv[2])))
