"""The bus beside workers that are slow, gone or wrong."""

from __future__ import annotations

import asyncio
import socket
import struct
from itertools import pairwise

import pytest
from machine import Machine, machine
from rtsp_peer import TcpPublisher, TcpReader, frame, rtp

from headwater.cluster.bus.frames import BusParser, Frame, Kind, text_frame
from headwater.cluster.bus.receiving import BusPublisher
from headwater.cluster.bus.sending import BusReader, begin_sending
from headwater.cluster.leases import Tenure
from headwater.config.settings import Settings
from headwater.media.settings import MountSettings

HEAD = struct.Struct(">BBHId")


def pulled_by_hand(both: Machine) -> socket.socket:
    """A socket on which worker 0 sends the mount of the tests, to whoever reads it."""
    own, other = socket.socketpair()
    own.setblocking(False)
    tenure = both.directory.leases.find("/cam")
    assert tenure is not None
    relay, mount = both.inside(0).relay, both.mount(0)
    assert begin_sending(relay, mount, tenure, other, "by hand", lambda _: None) is not None
    return own


async def frames_of(sock: socket.socket, parser: BusParser, least: int) -> list[Frame]:
    loop = asyncio.get_running_loop()
    got: list[Frame] = []
    async with asyncio.timeout(10):
        while len(got) < least:
            got += parser.feed(await loop.sock_recv(sock, 1 << 20))
    return got


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\n\r\n" + bytes(64),
        text_frame(Kind.KEY_FRAME, track=9),
        text_frame(Kind.END, b"?"),
        HEAD.pack(Kind.RTP, 0, 1, 14, 0.0) + b"\x00\x0c" + bytes(12),
    ],
)
async def test_who_pulls_and_says_what_is_wrong_is_let_go(said: bytes) -> None:
    async with machine() as both:
        await TcpPublisher.start(both.port(0), both.url(0))
        sock = pulled_by_hand(both)
        assert both.mount(0).readers
        sock.send(said)
        await both.until(lambda: not both.mount(0).readers)
        kinds = [each.kind for each in await frames_of(sock, BusParser(), 2)]
        assert kinds == [Kind.DESCRIPTION, Kind.END]
        sock.close()


@pytest.mark.parametrize(
    "said",
    [
        b"\xff" * 64,
        text_frame(Kind.DESCRIPTION, b"no epoch\nv=0"),
        text_frame(Kind.DESCRIPTION, b"7 \nno description"),
        HEAD.pack(Kind.RTP, 0, 1, 14, 0.0) + b"\x00\x0c" + bytes(12),
        b"",
    ],
)
async def test_who_sends_what_is_wrong_opens_no_mount(said: bytes) -> None:
    async with machine() as both:
        own, other = socket.socketpair()
        ended: list[str] = []
        tenure = Tenure("/cam", "worker-9", 7)
        publisher = BusPublisher(
            both.inside(0).relay, tenure, other, lambda _, reason: ended.append(reason)
        )
        own.send(said) if said else own.close()
        assert await asyncio.wait_for(publisher.opened, 10) is None
        assert both.inside(0).mounts.get("/cam") is None
        assert len(ended) == 1
        own.close()


async def test_a_pull_that_does_not_keep_up_loses_whole_stretches_and_is_bounded() -> None:
    mounts = MountSettings(
        slow_reader_max_bytes=200_000, gop_cache_max_bytes=0, request_key_frames=False
    )
    async with machine(settings=Settings(mounts=mounts)) as both:
        publisher = await TcpPublisher.start(both.port(0), both.url(0))
        sock = pulled_by_hand(both)
        (pull,) = both.mount(0).readers
        seq = 0
        while not pull.dropped_packets:
            for _ in range(40):
                # Every tenth is a key frame of one packet, the others are slices.
                kind = b"\x65\x88" if seq % 10 == 0 else b"\x41\x9a"
                packet = rtp(seq, payload=kind + seq.to_bytes(4, "big") + bytes(1000))
                publisher.peer.writer.write(frame(0, packet))
                seq += 1
            await publisher.peer.writer.drain()
            await asyncio.sleep(0)
            assert pull.queued_bytes < 1_000_000
            assert seq < 20_000
        parser = BusParser()
        numbers: list[int] = []

        async def take() -> None:
            for each in await frames_of(sock, parser, 1):
                numbers.extend(int.from_bytes(p[14:18], "big") for p in each.packets)

        await both.until(lambda: both.mount(0).tracks[0].counters.packets == seq)
        while pull.queued_bytes:
            await take()
        for _ in range(20):
            kind = b"\x65\x88" if seq % 10 == 0 else b"\x41\x9a"
            packet = rtp(seq, payload=kind + seq.to_bytes(4, "big") + bytes(1000))
            publisher.peer.writer.write(frame(0, packet))
            seq += 1
        while not numbers or numbers[-1] != seq - 1:
            await take()
        gaps = [after for before, after in pairwise(numbers) if after != before + 1]
        assert gaps
        assert all(number % 10 == 0 for number in gaps)
        sock.close()


async def test_a_reader_beyond_a_pull_that_breaks_gets_the_rest_by_another_pull() -> None:
    async with machine() as both:
        publisher = await TcpPublisher.start(both.port(0), both.url(0))
        await publisher.send(1)
        reader = await TcpReader.start(both.port(1), both.url(1))
        first = await reader.peer.frame()
        (pull,) = both.mount(0).readers
        assert isinstance(pull, BusReader)
        pull.end("broken")
        await both.until(lambda: both.mount(0).readers and both.mount(1).publisher is not None)
        sent = await publisher.send(2)
        got = [await reader.peer.frame() for _ in range(2)]
        last = int.from_bytes(first[1][2:4], "big")
        assert [int.from_bytes(packet[2:4], "big") for _, packet in got] == [last + 1, last + 2]
        assert len(sent) == 2
