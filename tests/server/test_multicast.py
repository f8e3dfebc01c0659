"""Multicast: one group a track for everybody who asks for it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace

import pytest
from multicast_peer import group_member
from rtsp_peer import DEADLINE_S, SDP, Answer, RtspPeer, TcpPublisher, TcpReader, frame, rtp

from headwater import MountOverride, MountSettings, RtspServer, Settings
from headwater.protocol.rtcp_build import sender_report

ServerFactory = Callable[..., Awaitable[RtspServer]]

GROUP, PORT = "239.77.1.9", 43500
MULTICAST = {"Transport": "RTP/AVP;multicast"}
MOUNTS = MountSettings(
    multicast_group=GROUP,
    multicast_port_start=PORT,
    multicast_ttl=3,
    multicast_interface="127.0.0.1",
)


@pytest.fixture
def group() -> Iterator[tuple[socket.socket, ...]]:
    """Listeners for the first track's RTP and RTCP and the second track's RTP."""
    try:
        socks = tuple(group_member(GROUP, port) for port in (PORT, PORT + 1, PORT + 2))
    except OSError as error:
        pytest.skip(f"no multicast on this machine's loopback: {error}")
    yield socks
    for sock in socks:
        sock.close()


async def received(sock: socket.socket) -> bytes:
    async with asyncio.timeout(DEADLINE_S):
        return await asyncio.get_running_loop().sock_recv(sock, 65536)


async def setup(server: RtspServer, path: str = "/a", track: int = 0) -> tuple[RtspPeer, Answer]:
    peer = await RtspPeer.connect(server.play_port)
    uri = server.play_url(path) + f"/trackID={track}"
    return peer, await peer.ask("SETUP", uri, MULTICAST)


async def test_setup_tells_group_port_and_ttl_and_media_comes_there(
    start_server: ServerFactory, group: tuple[socket.socket, ...]
) -> None:
    server = await start_server(settings=Settings(mounts=MOUNTS))
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"), SDP)
    peer, first = await setup(server)
    assert first.status == 200
    transport = first.header("Transport") or ""
    for part in ("multicast", f"destination={GROUP}", f"port={PORT}-{PORT + 1}", "ttl=3"):
        assert part in transport
    headers = {"Session": first.session}
    second = await peer.ask("SETUP", server.play_url("/a") + "/trackID=1", MULTICAST | headers)
    assert f"port={PORT + 2}-{PORT + 3}" in (second.header("Transport") or "")
    assert (await peer.ask("PLAY", server.play_url("/a"), headers)).status == 200
    await publisher.peer.send(frame(0, rtp(1)) + frame(2, rtp(2)))
    assert await received(group[0]) == rtp(1)
    assert await received(group[2]) == rtp(2)
    assert server.udp_pairs_in_use == 0


async def test_all_listeners_share_one_send(
    start_server: ServerFactory, group: tuple[socket.socket, ...]
) -> None:
    server = await start_server(settings=Settings(mounts=MOUNTS))
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    peers = []
    for _ in range(3):
        peer, answer = await setup(server)
        headers = {"Session": answer.session}
        assert (await peer.ask("PLAY", server.play_url("/a"), headers)).status == 200
        peers.append((peer, headers))
    tcp = await TcpReader.start(server.play_port, server.play_url("/a"))
    assert server.mounts["/a"].tracks[0].outlets == 2, "the group, and the reader over TCP"
    [sent] = await publisher.send()
    assert await received(group[0]) == sent
    assert await tcp.peer.frame() == (0, sent)
    with pytest.raises(BlockingIOError):
        group[0].recv(1)
    for peer, headers in peers[:2]:
        assert (await peer.ask("TEARDOWN", server.play_url("/a"), headers)).status == 200
    [sent] = await publisher.send()
    assert await received(group[0]) == sent
    peer, headers = peers[2]
    assert (await peer.ask("PAUSE", server.play_url("/a"), headers)).status == 200
    assert server.mounts["/a"].tracks[0].outlets == 1


async def test_mount_without_a_group_is_461(start_server: ServerFactory) -> None:
    override = MountOverride(pattern="/m/*", multicast_group=GROUP, multicast_interface="127.0.0.1")
    server = await start_server(settings=Settings(mount_overrides=(override,)))
    for path in ("/a", "/m/a"):
        await TcpPublisher.start(server.publish_port, server.publish_url(path))
    assert (await setup(server, "/a"))[1].status == 461
    assert (await setup(server, "/m/a"))[1].status == 200


async def test_two_mounts_never_share_a_group_and_port(
    start_server: ServerFactory, caplog: pytest.LogCaptureFixture
) -> None:
    server = await start_server(settings=Settings(mounts=MOUNTS))
    for path in ("/a", "/b"):
        await TcpPublisher.start(server.publish_port, server.publish_url(path))
    peer, answer = await setup(server, "/a")
    assert answer.status == 200
    other, refused = await setup(server, "/b")
    assert refused.status == 461
    assert "multicast refused" in caplog.messages
    uri = server.play_url("/b") + "/trackID=0"
    both = {"Transport": "RTP/AVP;multicast,RTP/AVP/TCP;unicast;interleaved=4-5"}
    second = await other.ask("SETUP", uri, both)
    assert "interleaved=4-5" in (second.header("Transport") or "")
    headers = {"Session": answer.session}
    assert (await peer.ask("TEARDOWN", server.play_url("/a"), headers)).status == 200
    assert (await setup(server, "/b"))[1].status == 200


async def test_group_that_cannot_be_sent_to_is_461(start_server: ServerFactory) -> None:
    mounts = replace(MOUNTS, multicast_interface="203.0.113.1")
    server = await start_server(settings=Settings(mounts=mounts))
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    peer, answer = await setup(server)
    assert answer.status == 461
    tcp = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}
    assert (await peer.ask("SETUP", server.play_url("/a") + "/trackID=0", tcp)).status == 200


async def test_listener_who_joins_hears_the_last_sender_report(
    start_server: ServerFactory, group: tuple[socket.socket, ...]
) -> None:
    server = await start_server(settings=Settings(mounts=MOUNTS))
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"), SDP)
    report = sender_report(
        0x1234, ntp=1 << 32, rtp_timestamp=90000, packets=1, octets=12, cname="a"
    )
    witness = await TcpReader.start(server.play_port, server.play_url("/a"))
    await publisher.peer.send(frame(0, rtp(1)) + frame(1, report))
    while await witness.peer.frame() != (1, report):
        pass
    peer, answer = await setup(server)
    await peer.ask("PLAY", server.play_url("/a"), {"Session": answer.session})
    assert await received(group[1]) == report
