"""RTCP across the relay: reports of publishers to readers, and ours to publishers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from inside import inside
from logged import events
from rtsp_peer import SDP_VIDEO, TcpPublisher, TcpReader, frame, rtp
from udp_peer import UdpPublisher, UdpReader, wait_for

from headwater import MountSettings, RtpSettings, RtspServer, Settings
from headwater.protocol.rtcp import ReceiverReport, ReportBlock, SenderReport, parse_rtcp
from headwater.protocol.rtcp_build import bye, receiver_report, sender_report
from headwater.relay import reports

ServerFactory = Callable[..., Awaitable[RtspServer]]

SSRC = 0x1234
REPORT = sender_report(
    SSRC, ntp=0x83AA7E80_00000000, rtp_timestamp=3000, packets=1, octets=20, cname="cam"
)


def reported(packet: bytes) -> SenderReport:
    [report] = [one for one in parse_rtcp(packet) if isinstance(one, SenderReport)]
    return report


async def test_sender_reports_reach_readers_of_both_kinds(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    over_tcp = await TcpReader.start(server.play_port, server.play_url("/a"))
    over_udp = await UdpReader.start(server.play_port, server.play_url("/a"))
    [sent] = await publisher.send()
    await publisher.peer.send(frame(1, REPORT))
    assert await over_tcp.peer.frame() == (0, sent)
    channel, packet = await over_tcp.peer.frame()
    assert channel == 1
    assert reported(packet) == reported(REPORT)
    assert reported(await over_udp.packet(over_udp.rtcp)) == reported(REPORT)


async def test_sender_reports_of_a_udp_publisher_are_relayed(server: RtspServer) -> None:
    publisher = await UdpPublisher.start(server.publish_port, server.publish_url("/a"))
    reader = await UdpReader.start(server.play_port, server.play_url("/a"))
    publisher.send()
    await reader.packet()
    publisher.send_rtcp(REPORT)
    assert reported(await reader.packet(reader.rtcp)) == reported(REPORT)


async def test_new_reader_gets_the_last_report_at_once(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    await publisher.send()
    await publisher.peer.send(frame(1, REPORT))
    await wait_for(lambda: server.mounts["/a"].tracks[0].rtcp_packets == 1)
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    frames = [await reader.peer.frame() for _ in range(2)]
    [packet] = [packet for channel, packet in frames if channel == 1]
    assert reported(packet).ssrc == SSRC


async def test_publishers_get_receiver_reports(start_server: ServerFactory, clock: Any) -> None:
    settings = Settings(mounts=MountSettings(publisher_idle_timeout_s=0))
    server = await start_server(settings=settings)
    over_tcp = await TcpPublisher.start(server.publish_port, server.publish_url("/tcp"))
    over_udp = await UdpPublisher.start(server.publish_port, server.publish_url("/udp"))
    # Three of four packets: one was lost on the way.
    await over_tcp.peer.send(b"".join(frame(0, rtp(seq)) for seq in (1, 2, 4)))
    over_udp.send(3)
    for path in ("/tcp", "/udp"):
        await wait_for(lambda: server.mounts[path].tracks[0].packets == 3)  # noqa: B023
    await wait_for(lambda: len(inside(server).relay.reports._due_s) == 2)
    clock.advance(6)
    channel, packet = await over_tcp.peer.frame()
    assert channel == 1
    [report] = [one for one in parse_rtcp(packet) if isinstance(one, ReceiverReport)]
    [block] = report.blocks
    assert (block.ssrc, block.cumulative_lost, block.highest_sequence & 0xFFFF) == (SSRC, 1, 4)
    report_packet = await over_udp.packet(over_udp.rtcp)
    [report] = [one for one in parse_rtcp(report_packet) if isinstance(one, ReceiverReport)]
    assert report.blocks[0].cumulative_lost == 0


async def test_one_publisher_whose_reports_fail_costs_no_other_its_own(
    start_server: ServerFactory, caplog: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(rtp=RtpSettings(receiver_report_interval_s=0.05))
    server = await start_server(settings=settings)
    service = inside(server)
    first = await TcpPublisher.start(server.publish_port, server.publish_url("/1"))
    second = await TcpPublisher.start(server.publish_port, server.publish_url("/2"))
    session = service.publisher_session(first.session)
    assert session.publisher is not None

    def broken(*_: object) -> None:
        raise RuntimeError("cannot send")

    monkeypatch.setattr(session.publisher, "send_rtcp", broken)
    for publisher in (first, second):
        await publisher.send()
    await wait_for(lambda: all(mount.tracks[0].packets for mount in server.mounts.values()))
    channel, packet = await second.peer.frame()
    assert channel == 1
    assert any(isinstance(one, ReceiverReport) for one in parse_rtcp(packet))
    await wait_for(lambda: "receiver report failed" in events(caplog.records))


async def test_publishers_that_came_together_get_their_reports_one_after_another(
    start_server: ServerFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    phases = iter((0.0, 0.3, 0.5, 0.9))
    monkeypatch.setattr(reports, "_RANDOM", SimpleNamespace(random=lambda: next(phases)))
    server = await start_server(settings=Settings(rtp=RtpSettings(receiver_report_interval_s=10)))
    service = inside(server)
    service.relay.upkeep.stop()
    told: list[str] = []
    for number in range(4):
        path = f"/{number}"
        publisher = await TcpPublisher.start(server.publish_port, server.publish_url(path))
        await publisher.send()
        await wait_for(lambda: server.mounts[path].tracks[0].packets)  # noqa: B023
        session = service.publisher_session(publisher.session)
        assert session.publisher is not None
        tell = partial(lambda path, *_: told.append(path), path)
        monkeypatch.setattr(session.publisher, "send_rtcp", tell)
    now = service.relay.clock()
    sent = {}
    for second in range(21):
        told.clear()
        service.relay.reports.send_to_publishers(now + second)
        if told:
            sent[second] = [*told]
    assert sent == {
        0: ["/0"],
        3: ["/1"],
        5: ["/2"],
        9: ["/3"],
        10: ["/0"],
        13: ["/1"],
        15: ["/2"],
        19: ["/3"],
        20: ["/0"],
    }


async def test_losses_that_readers_report_are_known(server: RtspServer) -> None:
    service = inside(server)
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    over_udp = await UdpReader.start(server.play_port, server.play_url("/a"))
    over_tcp = await TcpReader.start(server.play_port, server.play_url("/a"))
    block = ReportBlock(
        ssrc=SSRC,
        fraction_lost=64,
        cumulative_lost=17,
        highest_sequence=100,
        jitter=5,
        last_sr=0,
        delay_since_last_sr=0,
    )
    report = receiver_report(7, [block], cname="reader")
    over_udp.rtcp.sendto(report, ("127.0.0.1", over_udp.server_port + 1))
    await over_tcp.peer.send(frame(1, report))
    for session_id in (over_udp.session, over_tcp.session):
        reader: Any = service.reader_session(session_id).reader
        await wait_for(lambda: reader.reported_lost_packets == 17)  # noqa: B023


async def test_bye_in_a_spoofed_datagram_reaches_nobody(server: RtspServer) -> None:
    publisher = await UdpPublisher.start(server.publish_port, server.publish_url("/a"))
    reader = await UdpReader.start(server.play_port, server.play_url("/a"))
    stranger = UdpReader()
    for port in (publisher.server_port + 1, reader.server_port + 1):
        stranger.rtcp.sendto(bye([SSRC], "spoofed"), ("127.0.0.1", port))
    [sent] = publisher.send()
    assert await reader.packet() == sent
    assert reader.nothing_waits()
    assert {publisher.session, reader.session} == set(server.sessions)


async def test_broken_rtcp_of_a_publisher_is_counted_and_not_relayed(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"), SDP_VIDEO)
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    await publisher.peer.send(frame(1, b"\xff\xff\xff\xff") + frame(1, b""))
    [sent] = await publisher.send()
    assert await reader.peer.frame() == (0, sent)
    assert server.mounts["/a"].tracks[0].invalid_rtcp_packets == 1
