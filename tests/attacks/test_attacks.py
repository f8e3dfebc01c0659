"""Attacks on a server while a real publisher and reader go on: they lose nothing."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import itertools
import random
import socket
import struct
import time
from collections import Counter
from contextlib import suppress

import pytest
from attacker import ATTACKER, connect, drop
from rtsp_peer import DEADLINE_S, SDP_VIDEO, RtspPeer, rtp
from victim import VictimFactory, size

pytestmark = [pytest.mark.attack, pytest.mark.timeout(300)]


async def test_slow_loris(start_victim: VictimFactory) -> None:
    victim = await start_victim()
    count = size(1000, 200)
    request = b"DESCRIBE rtsp://127.0.0.1/steady RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: "

    async def drip(after_s: float) -> bytes:
        await asyncio.sleep(after_s)
        peer = await connect(victim.port)
        try:
            closed = asyncio.create_task(peer.reader.read())
            for byte in request + b"a" * 200:
                peer.writer.write(bytes([byte]))
                ended, _ = await asyncio.wait({closed}, timeout=0.5)
                if ended:
                    break
            async with asyncio.timeout(DEADLINE_S):
                return await closed
        except ConnectionError:
            return b"reset"
        finally:
            drop(peer)

    async with victim.attacked(f"{count} slow-loris connections") as notes:
        answers = await asyncio.gather(*(drip(2.0 * index / count) for index in range(count)))
        notes["ended"] = dict(Counter(answer[:12].decode() for answer in answers))
    closed = (await victim.server.sample())["closed_by_cause"]
    assert closed["request_timeout_s"] == count


async def test_random_bytes(start_victim: VictimFactory) -> None:
    victim = await start_victim()
    count = size(10_000, 1000)
    luck = random.Random(4)
    at_once = asyncio.Semaphore(50)
    answered = Counter[str]()

    async def gibber() -> None:
        async with at_once:
            peer = await connect(victim.port)
            try:
                await peer.send(luck.randbytes(luck.randrange(1, 2000)))
                if luck.random() < 0.5:
                    async with asyncio.timeout(0.2):
                        answered[(await peer.reader.read(12)).decode("latin-1")] += 1
            except (ConnectionError, TimeoutError):
                answered["nothing"] += 1
            finally:
                drop(peer)

    async with victim.attacked(f"{count} random-byte connections") as notes:
        await asyncio.gather(*(gibber() for _ in range(count)))
        notes["answered"] = dict(answered)


async def test_flood_of_setups_for_ports(start_victim: VictimFactory) -> None:
    victim = await start_victim({"rtp": {"rtp_port_count": 400}}, publish_over="udp")
    count = size(400, 300)
    answers = Counter[int]()
    at_once = asyncio.Semaphore(50)
    held: list[RtspPeer] = []

    async def grab(index: int) -> None:
        async with at_once:
            peer = await connect(victim.port)
            held.append(peer)
            url = f"rtsp://127.0.0.1:{victim.port}/flood/{index}"
            announced = await peer.ask(
                "ANNOUNCE", url, {"Content-Type": "application/sdp"}, SDP_VIDEO
            )
            if announced.status != 200:
                answers[announced.status] += 1
                return
            transport = "RTP/AVP;unicast;client_port=5000-5001;mode=record"
            headers = {"Transport": transport, "Session": announced.session}
            for _ in range(5):
                setup = await peer.ask("SETUP", f"{url}/streamid=0", headers)
                answers[setup.status] += 1

    async with victim.attacked(
        f"{5 * count} SETUPs of {count} publishers for 200 UDP port pairs"
    ) as notes:
        await asyncio.gather(*(grab(index) for index in range(count)))
        notes["answers"] = dict(answers)
        taken = await victim.server.sample()
        honest = await connect(victim.port, "127.0.0.3")
        url = f"rtsp://127.0.0.1:{victim.port}/honest"
        announced = await honest.ask(
            "ANNOUNCE", url, {"Content-Type": "application/sdp"}, SDP_VIDEO
        )
        transport = "RTP/AVP;unicast;client_port=5000-5001;mode=record"
        headers = {"Transport": transport, "Session": announced.session}
        notes["others"] = (await honest.ask("SETUP", f"{url}/streamid=0", headers)).status
        for peer in (*held, honest):
            drop(peer)
    assert answers[453] > 0, "the share was meant to be used up"
    assert set(answers) <= {200, 453, 503}
    # The attacker's share is half of the range; the victim's publisher holds one pair.
    assert taken["udp_pairs"] == 101
    assert notes["others"] == 200


async def test_wrong_passwords(start_victim: VictimFactory) -> None:
    users = [{"name": "ann", "password": "right", "publish": ["**"], "read": ["**"]}]
    victim = await start_victim({"access": {"users": users}}, credentials="ann:right")
    count = size(1000, 300)
    url = f"rtsp://127.0.0.1:{victim.port}/steady"
    answers = Counter[int]()

    async def guess(index: int) -> None:
        peer = await connect(victim.port)
        for number in range(20):
            headers = {"Authorization": basic(f"ann:wrong{index}-{number}")}
            answers[(await peer.ask("DESCRIBE", url, headers)).status] += 1
        drop(peer)

    async with victim.attacked(f"{count} wrong passwords") as notes:
        for index in range(count // 20):
            await guess(index)
        notes["answers"] = dict(answers)
    assert answers.total() == count
    assert set(answers) == {401, 503}
    # Whom the attacker claimed to be still gets in, from where the attacker is not.
    peer = await RtspPeer.connect(victim.port)
    assert (await peer.ask("DESCRIBE", url, {"Authorization": basic("ann:right")})).status == 200


def slow_hash(password: str) -> str:
    """A hash of some 40 ms, without the 16 MiB of scrypt, which the allocator would keep."""
    iterations, salt = 50_000, bytes(16)
    key = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    coded = [base64.b64encode(part).decode() for part in (salt, key)]
    return "$".join(["pbkdf2-sha256", str(iterations), *coded])


async def test_siege_of_slow_hashes(start_victim: VictimFactory) -> None:
    users = [{"name": "ann", "password": slow_hash("right"), "publish": ["**"], "read": ["**"]}]
    # Not remembered, so that each login needs its own run of the hash.
    access = {"users": users, "verified_lifetime_s": 0.0}
    victim = await start_victim({"access": access}, credentials="ann:right")
    url = f"rtsp://127.0.0.1:{victim.port}/steady"
    answers = Counter[int]()
    refused, over = asyncio.Event(), asyncio.Event()

    async def besiege(number: int) -> None:
        for turn in itertools.count():
            if over.is_set():
                return
            # Each address is used for a few guesses only, as one who has many would.
            peer = await connect(victim.port, f"127.0.{4 + number % 6}.{1 + turn % 50}")
            headers = {"Authorization": basic(f"nobody{number}-{turn}:wrong")}
            status = (await peer.ask("DESCRIBE", url, headers)).status
            answers[status] += 1
            if status == 503:
                refused.set()
            drop(peer)

    async def log_in(source: str) -> int:
        peer = await connect(victim.port, source)
        right = {"Authorization": basic("ann:right")}
        status = (await peer.ask("DESCRIBE", url, right)).status
        drop(peer)
        return status

    async with victim.attacked("70 guessers at slow hashes, from 300 addresses") as notes:
        siege = [asyncio.create_task(besiege(number)) for number in range(70)]
        async with asyncio.timeout(DEADLINE_S):
            await refused.wait()
        known = [await log_in("127.0.0.1") for _ in range(10)]
        new = [await log_in(f"127.0.0.{number}") for number in range(10, 20)]
        over.set()
        await asyncio.gather(*siege)
        notes["answers"] = dict(answers)
    assert set(answers) == {401, 503}
    # The publisher and the reader have logged in from the first; the others never had.
    assert set(known) == {200}
    assert set(new) == {200}


def basic(credentials: str) -> str:
    return "Basic " + base64.b64encode(credentials.encode()).decode()


def spoof(ports: list[int], seconds: float, per_s: int) -> int:
    """Send media, reports and farewells to ports of others, at a pace; how many left."""
    sources = []
    for host in ("127.0.0.1", ATTACKER):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((host, 0))
        sources.append(sock)
    goodbye = struct.pack(">BBHI", 0x81, 203, 1, 0x1234)
    report = struct.pack(">BBHIQIII", 0x80, 200, 6, 0x1234, 1 << 40, 0, 1, 1)
    sent = 0
    began_s = time.monotonic()
    while (passed_s := time.monotonic() - began_s) < seconds:
        while sent < passed_s * per_s:
            port = ports[sent % len(ports)]
            rtcp = (goodbye, report + goodbye)[sent // 7 % 2]
            packet = rtcp if port % 2 else rtp(sent & 0xFFFF, payload=b"\x65" * 1200)
            with suppress(ConnectionRefusedError):
                sources[sent // 3 % 2].sendto(packet, ("127.0.0.1", port))
            sent += 1
        time.sleep(0.001)  # a pace, not a wait for something
    for sock in sources:
        sock.close()
    return sent


@pytest.mark.parametrize("latching", [False, True], ids=["connected", "latching"])
async def test_spoofed_media(start_victim: VictimFactory, latching: bool) -> None:
    settings = {"rtp": {"nat_latching": latching}}
    victim = await start_victim(settings, publish_over="udp", play_over="udp")
    held = await victim.server.sample()
    # The pair of the publisher and the one of its readers, at the beginning of the range.
    assert (held["udp_pairs"], held["udp_busy_skips"]) == (2, 0)
    ports = [held["udp_first"] + offset for offset in range(4)]
    seconds = size(10, 4)
    async with victim.attacked(f"spoofed media at 10,000 packets a second, {latching=}") as notes:
        notes["sent"] = await asyncio.to_thread(spoof, ports, seconds, 10_000)
    assert notes["sent"] >= 9000 * seconds
    assert (await victim.server.sample())["stray_datagrams"] > 0
