"""Readers that ask for a key frame, over every transport, and the publisher that is asked."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from multicast_peer import group_member
from own_ports import own_port
from rtsp_peer import SDP_VIDEO, RtspPeer, TcpPublisher, TcpReader, frame, rtp
from udp_peer import UdpPublisher, UdpReader, wait_for

from headwater import MountSettings, RtpSettings, RtspServer, Settings
from headwater.protocol.errors import ProtocolError
from headwater.protocol.rtcp import Feedback, FeedbackKind, parse_rtcp
from headwater.protocol.rtcp_build import full_intra_request, picture_loss_indication

ServerFactory = Callable[..., Awaitable[RtspServer]]

SSRC = 0x1234
GROUP, PORT = "239.77.1.10", own_port(520)
PLI = picture_loss_indication(7, SSRC, cname="reader")
FIR = full_intra_request(7, SSRC, 1, cname="reader")
# Receiver reports would come between the requests; the upkeep of the tests runs often.
QUIET = RtpSettings(receiver_report_interval_s=600)


def requests_in(compound: bytes) -> list[Feedback]:
    try:
        return [part for part in parse_rtcp(compound) if isinstance(part, Feedback)]
    except ProtocolError:
        return []


async def asked(publisher: TcpPublisher | UdpPublisher) -> Feedback:
    """The next request for a key frame that reaches the publisher."""
    while True:
        if isinstance(publisher, TcpPublisher):
            channel, packet = await publisher.peer.frame()
            assert channel == 1
        else:
            packet = await publisher.packet(publisher.rtcp)
        if requests := requests_in(packet):
            return requests[0]


async def live(server: RtspServer) -> TcpPublisher:
    """A publisher with a key frame in the mount's cache: nobody needs another one yet."""
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    await publisher.send()
    await wait_for(lambda: server.mounts["/a"].tracks[0].packets)
    return publisher


def requests(server: RtspServer) -> int:
    return server.mounts["/a"].tracks[0].key_frame_requests


@pytest.mark.parametrize("request_packet", [PLI, FIR, PLI[-12:]], ids=["pli", "fir", "pli alone"])
async def test_a_reader_over_tcp_has_the_publisher_asked(
    server: RtspServer, request_packet: bytes
) -> None:
    publisher = await live(server)
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    assert await reader.peer.frame() == (0, rtp(0))
    assert requests(server) == 0
    await reader.peer.send(frame(1, request_packet))
    request = await asked(publisher)
    assert (request.kind, request.media_ssrc) == (FeedbackKind.PLI, SSRC)
    [answer] = await publisher.send()
    assert await reader.peer.frame() == (0, answer)


async def test_a_reader_over_udp_has_the_publisher_asked(server: RtspServer) -> None:
    publisher = await live(server)
    reader = await UdpReader.start(server.play_port, server.play_url("/a"))
    assert await reader.packet() == rtp(0)
    assert requests(server) == 0
    reader.rtcp.sendto(PLI, ("127.0.0.1", reader.server_port + 1))
    assert (await asked(publisher)).kind is FeedbackKind.PLI
    [answer] = await publisher.send()
    assert await reader.packet() == answer


async def test_a_reader_of_a_group_has_the_publisher_asked(
    start_server: ServerFactory, clock: Any
) -> None:
    mounts = MountSettings(
        multicast_group=GROUP, multicast_port_start=PORT, multicast_interface="127.0.0.1"
    )
    server = await start_server(settings=Settings(mounts=mounts, rtp=QUIET))
    try:
        group_member(GROUP, PORT + 1).close()
    except OSError as error:
        pytest.skip(f"no multicast on this machine's loopback: {error}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as member:
        member.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        publisher = await live(server)
        peer = await RtspPeer.connect(server.play_port)
        url = server.play_url("/a")
        setup = await peer.ask("SETUP", f"{url}/trackID=0", {"Transport": "RTP/AVP;multicast"})
        play = await peer.ask("PLAY", url, {"Session": setup.session})
        assert play.status == 200
        # A group has no instant start: whoever joins it needs the next key frame soon.
        assert (await asked(publisher)).kind is FeedbackKind.PLI
        await publisher.send()
        await wait_for(lambda: server.mounts["/a"].tracks[0].packets == 2)
        clock.advance(1)
        member.sendto(PLI, (GROUP, PORT + 1))
        assert (await asked(publisher)).media_ssrc == SSRC
        assert requests(server) == 2


async def test_a_publisher_over_udp_is_asked_on_its_rtcp_port(server: RtspServer) -> None:
    publisher = await UdpPublisher.start(server.publish_port, server.publish_url("/a"))
    publisher.send()
    await wait_for(lambda: server.mounts["/a"].tracks[0].packets)
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    await reader.peer.send(frame(1, FIR))
    request = await asked(publisher)
    assert (request.kind, request.media_ssrc) == (FeedbackKind.PLI, SSRC)


async def test_a_publisher_that_knows_fir_alone_gets_fir(server: RtspServer) -> None:
    sdp = SDP_VIDEO + b"a=rtcp-fb:96 ccm fir\r\n"
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"), sdp)
    await publisher.send()
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    await reader.peer.send(frame(1, PLI))
    request = await asked(publisher)
    assert (request.kind, request.asked) == (FeedbackKind.FIR, ((SSRC, 1),))


async def test_a_crowd_that_asks_all_the_time_is_one_request_a_second(
    start_server: ServerFactory,
) -> None:
    server = await start_server(settings=Settings(rtp=QUIET))
    publisher = await live(server)
    url = server.play_url("/a")
    over_tcp = [await TcpReader.start(server.play_port, url) for _ in range(3)]
    over_udp = await UdpReader.start(server.play_port, url)
    loop = asyncio.get_running_loop()
    since_s = loop.time()
    for _ in range(20):
        for reader in over_tcp:
            await reader.peer.send(frame(1, PLI * 10))
        over_udp.rtcp.sendto(FIR, ("127.0.0.1", over_udp.server_port + 1))
    for reader in over_tcp:
        options = await reader.peer.ask("OPTIONS", url)
        assert options.status == 200, "all of it was read"
    assert 1 <= requests(server) <= 1 + int(loop.time() - since_s)
    await asked(publisher)
