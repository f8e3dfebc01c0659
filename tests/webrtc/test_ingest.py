"""A publisher by WHIP whose media begins, reports and ends in ways that browsers do not choose."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from films import film
from inside import inside
from rtsp_peer import TcpReader
from server_rig import LoopClock
from web_rig import WebServer
from webrtc_peer import VIDEO, WebRtcPeer, offer

from headwater.protocol.rtcp import Feedback, FeedbackKind, parse_rtcp
from headwater.protocol.rtcp_build import sender_report

FILM = [packet[:1] + bytes((packet[1] & 0x80 | 102,)) + packet[2:] for packet in film("h264").rtp]
SOURCE = int.from_bytes(FILM[0][8:12], "big")
SOUND = "a=rtpmap:111 opus/48000/2\r\n"
PICTURES = ("video", "102", VIDEO)


async def until(ready: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not ready():  # noqa: ASYNC110 - packets come by a real socket
            await asyncio.sleep(0.005)


async def published(web: WebServer, *sections: tuple[str, str, str]) -> WebRtcPeer:
    body = offer(direction="sendonly", sections=sections or (PICTURES,))
    return await WebRtcPeer.publish(web.port, "/live", body)


def is_parameter_set(packet: bytes) -> bool:
    return packet[12] & 0x1F in {7, 8, 24}


def key_frames_asked(peer: WebRtcPeer) -> int:
    parts = (part for report in peer.reports for part in parse_rtcp(report))
    return sum(isinstance(part, Feedback) and part.kind is FeedbackKind.PLI for part in parts)


async def test_reports_of_its_clock_reach_readers(web: WebServer) -> None:
    peer = await published(web)
    report, other = (
        sender_report(ssrc, ntp=1 << 40, rtp_timestamp=9, packets=7, octets=700, cname="peer")
        for ssrc in (SOURCE, SOURCE + 1)
    )
    lying = report[:2] + b"\x00\xff" + report[4:]
    # Before there is a mount nobody can have it.
    peer.send_rtcp(report)
    peer.send_rtp(*FILM[:20])
    await web.server.wait_for_mount("/live", 20)
    reader = await TcpReader.start(web.server.play_port, web.server.play_url("/live"))
    for compound in (lying, other, report):
        peer.send_rtcp(compound)
    while (frame := await reader.peer.frame())[0] != 1:
        pass
    assert frame[1][8:28] == report[8:28]
    await peer.close()


async def test_a_film_that_never_shows_its_parameters_is_published_all_the_same(
    web: WebServer, clock: LoopClock
) -> None:
    peer = await published(web)
    bare = [packet for packet in FILM if not is_parameter_set(packet)]
    assert len(bare) < len(FILM)
    peer.send_rtp(*bare[:4])
    await peer.until(lambda: key_frames_asked(peer))
    assert "/live" not in web.server.mounts
    clock.advance(2.1)
    peer.send_rtp(bare[4])
    await until(lambda: "/live" in web.server.mounts)
    assert web.server.mounts["/live"].publisher is not None
    await peer.close()


async def test_sound_waits_for_the_pictures_that_are_to_be_described(web: WebServer) -> None:
    peer = await published(web, PICTURES, ("audio", "111", SOUND))
    sound = [
        bytes((0x80, 111))
        + number.to_bytes(2, "big")
        + bytes(4)
        + b"\x00\x00\x00\x09"
        + b"\xf8\xff"
        for number in range(3)
    ]
    unknown = bytes((0x80, 77)) + bytes(10) + b"nobody offered this"
    peer.send_rtp(unknown, *sound)
    await until(lambda: inside(web.server).web.webrtc.ingests)
    assert "/live" not in web.server.mounts
    peer.send_rtp(*FILM[:20])
    mount = await web.server.wait_for_mount("/live", 20)
    assert [track.encoding.lower() for track in mount.tracks] == ["h264", "opus"]
    await until(lambda: web.server.mounts["/live"].tracks[1].packets == len(sound))
    await peer.close()


@pytest.mark.parametrize("closes", ["session", "mount"])
async def test_the_owner_ends_a_publisher_with_packets_on_their_way(
    web: WebServer, closes: str
) -> None:
    peer = await published(web)
    peer.send_rtp(*FILM[:20])
    await web.server.wait_for_mount("/live", 20)
    # Two are missing: they are asked for, and looked for again.
    peer.send_rtp(*FILM[22:25])
    if closes == "mount":
        assert await web.server.close_mount("/live")
    else:
        [session] = [each for each in web.server.sessions.values() if each.kind == "webrtc"]
        assert await web.server.close_session(session.id)
    await peer.until(lambda: peer.left)
    await until(lambda: not inside(web.server).web.webrtc.ingests)
    await peer.close()
