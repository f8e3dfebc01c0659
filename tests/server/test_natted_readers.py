"""Readers over UDP whose NAT maps their ports, with latching and without."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from inside import inside
from logged import event_of
from rtsp_peer import SDP, RtspPeer, TcpPublisher, frame
from udp_peer import UdpPair, UdpReader, wait_for

from headwater import MountSettings, RtpSettings, RtspServer, Settings
from headwater.protocol.rtcp import ReportBlock
from headwater.protocol.rtcp_build import receiver_report, sender_report

ServerFactory = Callable[..., Awaitable[RtspServer]]

SSRC = 0x1234
REPORT = sender_report(SSRC, ntp=1 << 40, rtp_timestamp=0, packets=1, octets=1, cname="cam")
ACKNOWLEDGED = receiver_report(7, [ReportBlock(SSRC, 0, 0, 1, 0)], cname="reader")
EMPTY = receiver_report(7, cname="reader")
PUNCH = b"\x80\x00" + bytes(10)


@pytest.fixture
async def latching(start_server: ServerFactory) -> RtspServer:
    rtp = RtpSettings(nat_latching=True)
    mounts = MountSettings(publisher_idle_timeout_s=0)
    return await start_server(settings=Settings(rtp=rtp, mounts=mounts), host="")


def stray_datagrams(server: RtspServer) -> int:
    service = inside(server)
    return sum(each.stray_datagrams for each in service.transports.egresses._egresses.values())


def punch(pair: UdpPair, reader: UdpReader) -> None:
    """Open the NAT, as players do, with what they send to both of the server's ports."""
    pair.rtp.sendto(PUNCH, ("127.0.0.1", reader.server_port))
    pair.rtcp.sendto(EMPTY, ("127.0.0.1", reader.server_port + 1))


async def test_media_goes_where_the_first_packets_came_from(latching: RtspServer) -> None:
    publisher = await TcpPublisher.start(latching.publish_port, latching.publish_url("/a"))
    reader = await UdpReader.start(latching.play_port, latching.play_url("/a"))
    elsewhere, behind_nat, late = UdpPair("127.0.0.2"), UdpPair(), UdpPair()
    for pair in (elsewhere, behind_nat, late):
        before = stray_datagrams(latching)
        punch(pair, reader)
        await wait_for(lambda: stray_datagrams(latching) > before)  # noqa: B023
    [sent] = await publisher.send()
    assert await behind_nat.packet() == sent
    await publisher.peer.send(frame(1, REPORT))
    assert (await behind_nat.packet(behind_nat.rtcp))[1] == 200
    assert reader.nothing_waits()
    assert elsewhere.nothing_waits()
    assert late.nothing_waits()


async def test_a_latched_port_goes_on_through_pause_and_ends_with_the_session(
    latching: RtspServer,
) -> None:
    publisher = await TcpPublisher.start(latching.publish_port, latching.publish_url("/a"))
    reader = await UdpReader.start(latching.play_port, latching.play_url("/a"))
    behind_nat = UdpPair()
    punch(behind_nat, reader)
    await wait_for(lambda: stray_datagrams(latching))
    headers = {"Session": reader.session}
    assert (await reader.peer.ask("PAUSE", reader.url, headers)).status == 200
    play = await reader.peer.ask("PLAY", reader.url + "?instant_start=0", headers)
    assert play.status == 200
    [sent] = await publisher.send()
    assert await behind_nat.packet() == sent
    assert (await reader.peer.ask("TEARDOWN", reader.url, headers)).status == 200
    await wait_for(lambda: latching.udp_pairs_in_use == 0)


async def test_media_that_arrived_is_never_sent_elsewhere(latching: RtspServer) -> None:
    publisher = await TcpPublisher.start(latching.publish_port, latching.publish_url("/a"))
    reader = await UdpReader.start(latching.play_port, latching.play_url("/a"))
    [sent] = await publisher.send()
    assert await reader.packet() == sent
    reader.rtcp.sendto(ACKNOWLEDGED, ("127.0.0.1", reader.server_port + 1))
    service = inside(latching)
    session = service.reader_session(reader.session)
    ended: Any = session.reader
    await wait_for(lambda: ended._legs[0].claim.acknowledged)
    thief = UdpPair()
    punch(thief, reader)
    await wait_for(lambda: stray_datagrams(latching) >= 2)
    [sent] = await publisher.send()
    assert await reader.packet() == sent
    assert thief.nothing_waits()


async def test_without_latching_one_line_and_a_hint_name_the_cure(
    server: RtspServer, caplog: pytest.LogCaptureFixture
) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"), SDP)
    reader = UdpReader()
    peer = reader.peer = await RtspPeer.connect(server.play_port)
    url = server.play_url("/a")
    setup = await reader.setup(peer, url)
    reader.server_port = int((setup.header("Transport") or "").split("server_port=")[1][:5])
    assert server.mounts["/a"].readers[0].hint == ""
    behind_nat = UdpPair()
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            punch(behind_nat, reader)
        await wait_for(lambda: stray_datagrams(server) == 6)
    await peer.ask("PLAY", url, {"Session": setup.session})
    [sent] = await publisher.send()
    assert await reader.packet() == sent
    assert behind_nat.nothing_waits()
    event = "reader's packets come from another port"
    [line] = [record for record in caplog.records if event_of(record) == event]
    told = vars(line)
    assert told["mount"] == "/a"
    assert f"asked for media at ports {reader.port}-{reader.port + 1}" in told["cause"]
    assert f"sends from {behind_nat.port}" in told["cause"]
    [snapshot] = server.mounts["/a"].readers
    for text in (told["cause"], snapshot.hint):
        assert "rtp.nat_latching" in text
    assert f"{behind_nat.port} and {behind_nat.port + 1}" in snapshot.hint


async def test_a_report_of_the_media_from_another_port_is_a_sign_of_life(
    start_server: ServerFactory, clock: Any
) -> None:
    settings = Settings(mounts=MountSettings(publisher_idle_timeout_s=0))
    server = await start_server(settings=settings)
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    await publisher.send()
    await wait_for(lambda: server.mounts["/a"].tracks[0].packets)
    reader = await UdpReader.start(server.play_port, server.play_url("/a"))
    other = await UdpReader.start(server.play_port, server.play_url("/a"))
    for each in (reader, other):
        # For one that plays, time without packets does not count.
        headers = {"Session": each.session}
        assert (await each.peer.ask("PAUSE", each.url, headers)).status == 200
    clock.advance(20)
    pair = UdpPair()
    pair.rtcp.sendto(ACKNOWLEDGED, ("127.0.0.1", reader.server_port + 1))
    service = inside(server)
    session = service.reader_session(reader.session)
    alive: Any = session.reader
    await wait_for(lambda: alive._legs[0].reports.received)
    clock.advance(20)
    await wait_for(lambda: other.session not in server.sessions)
    assert reader.session in server.sessions


async def test_ports_of_a_reader_that_died_are_taken_over_by_one_of_another_mount(
    server: RtspServer,
) -> None:
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    second = await TcpPublisher.start(server.publish_port, server.publish_url("/b"))
    dead = await UdpReader.start(server.play_port, server.play_url("/a"))
    await dead.peer.close()
    service = inside(server)
    session = service.sessions.get(dead.session)
    assert session is not None
    await wait_for(session.is_orphaned)
    peer = await RtspPeer.connect(server.play_port)
    url = server.play_url("/b")
    setup = await dead.setup(peer, url)
    assert setup.status == 200
    assert dead.session not in server.sessions
    assert (await peer.ask("PLAY", url, {"Session": setup.session})).status == 200
    [sent] = await second.send()
    assert await dead.packet() == sent


async def test_ports_that_a_living_reader_of_another_mount_has_are_refused(
    server: RtspServer,
) -> None:
    for path in ("/a", "/b"):
        await TcpPublisher.start(server.publish_port, server.publish_url(path))
    alive = await UdpReader.start(server.play_port, server.play_url("/a"))
    peer = await RtspPeer.connect(server.play_port)
    answer = await alive.setup(peer, server.play_url("/b"))
    assert answer.status == 461
    assert b"TCP" in answer.body
    assert server.udp_pairs_in_use == 1


async def test_one_session_may_have_both_tracks_on_the_same_ports(server: RtspServer) -> None:
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"), SDP)
    peer, pair = await RtspPeer.connect(server.play_port), UdpReader()
    url = server.play_url("/a")
    first = await pair.setup(peer, url)
    second = await pair.setup(peer, url, 1, Session=first.session)
    assert (first.status, second.status) == (200, 200)
    # It has them as long as one track does.
    service = inside(server)
    session = service.reader_session(first.session)
    assert session.reader is not None
    session.reader.remove_track(0)
    other = await RtspPeer.connect(server.play_port)
    assert (await pair.setup(other, url)).status == 461
    session.reader.remove_track(1)
    assert (await pair.setup(other, url)).status == 200
