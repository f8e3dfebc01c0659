"""Peers that make a server write and do not read: what waits for them stays bounded."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from contextlib import suppress
from typing import Any

import pytest
from attacker import ATTACKER, drop
from rtsp_peer import SDP_VIDEO, RtspPeer, TcpPublisher, TcpReader, frame, rtp
from victim import Victim, VictimFactory, size

pytestmark = [pytest.mark.attack, pytest.mark.timeout(300)]

MOST_GROWTH_BYTES = 12_000_000
"""Of the whole server while the attack runs, whatever was sent."""

STALL_S = 3.0


async def narrow_peer(port: int) -> tuple[RtspPeer, socket.socket]:
    """A peer whose own buffer takes nearly nothing, and its socket."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.bind((ATTACKER, 0))
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    peer = await RtspPeer.over(sock)
    peer.stop_reading()
    return peer, sock


async def push(peer: RtspPeer, data: bytes, until_s: float) -> int:
    """Send the same over and over as long as the server takes it; how many bytes were offered."""
    loop, offered = asyncio.get_running_loop(), 0
    while loop.time() < until_s and not peer.writer.transport.is_closing():
        peer.writer.write(data)
        offered += len(data)
        try:
            async with asyncio.timeout_at(until_s):
                await peer.writer.drain()
        except (TimeoutError, ConnectionError):
            break
    return offered


async def peak_of(victim: Victim, until_s: float) -> int:
    """The most memory that the server held up to then."""
    loop, peak = asyncio.get_running_loop(), 0
    while loop.time() < until_s:
        peak = max(peak, (await victim.server.sample())["memory_bytes"])
    return peak


@pytest.mark.parametrize("reading", ["never", "a little", "at first"])
async def test_answers_that_are_not_read(start_victim: VictimFactory, reading: str) -> None:
    victim = await start_victim({"limits": {"write_stall_timeout_s": STALL_S}})
    count = size(50, 10)
    url = f"rtsp://127.0.0.1:{victim.port}/steady"
    loop = asyncio.get_running_loop()

    async def ask(peer: RtspPeer, sock: socket.socket, until_s: float) -> int:
        requests = b"".join(peer.request("DESCRIBE", url) for _ in range(100))
        pushed = asyncio.create_task(push(peer, requests, until_s))
        if reading == "at first":
            peer.resume_reading()
            await peer.answer()
            peer.stop_reading()
        while reading == "a little" and not pushed.done():
            await asyncio.wait({pushed}, timeout=0.5)
            with suppress(OSError):
                os.read(sock.fileno(), 100)
        return await pushed

    async with victim.attacked(f"{count} peers that read their answers: {reading}") as notes:
        before = await victim.server.sample()
        peers = [await narrow_peer(victim.port) for _ in range(count)]
        until_s = loop.time() + STALL_S + 4.0
        *offered, peak = await asyncio.gather(
            *(ask(*peer, until_s) for peer in peers), peak_of(victim, until_s)
        )
        notes |= {"offered_mb": sum(offered) / 1e6, "peak_mb": peak / 1e6}
        closed = (await victim.server.sample())["closed_by_cause"]
        for peer, _ in peers:
            drop(peer)
    assert closed.get("write_stall_timeout_s") == count
    assert peak - before["memory_bytes"] <= MOST_GROWTH_BYTES


def reports(count: int) -> bytes:
    report = struct.pack(">BBHIQIII", 0x80, 200, 6, 0x1234, 1 << 40, 0, 1, 1)
    return frame(1, report) * count


@pytest.mark.parametrize("reads", [True, False], ids=["read", "unread"])
async def test_flood_of_rtcp(start_victim: VictimFactory, reads: bool) -> None:
    """A publisher's reports go to many readers, who read them or not; there is no RTP."""
    victim = await start_victim()
    count, seconds = size(100, 20), size(10, 4)
    url = f"rtsp://127.0.0.1:{victim.port}/flood"
    loop = asyncio.get_running_loop()

    async def swallow(reader: TcpReader) -> None:
        with suppress(Exception):
            while await reader.peer.reader.read(65536):
                pass

    async with victim.attacked(f"reports as fast as they are taken, {count} readers") as notes:
        before = await victim.server.sample()
        publisher = await TcpPublisher.start(victim.port, url, SDP_VIDEO)
        await publisher.peer.send(frame(0, rtp(1)))
        readers: list[Any] = [await TcpReader.start(victim.port, url) for _ in range(count)]
        swallowing = [asyncio.create_task(swallow(reader)) for reader in readers if reads]
        until_s = loop.time() + seconds
        offered, peak = await asyncio.gather(
            push(publisher.peer, reports(1000), until_s), peak_of(victim, until_s)
        )
        notes |= {"offered_mb": offered / 1e6, "peak_mb": peak / 1e6}
        for peer in (publisher.peer, *(reader.peer for reader in readers)):
            drop(peer)
        for task in swallowing:
            task.cancel()
        await asyncio.gather(*swallowing, return_exceptions=True)
    assert offered > 1_000_000
    assert peak - before["memory_bytes"] <= MOST_GROWTH_BYTES
