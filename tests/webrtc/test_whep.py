"""Watching by WHEP, on real sockets: what an obedient peer gets, and what it is told."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import pytest
from films import film
from http_peer import fetch
from inside import inside
from published_film import PublishedFilm, description, pictures_of
from server_rig import LoopClock
from sounds import sound
from waiting import holds
from web_rig import WebFactory, WebServer
from webrtc_peer import VIDEO, WebRtcPeer, nack, numbers, offer, post, ssrc

from headwater import LimitSettings, MountSettings
from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.h264.depacketizer import H264Depacketizer
from headwater.protocol.rtcp import Bye, SenderReport, parse_rtcp
from headwater.protocol.rtcp_build import picture_loss_indication
from headwater.protocol.webrtc.offer import Offer
from headwater.protocol.webrtc.stun import BINDING_ERROR, Attribute
from headwater.webrtc import viewer as viewer_module
from headwater.webrtc import whep
from headwater.webrtc.settings import WebRtcSettings
from headwater.webrtc.way import TcpWay

H264 = film("h264").rtp
OFFERS = Path(__file__).parents[1] / "protocol" / "webrtc" / "offers"
OPUS = "a=rtpmap:111 opus/48000/2\r\n"


async def watched(web: WebServer, **arguments: object) -> tuple[PublishedFilm, WebRtcPeer]:
    """A film of which a key frame and some more is published, and a peer that watches it."""
    published = PublishedFilm(web.server, H264)
    published.show(5)
    peer = await WebRtcPeer.watch(web.port, "/front", **arguments)  # type: ignore[arg-type]
    await peer.until(lambda: sum(packet[1] >> 7 for packet in peer.media) == 5)
    return published, peer


async def test_a_viewer_begins_with_the_last_key_frame_and_misses_nothing(web: WebServer) -> None:
    published, peer = await watched(web)
    published.show(published.left)
    depacketizer = H264Depacketizer()
    taken = 0
    units: list[AccessUnit] = []

    def all_came() -> bool:
        nonlocal taken
        for packet in peer.media[taken:]:
            units.extend(depacketizer.feed(packet))
        taken = len(peer.media)
        return len(units) == 24

    await peer.until(all_came)
    assert units[0].key_frame
    assert not any(unit.damaged for unit in units)
    assert all(len(packet) <= 1_200 for packet in peer.media)
    assert {packet[1] & 0x7F for packet in peer.media} == {102}
    first = numbers(peer.media)[0]
    assert numbers(peer.media) == [first + index & 0xFFFF for index in range(len(peer.media))]
    assert (await peer.leave(web.port)).status == 200


async def test_the_answer_is_what_rfc_9725_wants(web: WebServer) -> None:
    PublishedFilm(web.server, H264).show(3)
    answer = await post(web.port, "/front/whep", offer())
    assert answer.status == 201
    assert answer.header("content-type") == "application/sdp"
    assert (answer.header("location") or "").startswith("/front/whep/")
    assert answer.header("etag") is not None
    for line in ("a=ice-lite", "a=setup:passive", "a=sendonly", "a=end-of-candidates"):
        assert line in answer.body.decode().split("\r\n")
    options = await fetch(web.port, "/front/whep", method="OPTIONS")
    assert (options.status, options.header("accept-post")) == (204, "application/sdp")
    resource = answer.header("location") or ""
    patched = await fetch(web.port, resource, method="PATCH", body=b"a=candidate:1")
    assert patched.status == 405
    assert set((patched.header("allow") or "").split(", ")) == {"DELETE", "OPTIONS"}
    assert (await fetch(web.port, resource, method="DELETE")).status == 200
    gone = await fetch(web.port, resource, method="DELETE")
    assert (gone.status, gone.problem["code"]) == (404, "no_such_session")


@pytest.mark.parametrize(
    "profile", [b"SRTP_AEAD_AES_128_GCM", b"SRTP_AES128_CM_SHA1_80"], ids=["gcm", "hmac"]
)
async def test_either_profile_of_srtp(web: WebServer, profile: bytes) -> None:
    _, peer = await watched(web, profiles=profile)
    assert peer.profile == profile
    await peer.close()


async def test_gcm_is_chosen_by_the_server(web: WebServer) -> None:
    _, peer = await watched(web, profiles=b"SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM")
    assert peer.profile == b"SRTP_AEAD_AES_128_GCM"
    await peer.close()


async def test_tcp_where_udp_does_not_get_through(web: WebServer) -> None:
    published, peer = await watched(web, tcp=True)
    before = len(peer.media)
    published.show(3)
    await peer.until(lambda: len(peer.media) > before)
    [session] = [s for s in web.server.sessions.values() if s.kind == "webrtc"]
    assert session.transport == "webrtc-tcp"
    await peer.close()


async def test_a_viewer_that_takes_too_little_goes_on_with_a_key_frame(
    web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(viewer_module, "MOST_QUEUED_BYTES", 2_000)
    published, peer = await watched(web, tcp=True)
    [viewer] = inside(web.server).web.webrtc.viewers
    assert viewer.peer_connection is not None
    way = viewer.peer_connection.way
    assert isinstance(way, TcpWay)
    # As a socket that takes nothing.
    way.stream.cork()
    while not viewer.dropped_packets:
        published.show(1)
        await asyncio.sleep(0)
    # A group of pictures is ten: the rest of the second is dropped too.
    assert published.position < 20
    published.show(20 - published.position)
    await asyncio.sleep(0)
    way.stream.uncork()
    async with asyncio.timeout(20):
        while way.queued_bytes:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.005)
    published.show(published.left)
    await peer.until(lambda: sum(packet[1] >> 7 for packet in behind_gap(peer.media)) == 4)
    depacketizer = H264Depacketizer()
    units = [unit for packet in behind_gap(peer.media) for unit in depacketizer.feed(packet)]
    assert units[0].key_frame
    assert (len(units), any(unit.damaged for unit in units)) == (4, False)
    [reader] = web.server.mounts["/front"].readers
    assert reader.dropped_packets == viewer.dropped_packets
    await peer.close()


def behind_gap(media: list[bytes]) -> list[bytes]:
    """The packets behind the one gap in their numbers; none where there is no gap."""
    pairs = enumerate(itertools.pairwise(numbers(media)), start=1)
    gaps = [at for at, (before, after) in pairs if after != before + 1 & 0xFFFF]
    assert len(gaps) <= 1
    return media[gaps[0] :] if gaps else []


async def test_lost_packets_are_sent_again_with_their_numbers(web: WebServer) -> None:
    _, peer = await watched(web)
    lost = numbers(peer.media)[1:3]
    before = len(peer.media)
    peer.send_rtcp(nack(ssrc(peer.media[0]), *lost))
    await peer.until(lambda: len(peer.media) == before + 2)
    assert numbers(peer.media[before:]) == lost
    assert peer.media[before] == peer.media[1]
    await peer.close()


async def test_what_a_viewer_never_got_is_not_sent_again(web: WebServer) -> None:
    _, peer = await watched(web)
    before, source = len(peer.media), ssrc(peer.media[0])
    first = numbers(peer.media)[0]
    peer.send_rtcp(nack(source + 1, first))
    peer.send_rtcp(nack(source, first - 1 & 0xFFFF, first + 5_000 & 0xFFFF))
    peer.send_rtcp(bytes((0x81, 205, 0xFF, 0xFF)) + bytes(8))
    peer.send_rtcp(nack(source, first))
    await peer.until(lambda: len(peer.media) > before)
    assert numbers(peer.media[before:]) == [first]
    await peer.close()


async def test_a_viewer_gets_the_tracks_that_it_asked_for(web: WebServer) -> None:
    publisher = web.server.publish("/front", description("h264", "opus"))
    pictures = pictures_of(H264)
    publisher.publish(0, next(pictures))
    peer = await WebRtcPeer.watch(web.port, "/front")
    publisher.publish(1, list(sound("opus", 2).rtp))
    publisher.publish(0, next(pictures))
    await peer.until(lambda: sum(packet[1] >> 7 for packet in peer.media) == 2)
    assert {packet[1] & 0x7F for packet in peer.media} == {102}
    [session] = [s for s in web.server.sessions.values() if s.kind == "webrtc"]
    assert session.tracks == (0,)
    await peer.close()


async def test_packets_are_sent_again_within_bounds(web: WebServer) -> None:
    _, peer = await watched(web)
    first = numbers(peer.media)[0]
    viewer = next(iter(inside(web.server).web.webrtc.viewers))
    for _ in range(10):
        peer.send_rtcp(nack(ssrc(peer.media[0]), *itertools.repeat(first, 200)))
    await fetch(web.port, peer.location, method="OPTIONS")
    peer.send_rtcp(nack(ssrc(peer.media[0]), first))
    await peer.until(lambda: viewer.resent_packets >= 500)
    assert viewer.resent_packets < 700
    await peer.close()


async def test_a_lost_picture_is_shown_again_and_asked_for(
    web: WebServer, clock: LoopClock
) -> None:
    published, peer = await watched(web)
    before, source = len(peer.media), ssrc(peer.media[0])
    # The publisher is asked once a second at most.
    clock.advance(2)
    published.wanted.clear()
    peer.send_rtcp(picture_loss_indication(1, source, cname="peer"))
    await peer.until(lambda: len(peer.media) == 2 * before)
    assert numbers(peer.media[before:]) == numbers(peer.media[:before])
    assert published.wanted == [0]
    peer.send_rtcp(picture_loss_indication(1, source, cname="peer"))
    published.show(1)
    await peer.until(lambda: len(peer.media) > 2 * before)
    assert len(published.wanted) == 1
    await peer.close()


async def test_reports_tell_the_clock(web: WebServer) -> None:
    published, peer = await watched(web)
    await peer.until(lambda: peer.reports)
    report = parse_rtcp(peer.reports[0])[0]
    assert isinstance(report, SenderReport)
    assert report.ssrc == ssrc(peer.media[0])
    assert report.packets == len(peer.media)
    await peer.close()
    assert published.left


async def test_a_viewer_that_changes_its_network_goes_on(web: WebServer) -> None:
    published, peer = await watched(web)
    await peer.open_udp()
    answered = len(peer.stun)
    peer.check()
    await peer.until(lambda: len(peer.stun) > answered)
    before = len(peer.media)
    published.show(3)
    await peer.until(lambda: len(peer.media) > before)
    await peer.close()


@pytest.mark.parametrize("name", ["chromium-156", "firefox", "safari"])
async def test_offers_of_browsers_are_answered_as_they_were_made(web: WebServer, name: str) -> None:
    """RFC 3264 §6: as many sections, of the same kinds, with payload types of the offer."""
    PublishedFilm(web.server, H264).show(3)
    text = (OFFERS / f"{name}.sdp").read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    offered = Offer.parse(text)
    answer = await post(web.port, "/front/whep", text)
    assert answer.status == 201
    lines = answer.body.decode().split("\r\n")
    sections = [line.split() for line in lines if line.startswith("m=")]
    assert [section[0] for section in sections] == [f"m={one.kind}" for one in offered.sections]
    video = next(section for section in offered.sections if section.kind == "video")
    chosen = next(section for section in sections if section[0] == "m=video")
    [codec] = [codec for codec in video.codecs if str(codec.payload_type) == chosen[3]]
    assert (codec.encoding, codec.parameters["packetization-mode"]) == ("H264", "1")
    for needed in ("a=ice-lite", "a=setup:passive", "a=sendonly", f"a=group:BUNDLE {video.mid}"):
        assert needed in lines
    assert set(lines) & {f"a=mid:{one.mid}" for one in offered.sections}
    location = answer.header("location") or ""
    assert (await fetch(web.port, location, method="DELETE")).status == 200


async def test_a_source_is_opened_for_a_viewer(start_web: WebFactory) -> None:
    far = await start_web()
    published = PublishedFilm(far.server, H264)
    published.show(5)
    source = {"source": far.server.play_url("/front"), "on_demand": True, "transport": "tcp"}
    web = await start_web(paths={"/near": source})
    assert inside(web.server).mounts.get("/near") is None
    peer = await WebRtcPeer.watch(web.port, "/near")
    published.show(published.left)
    await peer.until(lambda: peer.media)
    await peer.close()


PATIENT = {"mounts": MountSettings(publisher_idle_timeout_s=0)}


async def test_a_viewer_that_is_silent_is_let_go(start_web: WebFactory, clock: LoopClock) -> None:
    web = await start_web(settings=PATIENT)
    _, peer = await watched(web)
    assert web.server.mounts["/front"].readers
    clock.advance(31)
    await peer.until(lambda: peer.left)
    assert not web.server.mounts["/front"].readers
    assert not inside(web.server).web.webrtc.views
    await peer.close()


async def test_a_check_keeps_a_viewer(start_web: WebFactory, clock: LoopClock) -> None:
    web = await start_web(settings=PATIENT)
    published, peer = await watched(web)
    for _ in range(3):
        clock.advance(20)
        answered = len(peer.stun)
        peer.check(nominate=False)
        await peer.until(lambda: len(peer.stun) > answered)  # noqa: B023 - awaited at once
    before = len(peer.media)
    published.show(2)
    await peer.until(lambda: len(peer.media) > before)
    await peer.close()


async def test_a_viewer_learns_of_the_end(web: WebServer) -> None:
    published, peer = await watched(web)
    published.publisher.close()
    await web.server.close_mount("/front")
    await peer.until(lambda: peer.left)
    assert any(isinstance(part, Bye) for r in peer.reports for part in parse_rtcp(r))
    await peer.close()


async def test_a_viewer_is_a_session_like_any_other(web: WebServer) -> None:
    _, peer = await watched(web)
    [session] = [s for s in web.server.sessions.values() if s.kind == "webrtc"]
    assert (session.path, session.tracks, session.state) == ("/front", (0,), "playing")
    [reader] = web.server.mounts["/front"].readers
    assert (reader.id, reader.sent_packets) == (session.id, len(peer.media))
    assert await web.server.close_session(session.id)
    await peer.until(lambda: peer.left)
    await peer.close()


async def test_viewers_stay_while_their_publisher_comes_back(web: WebServer) -> None:
    published, peer = await watched(web)
    published.publisher.close()
    again = PublishedFilm(web.server, H264)
    again.show(12)
    await peer.until(lambda: sum(packet[1] >> 7 for packet in peer.media) == 17)
    sequence = numbers(peer.media)
    assert sequence == [sequence[0] + index & 0xFFFF for index in range(len(sequence))]
    assert len({ssrc(packet) for packet in peer.media}) == 1
    await peer.close()


async def test_a_viewer_that_fails_is_alone(
    web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    published, peer = await watched(web)
    other = await WebRtcPeer.watch(web.port, "/front")
    await other.until(lambda: other.media)
    first, _ = inside(web.server).web.webrtc.viewers
    assert first.peer_connection is not None
    monkeypatch.setattr(first.peer_connection.srtp, "protect", None)
    published.show(published.left)
    await peer.until(lambda: peer.left)
    await other.until(lambda: sum(packet[1] >> 7 for packet in other.media) == 24)
    for each in (peer, other):
        await each.close()


async def test_what_is_kept_counts_against_the_budget(start_web: WebFactory) -> None:
    web = await start_web(settings={"limits": LimitSettings(gop_cache_bytes_total=20_000)})
    published, peer = await watched(web)
    budget = inside(web.server).mounts.cache_budget
    published.show(4)
    await peer.until(lambda: sum(packet[1] >> 7 for packet in peer.media) == 9)
    assert budget.overflows > 0
    assert budget.held_bytes <= 20_000
    await peer.close()


async def test_no_key_frame_yet(web: WebServer) -> None:
    published = PublishedFilm(web.server, H264)
    peer = await WebRtcPeer.watch(web.port, "/front")
    await peer.until(lambda: peer.stun)
    published.show(12)
    await peer.until(lambda: peer.media)
    depacketizer = H264Depacketizer()
    await peer.until(lambda: [u for p in peer.media for u in depacketizer.feed(p)])
    await peer.close()


SOUND = ("audio", "111", OPUS)
PICTURE = ("video", "102", VIDEO)


@pytest.mark.parametrize(
    ("codecs", "sections", "played"),
    [
        (("h264", "opus"), (PICTURE, SOUND), ["a=sendonly", "a=sendonly"]),
        (("h264", "opus"), (SOUND, PICTURE), ["a=sendonly", "a=sendonly"]),
        (("h264", "aac"), (PICTURE, SOUND), ["a=sendonly", "a=inactive"]),
        (("opus",), (PICTURE, SOUND), ["a=inactive", "a=sendonly"]),
        (("opus",), (SOUND,), ["a=sendonly"]),
        (("pcmu",), (("audio", "0 8", ""),), ["a=sendonly"]),
        (("aac",), (PICTURE, SOUND), None),
        (("h265",), (PICTURE,), None),
        (("vp8",), (("video", "96", "a=rtpmap:96 VP8/90000\r\n"),), ["a=sendonly"]),
        (("vp9",), (("video", "98", "a=rtpmap:98 VP9/90000\r\n"),), ["a=sendonly"]),
        (("av1",), (("video", "45", "a=rtpmap:45 AV1/90000\r\n"),), ["a=sendonly"]),
        (("h265",), (("video", "49", "a=rtpmap:49 H265/90000\r\n"),), ["a=sendonly"]),
    ],
)
async def test_what_is_played(
    web: WebServer,
    codecs: tuple[str, ...],
    sections: tuple[tuple[str, str, str], ...],
    played: list[str] | None,
) -> None:
    web.server.publish("/front", description(*codecs))
    answer = await post(web.port, "/front/whep", offer(sections=sections))
    if played is None:
        assert (answer.status, answer.problem["code"]) == (406, "no_common_codec")
        return
    assert answer.status == 201
    lines = answer.body.decode().split("\r\n")
    assert [line for line in lines if line in {"a=sendonly", "a=inactive"}] == played


async def test_b_frames_are_refused_with_a_reason(web: WebServer) -> None:
    PublishedFilm(web.server, film("h264-b").rtp).show(8)
    answer = await post(web.port, "/front/whep", offer())
    assert (answer.status, answer.problem["code"]) == (406, "b_frames")
    assert "B-frames" in answer.problem["detail"]
    assert not inside(web.server).web.webrtc.views


async def test_b_frames_are_refused_of_which_none_has_come_since_the_key_frame(
    web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Longer than a test waits.
    monkeypatch.setattr(whep, "_ORDER_SHOWS_S", 3600.0)
    published = PublishedFilm(web.server, film("h264-b").rtp)
    published.show(2)
    asked = asyncio.create_task(post(web.port, "/front/whep", offer()))
    await holds(lambda: inside(web.server).web.webrtc.views)
    published.show(1)
    answer = await asked
    assert (answer.status, answer.problem["code"]) == (406, "b_frames")


@pytest.mark.parametrize(("name", "shown"), [("h264-b", 2), ("h264", 1)])
async def test_a_viewer_is_let_in_where_no_b_frame_comes(
    web: WebServer, monkeypatch: pytest.MonkeyPatch, name: str, shown: int
) -> None:
    # Only who may have B-frames is waited for.
    monkeypatch.setattr(whep, "_ORDER_SHOWS_S", 0.01 if name == "h264-b" else 3600.0)
    PublishedFilm(web.server, film(name).rtp).show(shown)
    assert (await post(web.port, "/front/whep", offer())).status == 201


async def test_nobody_publishes(web: WebServer) -> None:
    answer = await post(web.port, "/nothing/whep", offer())
    assert (answer.status, answer.problem["code"]) == (404, "no_such_mount")
    assert answer.header("retry-after") == "2"


async def test_a_role_that_cannot_be_is_refused(web: WebServer) -> None:
    PublishedFilm(web.server, H264).show(3)
    answer = await post(web.port, "/front/whep", offer())
    peer = WebRtcPeer(answer.body.decode(), answer.header("location") or "")
    await peer.open_udp()
    peer.check(attributes=((Attribute.ICE_CONTROLLED, bytes(8)),))
    await peer.until(lambda: peer.stun)
    assert peer.stun[0].kind == BINDING_ERROR
    assert peer.stun[0].attributes[Attribute.ERROR_CODE][2:4] == bytes((4, 87))
    await peer.close()


async def test_advertised_hosts(start_web: WebFactory) -> None:
    web = await start_web(
        settings={"webrtc": WebRtcSettings(port=0, tcp=False, hosts=("203.0.113.9",))}
    )
    PublishedFilm(web.server, H264).show(3)
    answer = (await post(web.port, "/front/whep", offer())).body.decode()
    candidates = [line for line in answer.split("\r\n") if line.startswith("a=candidate")]
    assert [line.split()[4] for line in candidates] == ["127.0.0.1", "203.0.113.9"]
    assert all(" udp " in line for line in candidates)
