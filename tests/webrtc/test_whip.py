"""Publishing by WHIP, on real sockets: what becomes of it, and what the peer is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest
from films import film
from http_peer import basic, fetch
from inside import inside
from logged import event_of
from published_film import PublishedFilm, pictures_of
from rtsp_peer import RtspPeer, TcpReader
from server_rig import LoopClock
from web_rig import WebFactory, WebServer
from webrtc_peer import CERTIFICATE, VIDEO, WebRtcPeer, offer, post

from headwater import AccessSettings, LimitSettings, UserSettings
from headwater.codecs.h264.depacketizer import H264Depacketizer
from headwater.protocol.rtcp import Feedback, FeedbackKind, SenderReport, parse_rtcp
from headwater.protocol.rtcp_build import sender_report
from headwater.relay.batch_reader import BatchReader

OFFERS = Path(__file__).parents[1] / "protocol" / "webrtc" / "offers"


def as_browser(rtp: Iterable[bytes], payload_type: int = 102) -> list[bytes]:
    """Packets as Chromium sends them: with a header extension of two words."""
    extension = b"\xbe\xde\x00\x02" + b"\x10\x30\x22\x01\x02\x03\x00\x00"
    return [bytes((0x90, p[1] & 0x80 | payload_type)) + p[2:12] + extension + p[12:] for p in rtp]


FILM = as_browser(film("h264").rtp)
SENDING = offer(
    direction="sendonly", sections=(("video", "102", VIDEO + "a=rtcp-fb:102 goog-remb\r\n"),)
)


class Read:
    """What comes out of a mount."""

    def __init__(self, web: WebServer, path: str = "/live") -> None:
        self.packets: list[bytes] = []
        self.reader: BatchReader = web.server.read(
            path, lambda _track, batch: self.packets.extend(batch.packets), instant_start=True
        )

    def pictures(self) -> int:
        """How many whole pictures these are."""
        depacketizer = H264Depacketizer()
        return sum(len(depacketizer.feed(packet)) for packet in self.packets)


async def turns_until(ready: Callable[[], object]) -> None:
    """Let the loop turn until a condition holds."""
    async with asyncio.timeout(20):
        while not ready():  # noqa: ASYNC110 - packets come by a real socket
            await asyncio.sleep(0.005)


async def live(web: WebServer, packets: Sequence[bytes] = ()) -> tuple[WebRtcPeer, Read]:
    """A peer whose first packets have opened its mount, and a reader of it."""
    peer = await WebRtcPeer.publish(web.port, "/live", SENDING)
    peer.send_rtp(*(packets or FILM[:20]))
    await web.server.wait_for_mount("/live", 20)
    return peer, Read(web)


def asked(peer: WebRtcPeer, kind: FeedbackKind) -> list[Feedback]:
    """What the peer was asked, of one kind."""
    parts = (part for report in peer.reports for part in parse_rtcp(report))
    return [part for part in parts if isinstance(part, Feedback) and part.kind is kind]


async def test_what_is_published_is_a_mount_like_any_other(web: WebServer) -> None:
    peer, read = await live(web)
    peer.send_rtp(*FILM[20:])
    await turns_until(lambda: read.pictures() == 24)
    assert {packet[0] for packet in read.packets} == {0x80}
    assert {packet[1] & 0x7F for packet in read.packets} == {96}
    [session] = [s for s in web.server.sessions.values() if s.kind == "webrtc"]
    assert (session.role, session.state, session.transport) == (
        "publish",
        "recording",
        "webrtc-udp",
    )
    rtsp = await RtspPeer.connect(web.server.play_port)
    described = await rtsp.ask("DESCRIBE", web.server.play_url("/live"))
    assert b"sprop-parameter-sets=Z" in described.body
    assert (await peer.leave(web.port)).status == 200
    assert web.server.mounts["/live"].publisher is None
    read.reader.close()


async def test_a_browser_watches_what_a_browser_publishes(web: WebServer) -> None:
    peer, read = await live(web)
    viewer = await WebRtcPeer.watch(web.port, "/live")
    peer.send_rtp(*FILM[20:])
    await viewer.until(lambda: sum(packet[1] >> 7 for packet in viewer.media) == 24)
    for each in (peer, viewer):
        await each.close()
    read.reader.close()


async def test_lost_packets_are_asked_for_and_put_in_order(web: WebServer) -> None:
    peer, read = await live(web)
    peer.send_rtp(*FILM[22:25])
    await peer.until(lambda: asked(peer, FeedbackKind.NACK))
    lost = asked(peer, FeedbackKind.NACK)[0].lost
    assert list(lost) == [int.from_bytes(packet[2:4], "big") for packet in FILM[20:22]]
    peer.send_rtp(*FILM[20:22])
    peer.send_rtp(*FILM[25:])
    await turns_until(lambda: read.pictures() == 24)
    await peer.close()
    read.reader.close()


async def test_what_never_comes_is_given_up(web: WebServer, clock: LoopClock) -> None:
    peer, read = await live(web)
    before = len(read.packets)
    peer.send_rtp(*FILM[22:25])
    await peer.until(lambda: asked(peer, FeedbackKind.NACK))
    assert len(read.packets) <= before + 20
    clock.advance(1)
    await turns_until(lambda: len(read.packets) == 23)
    await peer.until(lambda: asked(peer, FeedbackKind.PLI))
    await peer.close()
    read.reader.close()


async def test_the_peer_is_told_how_much_it_may_send(web: WebServer) -> None:
    peer, read = await live(web)
    await peer.until(lambda: asked(peer, FeedbackKind.REMB))
    assert asked(peer, FeedbackKind.REMB)[0].bit_rate_bps == pytest.approx(5_000_000, rel=0.01)
    await peer.close()
    read.reader.close()


async def test_reports_of_the_publishers_clock_reach_readers(web: WebServer) -> None:
    peer, read = await live(web)
    reader = await TcpReader.start(web.server.play_port, web.server.play_url("/live"))
    source = int.from_bytes(FILM[0][8:12], "big")
    peer.send_rtcp(bytes((0x80, 200, 0xFF, 0xFF)) + source.to_bytes(4, "big"))
    for told in (source + 1, source):
        peer.send_rtcp(
            sender_report(
                told, ntp=told << 20, rtp_timestamp=7, packets=1, octets=2, cname="browser"
            )
        )
    reports: list[SenderReport] = []
    while source << 20 not in [report.ntp for report in reports]:
        channel, packet = await reader.peer.frame()
        if channel == 1:
            reports += [part for part in parse_rtcp(packet) if isinstance(part, SenderReport)]
    assert source + 1 not in {report.ssrc for report in reports}
    await peer.close()
    read.reader.close()


async def test_replayed_and_forged_packets_reach_no_reader(web: WebServer) -> None:
    peer, read = await live(web)
    assert peer._out is not None
    encrypted = [peer._out.protect(packet) for packet in FILM[20:30]]
    for datagram in encrypted:
        peer.send(datagram)
    for datagram in encrypted:
        peer.send(datagram)
        # Another payload under the numbers of the next packet, by somebody who has no key.
        peer.send(datagram[:2] + b"\xff" + datagram[3:-1] + bytes((datagram[-1] ^ 1,)))
    answered = len(peer.stun)
    peer.check()
    await peer.until(lambda: len(peer.stun) > answered)
    [ingest] = inside(web.server).web.webrtc.ingests
    assert ingest.peer_connection is not None
    assert ingest.peer_connection.rejected_packets == 20
    peer.send_rtp(*FILM[30:])
    await turns_until(lambda: read.pictures() == 24)
    assert len(read.packets) == len(FILM)
    await peer.close()
    read.reader.close()


async def test_packets_that_were_not_agreed_on_are_left_out(web: WebServer) -> None:
    peer, read = await live(web)
    other = bytes((0x80, 99)) + FILM[20][2:8] + bytes(4) + FILM[20][12:]
    peer.send_rtp(other, *FILM[20:22])
    await turns_until(lambda: len(read.packets) == 22)
    assert {packet[1] & 0x7F for packet in read.packets} == {96}
    await peer.close()
    read.reader.close()


async def test_a_publisher_without_room_for_its_description_is_told_by_its_end(
    start_web: WebFactory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    web = await start_web(settings={"limits": LimitSettings(description_bytes_total=10)})
    peer = await WebRtcPeer.publish(web.port, "/live", SENDING)
    peer.send_rtp(*FILM[:20])
    await peer.until(lambda: peer.left)
    assert not inside(web.server).web.webrtc.ingests
    assert "/live" not in web.server.mounts
    (told,) = [r for r in caplog.records if event_of(r) == "publisher not taken"]
    assert "limits.description_bytes_total" in str(vars(told)["cause"])
    await peer.close()


async def test_a_publisher_is_sent_away_before_it_has_sent_anything(web: WebServer) -> None:
    peer = await WebRtcPeer.publish(web.port, "/live", SENDING)
    [session] = [s for s in web.server.sessions.values() if s.kind == "webrtc"]
    assert await web.server.close_session(session.id)
    await peer.until(lambda: peer.left)
    assert (await post(web.port, "/live/whip", SENDING)).status == 201
    await peer.close()


async def test_packets_of_padding_leave_no_gap(web: WebServer) -> None:
    first = [*FILM[:10]]
    number = int.from_bytes(FILM[10][2:4], "big")
    probes = [
        bytes((0xA0, 102)) + (number + i).to_bytes(2, "big") + FILM[9][4:12] + bytes(9) + b"\x0a"
        for i in range(3)
    ]
    shifted = [
        p[:2] + (int.from_bytes(p[2:4], "big") + 3 & 0xFFFF).to_bytes(2, "big") + p[4:]
        for p in FILM[10:]
    ]
    peer, read = await live(web, [*first, *probes, *shifted[:10]])
    peer.send_rtp(*shifted[10:])
    await turns_until(lambda: read.pictures() == 24)
    numbers = [int.from_bytes(packet[2:4], "big") for packet in read.packets]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    await peer.close()
    read.reader.close()


async def test_a_reader_that_needs_a_key_frame_has_it_asked(
    web: WebServer, clock: LoopClock
) -> None:
    peer, read = await live(web)
    clock.advance(2)
    peer.reports.clear()
    inner = inside(web.server)
    mount = inner.mounts.get("/live")
    assert mount is not None
    mount.request_key_frame(mount.tracks[0])
    await peer.until(lambda: asked(peer, FeedbackKind.PLI))
    source = int.from_bytes(FILM[0][8:12], "big")
    assert asked(peer, FeedbackKind.PLI)[0].media_ssrc == source
    await peer.close()
    read.reader.close()


async def test_the_offer_of_obs(web: WebServer) -> None:
    body = (OFFERS / "obs.sdp").read_bytes()
    told = basic("x", "y") | {"Content-Type": "application/sdp", "Authorization": "Bearer key"}
    answer = await fetch(web.port, "/live/whip", method="POST", headers=told, body=body)
    assert answer.status == 201
    location = answer.header("location") or ""
    assert location.startswith("/live/whip/")
    assert "?" not in location
    lines = answer.body.decode().split("\r\n")
    assert lines.count("a=recvonly") == 2
    assert "a=rtcp-fb:96 goog-remb" in lines
    assert not any(line.startswith("a=ssrc") for line in lines)
    assert (await fetch(web.port, location, method="DELETE")).status == 200


async def test_who_may_publish(start_web: WebFactory) -> None:
    user = UserSettings(name="ann", password="secret", publish=("live",))
    web = await start_web(settings={"access": AccessSettings(users=(user,))})
    assert (await post(web.port, "/live/whip", SENDING)).status == 401
    granted = await post(web.port, "/live/whip", SENDING, **basic("ann", "secret"))
    assert granted.status == 201
    refused = await post(web.port, "/other/whip", SENDING, **basic("ann", "secret"))
    assert refused.status == 403


async def test_one_publisher_a_mount(web: WebServer) -> None:
    published = PublishedFilm(web.server, film("h264").rtp, "/live")
    answer = await post(web.port, "/live/whip", SENDING)
    assert (answer.status, answer.problem["code"]) == (409, "mount_busy")
    published.publisher.close()
    assert (await post(web.port, "/live/whip", SENDING)).status == 201
    again = await post(web.port, "/live/whip", SENDING)
    assert (again.status, again.problem["code"]) == (409, "mount_busy")


async def test_nothing_that_is_taken(web: WebServer) -> None:
    section = ("video", "99", "a=rtpmap:99 H263/90000\r\n")
    for body in (offer(), offer(direction="sendonly", sections=(section,))):
        answer = await post(web.port, "/live/whip", body)
        assert (answer.status, answer.problem["code"]) == (406, "no_common_codec")


async def test_a_publisher_that_never_connects_frees_its_path(
    web: WebServer, clock: LoopClock
) -> None:
    assert (await post(web.port, "/live/whip", SENDING)).status == 201
    clock.advance(16)
    await turns_until(lambda: not inside(web.server).web.webrtc.ingests)
    assert (await post(web.port, "/live/whip", SENDING)).status == 201


async def test_a_publisher_that_is_silent_is_let_go(web: WebServer, clock: LoopClock) -> None:
    peer, read = await live(web)
    clock.advance(31)
    await peer.until(lambda: peer.left)
    assert not inside(web.server).web.webrtc.ingests
    await peer.close()
    read.reader.close()


def test_the_film_has_pictures() -> None:
    assert len(list(pictures_of(FILM))) == 24
    assert CERTIFICATE.fingerprint
