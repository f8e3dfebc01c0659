"""What each reader was sent, as snapshots tell it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from rtsp_peer import DEADLINE_S, TcpPublisher, TcpReader
from udp_peer import UdpReader

from headwater import RtspServer

ServerFactory = Callable[..., Awaitable[RtspServer]]


def sent(server: RtspServer) -> dict[str, tuple[int, int]]:
    return {
        reader.transport: (reader.sent_packets, reader.sent_bytes)
        for reader in server.mounts["/a"].readers
    }


async def until_packets(server: RtspServer, count: int) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while server.mounts["/a"].tracks[0].packets < count:  # noqa: ASYNC110
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("kind", ["tcp", "udp"])
async def test_packets_and_bytes_are_those_since_play_without_pauses(
    start_server: ServerFactory, kind: str
) -> None:
    server = await start_server()
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    await publisher.send(3)
    await until_packets(server, 3)
    url = server.play_url("/a") + "?instant_start=0"
    start = TcpReader.start if kind == "tcp" else UdpReader.start
    reader = await start(server.play_port, url)
    assert sent(server) == {kind: (0, 0)}
    first = await publisher.send(5)
    await until_packets(server, 8)
    size = sum(map(len, first))
    assert sent(server) == {kind: (5, size)}
    headers = {"Session": reader.session}
    assert (await reader.peer.ask("PAUSE", url, headers)).status == 200
    await publisher.send(4)
    await until_packets(server, 12)
    assert sent(server) == {kind: (5, size)}
    assert (await reader.peer.ask("PLAY", url, headers)).status == 200
    more = await publisher.send(2)
    await until_packets(server, 14)
    assert sent(server) == {kind: (7, size + sum(map(len, more)))}


async def test_kept_packets_of_an_instant_start_count(start_server: ServerFactory) -> None:
    server = await start_server()
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    key = bytes([0x80, 96, 0, 1]) + bytes(8) + b"\x65\x88" + bytes(100)
    await publisher.peer.send(b"$\0" + len(key).to_bytes(2, "big") + key)
    await until_packets(server, 1)
    readers = [
        await kind.start(server.play_port, server.play_url("/a")) for kind in (TcpReader, UdpReader)
    ]
    async with asyncio.timeout(DEADLINE_S):
        while server.mounts["/a"].caught_up < len(readers):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    assert sent(server) == {"tcp": (1, len(key)), "udp": (1, len(key))}
