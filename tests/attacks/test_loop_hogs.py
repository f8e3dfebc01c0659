"""Peers that try to have the server's loop, or its memory, for themselves."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter

import pytest
from attacker import connect, drop
from rtsp_peer import DEADLINE_S, RtspPeer, TcpPublisher, frame, rtp
from turns import Turns
from victim import VictimFactory, size

pytestmark = [pytest.mark.attack, pytest.mark.timeout(300)]

HEAD = b"v=0\r\ns=x\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
DESCRIPTIONS = {
    "too many lines": HEAD + b"i=\xff\n" * 32_000,
    "too many parameters": HEAD + b"a=fmtp:96 " + b"x;" * 60_000,
    "as many lines as there may be": HEAD + b"".join(b"a=x%d:\xff\n" % n for n in range(490)),
    "as many bytes as there may be": HEAD + b"a=x:" + b"x" * 130_000 + b"\r\n",
}
SDP_HEADERS = {"Content-Type": "application/sdp"}


@pytest.mark.parametrize("text", DESCRIPTIONS.values(), ids=DESCRIPTIONS.keys())
async def test_descriptions(start_victim: VictimFactory, text: bytes) -> None:
    victim = await start_victim()
    count = size(12, 8)
    answers = Counter[int]()
    held: list[RtspPeer] = []

    async def announce(index: int) -> None:
        peer = await connect(victim.port)
        held.append(peer)
        url = f"rtsp://127.0.0.1:{victim.port}/hog/{index}"
        requests = [
            peer.request("ANNOUNCE", f"{url}/{number}", SDP_HEADERS, text) for number in range(16)
        ]
        peer.writer.write(b"".join(requests))
        for _ in requests:
            answers[(await peer.answer()).status] += 1

    async with victim.attacked(f"{16 * count} descriptions of {len(text)} bytes") as notes:
        before = await victim.server.sample()
        await asyncio.gather(*(announce(index) for index in range(count)))
        grown_bytes = (await victim.server.sample())["memory_bytes"] - before["memory_bytes"]
        notes |= {"answers": dict(answers), "grown_mb": round(grown_bytes / 1e6, 1)}
        for peer in held:
            drop(peer)
    assert answers.total() == 16 * count
    # What is kept of all is three times what may be announced, and some kB for each session.
    assert grown_bytes <= min(3 * 64e6, 3 * len(text) * answers[200]) + 16 * count * 8_000 + 5e6


REQUESTS = {
    "OPTIONS": ("OPTIONS", {}, b""),
    "DESCRIBE": ("DESCRIBE", {}, b""),
    "tags": ("OPTIONS", {"Require": ",".join("abcdefgh" * 12)}, b""),
    "transports": ("SETUP", {"Transport": ",".join(["RTP/AVP;client_port=5000-5001"] * 40)}, b""),
    "bodies": ("GET_PARAMETER", {}, b"x" * 60_000),
}


@pytest.mark.parametrize(("method", "headers", "body"), REQUESTS.values(), ids=REQUESTS.keys())
async def test_requests_without_pause(
    start_victim: VictimFactory, method: str, headers: dict[str, str], body: bytes
) -> None:
    victim = await start_victim()
    seconds = size(10, 3)
    url = f"rtsp://127.0.0.1:{victim.port}/steady/trackID=0"
    answers = Counter[str]()

    async def hog() -> None:
        peer = await connect(victim.port)
        row = b"".join(peer.request(method, url, headers, body) for _ in range(200))

        async def read() -> None:
            while data := await peer.reader.read(1 << 16):
                answers["bytes"] += len(data)

        reading = asyncio.create_task(read())
        end_s = asyncio.get_running_loop().time() + seconds
        try:
            async with asyncio.timeout_at(end_s):
                while True:
                    await peer.send(row)
        except (TimeoutError, ConnectionError):
            drop(peer)
        await asyncio.wait({reading}, timeout=DEADLINE_S)

    async with victim.attacked(f"{method} without pause on 8 connections: {seconds} s") as notes:
        await asyncio.gather(*(hog() for _ in range(8)))
        notes |= answers
    assert answers["bytes"]


async def test_many_full_caches(start_victim: VictimFactory) -> None:
    total_bytes = 64 << 20
    victim = await start_victim({"limits": {"gop_cache_bytes_total": total_bytes}})
    count = size(30, 12)
    key = frame(0, rtp(0))
    packets = [frame(0, rtp(seq, payload=b"\x41" + bytes(1300))) for seq in range(1, 8000)]
    async with victim.attacked(f"{count} mounts with {8 * 1300 * count // 1000} MB kept") as notes:
        before = await victim.server.sample()
        publishers = []
        for index in range(count):
            url = f"rtsp://127.0.0.1:{victim.port}/hog/{index}"
            publisher = await TcpPublisher.start(victim.port, url)
            publishers.append(publisher)
            await publisher.peer.send(key + b"".join(packets))
            assert (await publisher.peer.ask("OPTIONS", "*")).status == 200
        grown_bytes = (await victim.server.sample())["memory_bytes"] - before["memory_bytes"]
        notes["grown_mb"] = round(grown_bytes / 1e6, 1)
        # What they leave goes back to the system, with nobody else who comes or goes.
        for publisher in publishers:
            drop(publisher.peer)
    assert grown_bytes <= 1.3 * total_bytes + 5e6


@pytest.mark.skipif(sys.platform == "win32", reason="SIGSTOP is of Unix")
async def test_a_server_that_was_stopped(start_victim: VictimFactory, turns: Turns) -> None:
    settings = {
        "mounts": {"publisher_idle_timeout_s": 2.0},
        "sessions": {"timeout_s": 2.0},
    }
    async with turns.turn():
        victim = await start_victim(settings)
        before = await victim.server.sample()
        os.kill(victim.server.pid, signal.SIGSTOP)
        await asyncio.sleep(size(12, 4))  # real time: the kernel alone knows that the server sleeps
        os.kill(victim.server.pid, signal.SIGCONT)
        await victim.steady.frames(100)
        after = await victim.server.sample()
        assert victim.steady.alive
        assert (victim.steady.account.lost, victim.steady.account.damaged) == (0, 0)
        assert after["sessions"] == before["sessions"]
