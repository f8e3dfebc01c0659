"""Publishers: how they come, race, return and go, and what readers learn of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from inside import inside
from rtsp_peer import SDP, SDP_VIDEO, RtspPeer, TcpPublisher, TcpReader, frame, rtp
from udp_peer import UdpPair, UdpPublisher, UdpReader, wait_for

from headwater import MountSettings, RtspServer, Settings
from headwater.media.settings import SecondPublisher
from headwater.protocol.rtcp_build import receiver_report
from headwater.transports.settings import RtpSettings

ServerFactory = Callable[..., Awaitable[RtspServer]]

SDP_HEADERS = {"Content-Type": "application/sdp"}
NO_GRACE = Settings(mounts=MountSettings(grace_s=0))
REPLACE = Settings(mounts=MountSettings(on_second_publisher=SecondPublisher.REPLACE))


async def announced(server: RtspServer, url: str, sdp: bytes = SDP) -> tuple[RtspPeer, str]:
    """A publisher that has announced and done no more."""
    peer = await RtspPeer.connect(server.publish_port)
    answer = await peer.ask("ANNOUNCE", url, SDP_HEADERS, sdp)
    assert answer.status == 200, answer
    return peer, answer.session


async def set_up(peer: RtspPeer, url: str, session: str, index: int = 0) -> int:
    transport = f"RTP/AVP/TCP;unicast;interleaved={2 * index}-{2 * index + 1};mode=record"
    headers = {"Session": session, "Transport": transport}
    return (await peer.ask("SETUP", f"{url}/streamid={index}", headers)).status


async def test_udp_publisher_reaches_readers_of_both_kinds(server: RtspServer) -> None:
    publisher = await UdpPublisher.start(server.publish_port, server.publish_url("/a"))
    over_tcp = await TcpReader.start(server.play_port, server.play_url("/a"))
    over_udp = await UdpReader.start(server.play_port, server.play_url("/a"))
    sent = publisher.send(3)
    assert [await over_tcp.peer.frame() for _ in sent] == [(0, packet) for packet in sent]
    assert [await over_udp.packet() for _ in sent] == sent


async def test_udp_packets_of_strangers_are_ignored(server: RtspServer) -> None:
    publisher = await UdpPublisher.start(server.publish_port, server.publish_url("/a"))
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    stranger = UdpPair()
    for seq in range(5):
        stranger.rtp.sendto(rtp(1000 + seq, ssrc=99), ("127.0.0.1", publisher.server_port))
        stranger.rtcp.sendto(b"\x80\xcb\0\0", ("127.0.0.1", publisher.server_port + 1))
    sent = publisher.send(2)
    assert [await reader.peer.frame() for _ in sent] == [(0, packet) for packet in sent]
    track = server.mounts["/a"].tracks[0]
    assert (track.packets, track.invalid_packets, track.rtcp_packets) == (2, 0, 0)


async def test_udp_media_sent_before_record_is_answered_is_not_lost(server: RtspServer) -> None:
    url = server.publish_url("/a")
    peer, session = await announced(server, url, SDP_VIDEO)
    pair = UdpPair()
    headers = {"Session": session, "Transport": f"RTP/AVP;unicast;{pair.client_port};mode=record"}
    setup = await peer.ask("SETUP", f"{url}/streamid=0", headers)
    text = setup.header("Transport") or ""
    port = int(text.partition("server_port=")[2].partition("-")[0])
    pair.rtp.sendto(rtp(1), ("127.0.0.1", port))
    assert (await peer.ask("RECORD", url, {"Session": session})).status == 200
    pair.rtp.sendto(rtp(2), ("127.0.0.1", port))
    await wait_for(lambda: server.mounts["/a"].tracks[0].packets == 2)


@pytest.mark.parametrize("kind", [TcpPublisher, UdpPublisher])
async def test_idle_publisher_is_closed_and_its_readers_are_told(
    start_server: ServerFactory, clock: Any, kind: type[TcpPublisher | UdpPublisher]
) -> None:
    # No report comes between the BYE and the end.
    quiet = RtpSettings(receiver_report_interval_s=600)
    server = await start_server(settings=replace(NO_GRACE, rtp=quiet))
    publisher = await kind.start(server.publish_port, server.publish_url("/a"))
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    sending = publisher.send()
    [sent] = sending if isinstance(sending, list) else await sending
    assert await reader.peer.frame() == (0, sent)
    clock.advance(5)
    assert (await publisher.peer.ask("OPTIONS", "*")).status == 200
    assert "/a" in server.mounts
    clock.advance(7)
    channel, packet = await reader.peer.frame()
    assert (channel, packet[9]) == (1, 203), "BYE comes before the close"
    assert await reader.peer.closed() == b""
    assert await publisher.peer.closed() == b""
    assert not server.mounts
    assert not server.sessions
    assert server.udp_pairs_in_use == 0


async def test_requests_do_not_stand_in_for_packets(
    start_server: ServerFactory, clock: Any
) -> None:
    server = await start_server(settings=NO_GRACE)
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    headers = {"Session": publisher.session}
    clock.advance(9)
    assert (await publisher.peer.ask("GET_PARAMETER", publisher.url, headers)).status == 200
    clock.advance(3)
    assert await publisher.peer.closed() == b""


async def test_one_track_that_sends_keeps_a_silent_one(
    start_server: ServerFactory, clock: Any
) -> None:
    server = await start_server()
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"), SDP)
    for count in range(1, 4):
        clock.advance(8)
        await publisher.send()
        await wait_for(lambda: server.mounts["/a"].tracks[0].packets == count)  # noqa: B023
    assert server.mounts["/a"].tracks[1].packets == 0
    assert publisher.session in server.sessions


async def test_second_publisher_replaces_where_the_setting_says(
    start_server: ServerFactory,
) -> None:
    server = await start_server(settings=REPLACE)
    url = server.publish_url("/a")
    first = await TcpPublisher.start(server.publish_port, url)
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    [before] = await first.send()
    assert await reader.peer.frame() == (0, before)
    second = await TcpPublisher.start(server.publish_port, url)
    assert await first.peer.closed() == b""
    second.seq = 700
    await second.send()
    _, after = await reader.peer.frame()
    assert after[2:4] == b"\x00\x01", "readers go on without a gap"
    assert first.session not in server.sessions


async def test_replacement_that_does_not_fit_closes_the_readers(
    start_server: ServerFactory,
) -> None:
    server = await start_server(settings=REPLACE)
    url = server.publish_url("/a")
    await TcpPublisher.start(server.publish_port, url)
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    second = await TcpPublisher.start(server.publish_port, url, SDP)
    assert await reader.peer.closed() == b""
    assert len(server.mounts["/a"].tracks) == 2
    assert list(server.sessions) == [second.session]


async def test_two_publishers_racing_for_one_mount(server: RtspServer) -> None:
    url = server.publish_url("/a")
    peers = [await RtspPeer.connect(server.publish_port) for _ in range(2)]
    answers = await asyncio.gather(
        *(peer.ask("ANNOUNCE", url, SDP_HEADERS, SDP_VIDEO) for peer in peers)
    )
    assert sorted(answer.status for answer in answers) == [200, 503]
    loser = next(a for a in answers if a.status == 503)
    assert b"/a" in loser.body
    winner = next(peer for peer, a in zip(peers, answers, strict=True) if a.status == 200)
    await winner.close()
    await wait_for(lambda: not server.sessions)
    await TcpPublisher.start(server.publish_port, url)


async def test_racing_replacements_leave_one_publisher(start_server: ServerFactory) -> None:
    server = await start_server(settings=REPLACE)
    url = server.publish_url("/a")
    sessions = []
    for _ in range(2):
        peer, session = await announced(server, url, SDP_VIDEO)
        assert await set_up(peer, url, session) == 200
        sessions.append((peer, session))
    for peer, session in sessions:
        assert (await peer.ask("RECORD", url, {"Session": session})).status == 200
    assert await sessions[0][0].closed() == b""
    assert list(server.sessions) == [sessions[1][1]]
    publisher = server.mounts["/a"].publisher
    assert publisher is not None
    assert publisher.id == sessions[1][1]


async def test_record_before_every_track_is_set_up_is_455(server: RtspServer) -> None:
    url = server.publish_url("/a")
    peer, session = await announced(server, url)
    headers = {"Session": session}
    early = await peer.ask("RECORD", url, headers)
    assert early.status == 455
    assert "SETUP" in (early.header("Allow") or "")
    assert await set_up(peer, url, session) == 200
    answer = await peer.ask("RECORD", url, headers)
    assert answer.status == 455
    assert b"1" in answer.body
    assert await set_up(peer, url, session, 1) == 200
    assert (await peer.ask("RECORD", url, headers)).status == 200
    assert (await peer.ask("RECORD", url, headers)).status == 200


async def test_setup_without_the_session_header_goes_on_with_announce(server: RtspServer) -> None:
    url = server.publish_url("/a")
    peer, session = await announced(server, url, SDP_VIDEO)
    transport = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record"}
    answer = await peer.ask("SETUP", f"{url}/streamid=0", transport)
    assert (answer.status, answer.session) == (200, session)
    assert (await peer.ask("RECORD", url)).status == 200


async def test_udp_publisher_returns_at_once_when_its_old_packets_have_stopped(
    start_server: ServerFactory, clock: Any
) -> None:
    server = await start_server()
    url = server.publish_url("/a")
    old = await UdpPublisher.start(server.publish_port, url)
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    [before] = old.send()
    assert await reader.peer.frame() == (0, before)
    old.peer.reset()
    session = inside(server).publisher_session(old.session)
    await wait_for(lambda: session.orphaned_s is not None)
    clock.advance(0.5)
    assert old.session in server.sessions
    new = await UdpPublisher.start(server.publish_port, url)
    new.seq = 300
    new.send()
    _, after = await reader.peer.frame()
    assert after[2:4] == b"\x00\x01"
    assert old.session not in server.sessions


async def test_udp_publisher_that_returns_even_sooner_waits_for_its_answer(
    server: RtspServer,
) -> None:
    url = server.publish_url("/a")
    old = await UdpPublisher.start(server.publish_port, url)
    old.send()
    await wait_for(lambda: server.mounts["/a"].tracks[0].packets == 1)
    old.peer.reset()
    new = await UdpPublisher.start(server.publish_port, url)
    assert old.session not in server.sessions
    assert new.session in server.sessions


async def test_udp_publisher_that_sends_on_without_its_connection_keeps_its_place(
    server: RtspServer,
) -> None:
    url = server.publish_url("/a")
    old = await UdpPublisher.start(server.publish_port, url)
    old.peer.reset()
    peer = await RtspPeer.connect(server.publish_port)
    announce = asyncio.create_task(peer.ask("ANNOUNCE", url, SDP_HEADERS, SDP_VIDEO))
    while not announce.done():
        old.send()
        await asyncio.wait({announce}, timeout=0.02)
    assert announce.result().status == 503
    assert old.session in server.sessions


async def test_udp_publisher_returns_while_its_old_session_hangs(
    start_server: ServerFactory, clock: Any
) -> None:
    server = await start_server()
    url = server.publish_url("/a")
    old = await UdpPublisher.start(server.publish_port, url)
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    [before] = old.send()
    assert await reader.peer.frame() == (0, before)
    old.peer.reset()
    session = inside(server).publisher_session(old.session)
    await wait_for(lambda: session.connection is None)
    clock.advance(3)
    await wait_for(lambda: old.session not in server.sessions)
    new = await UdpPublisher.start(server.publish_port, url)
    new.seq = 300
    new.send()
    _, after = await reader.peer.frame()
    assert after[2:4] == b"\x00\x01"
    assert server.udp_pairs_in_use == 1


@pytest.mark.parametrize("leave", ["reset", "teardown"])
async def test_publisher_gone_for_good_ends_the_grace_with_bye(
    start_server: ServerFactory, clock: Any, leave: str
) -> None:
    server = await start_server()
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    [sent] = await publisher.send()
    assert await reader.peer.frame() == (0, sent)
    if leave == "reset":
        publisher.peer.reset()
    else:
        await publisher.peer.ask("TEARDOWN", publisher.url, {"Session": publisher.session})
    await wait_for(lambda: server.mounts["/a"].state == "grace")
    clock.advance(11)
    channel, packet = await reader.peer.frame()
    assert (channel, packet[9]) == (1, 203)
    assert await reader.peer.closed() == b""
    assert not server.mounts


async def test_udp_readers_get_bye_when_their_mount_closes(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    reader = await UdpReader.start(server.play_port, server.play_url("/a"))
    [sent] = await publisher.send()
    assert await reader.packet() == sent
    assert await server.close_mount("/a", "for the night")
    packet = await reader.packet(reader.rtcp)
    assert packet[9] == 203
    assert b"for the night" in packet
    assert await reader.peer.closed() == b""
    assert server.udp_pairs_in_use == 0


async def test_mount_without_readers_closes_with_its_publisher(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    assert "/a" in server.mounts
    publisher.peer.reset()
    await wait_for(lambda: not server.mounts)
    assert not server.sessions


async def test_several_sources_in_one_track_are_relayed_as_they_come(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    sent = [rtp(1, ssrc=1), rtp(90, ssrc=2), rtp(2, ssrc=1)]
    await publisher.peer.send(b"".join(frame(0, packet) for packet in sent))
    got = [(await reader.peer.frame())[1] for _ in sent]
    assert sorted(got) == sorted(sent)


@pytest.mark.parametrize(
    "sdp",
    [
        SDP_VIDEO.replace(b"\r\n", b"\n"),
        b"v=0\nm=video 0 RTP/AVP 96\n\na=control:streamid=0\na=rtpmap:96 H264/90000\n",
        b"m=video 0 RTP/AVP 96\r\na=fmtp:96 sprop=;;=\r\na=rtpmap:96 H264/90000\r\n",
    ],
)
async def test_odd_descriptions_are_relayed(server: RtspServer, sdp: bytes) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"), sdp)
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    sent = await publisher.send()
    assert await reader.peer.frame() == (0, sent[0])


async def test_setup_of_a_track_that_was_not_announced_is_404(server: RtspServer) -> None:
    url = server.publish_url("/a")
    peer, session = await announced(server, url)
    assert await set_up(peer, url, session, 7) == 404


async def test_publish_port_says_what_setup_needs(two_port_server: RtspServer) -> None:
    server = two_port_server
    peer = await RtspPeer.connect(server.publish_port)
    transport = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}
    answer = await peer.ask("SETUP", server.publish_url("/a/trackID=0"), transport)
    assert answer.status == 455
    assert b"ANNOUNCE" in answer.body
    assert str(server.play_port).encode() in answer.body


async def test_announce_changes_what_a_session_announced(server: RtspServer) -> None:
    url = server.publish_url("/a")
    peer, session = await announced(server, url)
    headers = {"Session": session}
    again = await peer.ask("ANNOUNCE", url, SDP_HEADERS | headers, SDP_VIDEO)
    assert (again.status, again.session) == (200, session)
    other = server.publish_url("/b")
    assert (await peer.ask("ANNOUNCE", other, SDP_HEADERS | headers, SDP)).status == 459
    assert await set_up(peer, url, session) == 200
    assert (await peer.ask("ANNOUNCE", url, SDP_HEADERS | headers, SDP)).status == 455
    assert (await peer.ask("RECORD", url, headers)).status == 200
    assert len(server.mounts["/a"].tracks) == 1


async def test_paused_publisher_records_again(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    headers = {"Session": publisher.session}
    assert (await publisher.peer.ask("PAUSE", publisher.url, headers)).status == 200
    assert server.mounts["/a"].state == "grace"
    assert (await publisher.peer.ask("RECORD", publisher.url, headers)).status == 200
    sent = await publisher.send()
    assert await reader.peer.frame() == (0, sent[0])


async def test_natted_publisher_is_latched_by_its_first_packet(
    start_server: ServerFactory,
) -> None:
    settings = Settings(rtp=RtpSettings(nat_latching=True))
    server = await start_server(settings=settings, host="")
    publisher = await UdpPublisher.start(server.publish_port, server.publish_url("/a"))
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    elsewhere, behind_nat = UdpPair("127.0.0.2"), UdpPair()
    port = publisher.server_port
    elsewhere.rtp.sendto(rtp(50, ssrc=9), ("127.0.0.1", port))
    behind_nat.rtp.sendto(rtp(1), ("127.0.0.1", port))
    assert await reader.peer.frame() == (0, rtp(1))
    # Latched: now nobody else is heard, the ports that SETUP named included.
    publisher.rtp.sendto(rtp(60, ssrc=8), ("127.0.0.1", port))
    elsewhere.rtp.sendto(rtp(70, ssrc=9), ("127.0.0.1", port))
    behind_nat.rtp.sendto(rtp(2), ("127.0.0.1", port))
    assert await reader.peer.frame() == (0, rtp(2))
    assert server.mounts["/a"].tracks[0].packets == 2


async def test_natted_publisher_gets_its_reports_where_its_rtcp_comes_from(
    start_server: ServerFactory, clock: Any
) -> None:
    settings = Settings(
        rtp=RtpSettings(nat_latching=True), mounts=MountSettings(publisher_idle_timeout_s=0)
    )
    server = await start_server(settings=settings)
    publisher = await UdpPublisher.start(server.publish_port, server.publish_url("/a"))
    publisher.send(2)
    await wait_for(lambda: server.mounts["/a"].tracks[0].packets == 2)
    clock.advance(6)
    assert (await publisher.packet(publisher.rtcp))[1] == 201, "nothing latched yet"
    behind_nat = UdpPair()
    report = receiver_report(7, cname="cam")
    behind_nat.rtcp.sendto(report, ("127.0.0.1", publisher.server_port + 1))
    await wait_for(lambda: server.mounts["/a"].tracks[0].rtcp_packets == 1)
    clock.advance(6)
    assert (await behind_nat.packet(behind_nat.rtcp))[1] == 201
