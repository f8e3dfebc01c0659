"""Multicast: one group a track for everybody who asks for it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace

import pytest
from logged import events
from multicast_peer import group_member
from own_ports import own_port
from rtsp_peer import DEADLINE_S, SDP, Answer, RtspPeer, TcpPublisher, TcpReader, frame, rtp

from headwater import MountOverride, MountSettings, RtspServer, Settings
from headwater.protocol.rtcp import ReportBlock, SenderReport, parse_rtcp
from headwater.protocol.rtcp_build import receiver_report, sender_report

ServerFactory = Callable[..., Awaitable[RtspServer]]

GROUP, PORT = "239.77.1.9", own_port(500)
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
    for part in (
        "multicast",
        f"destination={GROUP}",
        "source=127.0.0.1",
        f"port={PORT}-{PORT + 1}",
        "ttl=3",
    ):
        assert part in transport
    headers = {"Session": first.session}
    second = await peer.ask("SETUP", server.play_url("/a") + "/trackID=1", MULTICAST | headers)
    assert f"port={PORT + 2}-{PORT + 3}" in (second.header("Transport") or "")
    assert (await peer.ask("PLAY", server.play_url("/a"), headers)).status == 200
    await publisher.peer.send(frame(0, rtp(1)) + frame(2, rtp(2)))
    assert await received(group[0]) == rtp(1)
    assert await received(group[2]) == rtp(2)
    assert server.udp_pairs_in_use == 0


async def test_media_and_reports_leave_from_the_ports_of_the_group(
    start_server: ServerFactory, group: tuple[socket.socket, ...]
) -> None:
    server = await start_server(settings=Settings(mounts=MOUNTS))
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    peer, answer = await setup(server)
    headers = {"Session": answer.session}
    assert (await peer.ask("PLAY", server.play_url("/a"), headers)).status == 200
    report = sender_report(0x1234, ntp=1 << 32, rtp_timestamp=3000, packets=1, octets=12, cname="a")
    await publisher.peer.send(frame(0, rtp(1)) + frame(1, report))
    loop = asyncio.get_running_loop()
    for sock, port in ((group[0], PORT), (group[1], PORT + 1)):
        async with asyncio.timeout(DEADLINE_S):
            _, source = await loop.sock_recvfrom(sock, 65536)
        assert source == ("127.0.0.1", port)


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


def ports_of(answer: Answer) -> str:
    [ports] = [
        part for part in (answer.header("Transport") or "").split(";") if part.startswith("port=")
    ]
    return ports


async def test_mounts_of_one_group_take_the_ports_that_are_free(
    start_server: ServerFactory, group: tuple[socket.socket, ...]
) -> None:
    server = await start_server(settings=Settings(mounts=MOUNTS))
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"), SDP)
    second = await TcpPublisher.start(server.publish_port, server.publish_url("/b"))
    peer, answer = await setup(server, "/a")
    headers = {"Session": answer.session}
    assert ports_of(answer) == f"port={PORT}-{PORT + 1}"
    reader, moved = await setup(server, "/b")
    assert ports_of(moved) == f"port={PORT + 2}-{PORT + 3}"
    await reader.ask("PLAY", server.play_url("/b"), {"Session": moved.session})
    [sent] = await second.send()
    assert await received(group[2]) == sent
    pushed = await peer.ask("SETUP", server.play_url("/a") + "/trackID=1", MULTICAST | headers)
    assert ports_of(pushed) == f"port={PORT + 4}-{PORT + 5}"
    assert (await peer.ask("TEARDOWN", server.play_url("/a"), headers)).status == 200
    assert ports_of((await setup(server, "/a"))[1]) == f"port={PORT}-{PORT + 1}"


async def test_group_without_ports_for_all_tracks_is_461_and_leaves_no_socket(
    start_server: ServerFactory, caplog: pytest.LogCaptureFixture
) -> None:
    mounts = replace(MOUNTS, multicast_port_start=65532)
    server = await start_server(settings=Settings(mounts=mounts))
    for path in ("/a", "/b"):
        await TcpPublisher.start(server.publish_port, server.publish_url(path), SDP)
    assert [(await setup(server, "/a", track))[1].status for track in (0, 1)] == [200, 200]
    for track in (0, 1):
        assert (await setup(server, "/b", track))[1].status == 461
    assert "multicast refused" in events(caplog.records)
    assert len(server.status().egresses) == 2


async def test_receiver_reports_to_the_group_keep_a_session_and_tell_its_loss(
    start_server: ServerFactory, group: tuple[socket.socket, ...]
) -> None:
    server = await start_server(settings=Settings(mounts=MOUNTS))
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"), SDP)
    peer, answer = await setup(server)
    await peer.ask("PLAY", server.play_url("/a"), {"Session": answer.session})
    session_id = answer.session.partition(";")[0]
    seen_s = server.sessions[session_id].last_seen_s
    report = receiver_report(0x99, [ReportBlock(0x1234, 64, 7, 100, 0)], cname="reader")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as member:
        member.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        member.sendto(report, (GROUP, PORT + 1))
        async with asyncio.timeout(DEADLINE_S):
            while server.sessions[session_id].last_seen_s == seen_s:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
    [reader] = server.mounts["/a"].readers
    assert (reader.reported_lost_packets, reader.reported_fraction_lost) == (7, 0.25)
    seen_s = server.sessions[session_id].last_seen_s
    # What the server sends to the group itself is nobody's sign of life.
    own = sender_report(0x1234, ntp=1 << 32, rtp_timestamp=90000, packets=1, octets=12, cname="a")
    await publisher.peer.send(frame(1, own))
    while await received(group[1]) != own:
        pass
    await asyncio.sleep(0)
    assert server.sessions[session_id].last_seen_s == seen_s
    assert server.status().egress.stray_datagrams == 0


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
    told, came = parse_rtcp(await received(group[1]))[0], parse_rtcp(report)[0]
    assert isinstance(told, SenderReport)
    assert isinstance(came, SenderReport)
    # The same clock, at the instant at which the listener begins.
    units = round((told.ntp - came.ntp) * 90_000 / 2**32)
    assert abs((told.rtp_timestamp - came.rtp_timestamp - units + 4) % 2**32) <= 8
