"""AAC that browsers hear as Opus: made once for all of them, and only while one does."""

from __future__ import annotations

import itertools
import threading

import av
import numpy as np
import pytest
from films import film
from inside import inside
from published_film import description, pictures_of
from sounds import sound
from web_rig import WebFactory, WebServer
from webrtc_peer import VIDEO, WebRtcPeer, offer

from headwater import MountSettings
from headwater.config.path_section import PathSection
from headwater.config.settings import Settings
from headwater.media.settings import SoundByWebRtc
from headwater.protocol.rtcp import SenderReport, parse_rtcp
from headwater.relay.packet_publisher import PacketPublisher
from headwater.webrtc.opus_track import OpusTrack

OPUS = "a=rtpmap:111 opus/48000/2\r\n"
BOTH = offer(sections=(("video", "102", VIDEO), ("audio", "111", OPUS)))
AAC = sound("aac", 2)
THREAD = "opus for browsers"
WITH_OPUS = {"mounts": MountSettings(audio=SoundByWebRtc.OPUS)}


def published(web: WebServer) -> PacketPublisher:
    publisher = web.server.publish("/front", description("h264", "aac"))
    for picture in list(pictures_of(film("h264").rtp))[:5]:
        publisher.publish(0, picture)
    return publisher


def heard(peer: WebRtcPeer) -> list[bytes]:
    return [packet for packet in peer.media if packet[1] & 0x7F == 111]


def threads() -> int:
    return sum(thread.name == THREAD for thread in threading.enumerate())


async def test_viewers_hear_what_was_published(start_web: WebFactory) -> None:
    web = await start_web(settings=WITH_OPUS)
    publisher = published(web)
    peers = [await WebRtcPeer.watch(web.port, "/front", BOTH) for _ in range(2)]
    for peer in peers:
        await peer.until(lambda peer=peer: peer.media)
    assert threads() == 0, "nothing was published that could be heard"
    publisher.publish(1, AAC.rtp)
    for peer in peers:
        await peer.until(lambda peer=peer: len(heard(peer)) > 30)
    first, other = (heard(peer) for peer in peers)
    assert first[:30] == other[:30]
    assert threads() == 1
    times = [int.from_bytes(packet[4:8], "big") for packet in first]
    assert {after - before for before, after in itertools.pairwise(times)} == {960}
    assert loudness(first) == pytest.approx(loudness_of_aac(), rel=0.1)
    for peer in peers:
        await peer.leave(web.port)
    assert not inside(web.server).web.webrtc.views


async def test_reports_tell_the_clock_of_opus(start_web: WebFactory) -> None:
    web = await start_web(settings=WITH_OPUS)
    publisher = published(web)
    peer = await WebRtcPeer.watch(web.port, "/front", BOTH)
    await peer.until(lambda: peer.media)
    publisher.publish(1, AAC.rtp)
    await peer.until(lambda: len(heard(peer)) > 30)
    source = int.from_bytes(heard(peer)[0][8:12], "big")

    def reported() -> list[SenderReport]:
        parts = [part for compound in peer.reports for part in parse_rtcp(compound)]
        return [part for part in parts if isinstance(part, SenderReport) and part.ssrc == source]

    await peer.until(reported)
    newest = int.from_bytes(heard(peer)[-1][4:8], "big")
    # The report is of now, and the last of the sound was sent at most some seconds ago.
    assert -48_000 < reported()[-1].rtp_timestamp - newest < 20 * 48_000
    await peer.close()


async def test_the_thread_ends_with_the_last_who_hears(start_web: WebFactory) -> None:
    web = await start_web(settings=WITH_OPUS)
    publisher = published(web)
    seeing = await WebRtcPeer.watch(web.port, "/front")
    hearing = await WebRtcPeer.watch(web.port, "/front", BOTH)
    await hearing.until(lambda: hearing.media)
    publisher.publish(1, AAC.rtp)
    await hearing.until(lambda: heard(hearing))
    [view] = inside(web.server).web.webrtc.views
    track = view.tracks[1]
    assert isinstance(track, OpusTrack)
    [thread] = [one for one in threading.enumerate() if one.name == THREAD]
    await hearing.leave(web.port)
    thread.join(10)
    assert not thread.is_alive()
    publisher.publish(1, AAC.rtp)
    await seeing.until(lambda: seeing.media)
    assert threads() == 0
    await seeing.close()


@pytest.mark.parametrize("settings", [{}, {"paths": {"/other": {"audio": "opus"}}}])
async def test_without_the_setting_the_picture_goes_alone(
    start_web: WebFactory, settings: dict[str, object]
) -> None:
    web = await start_web(settings=settings)
    published(web)
    peer = await WebRtcPeer.watch(web.port, "/front", BOTH)
    assert "m=audio 0 " in peer.answer
    [view] = inside(web.server).web.webrtc.views
    assert view.left_out == ("MPEG4-GENERIC",)
    await peer.close()


def test_a_path_may_have_it_alone() -> None:
    settings = Settings(paths={"/front": PathSection(audio="opus")})
    assert settings.paths["/front"].given() == {"audio": SoundByWebRtc.OPUS}


def loudness(packets: list[bytes]) -> float:
    decoder = av.CodecContext.create("opus", "r")
    decoder.layout = "stereo"
    decoder.sample_rate = 48_000
    return _power([f for p in packets for f in decoder.decode(av.Packet(p[12:]))])


def loudness_of_aac() -> float:
    decoder = av.CodecContext.create("aac", "r")
    decoder.extradata = AAC.config
    return _power([f for frame in AAC.frames for f in decoder.decode(av.Packet(frame))])


def _power(frames: list[av.AudioFrame]) -> float:
    # Its begin and its end are of encoders: what is between them counts.
    samples = np.concatenate(
        [frame.to_ndarray().astype(np.float64).ravel() for frame in frames[3:-3]]
    )
    return float(np.sqrt(np.mean(samples**2)))


LARGE = [
    b"\x80\x6f"
    + number.to_bytes(2, "big")
    + (960 * number).to_bytes(4, "big")
    + b"ssrc"
    # RFC 6716 §3.1: one frame of 20 ms. No encoder makes one so large; anybody can send it.
    + b"\x78"
    + bytes([number]) * size
    for number, size in enumerate([100, 45_000, 45_000, 45_000, 65_300, 100])
]


async def test_packets_of_sound_that_are_far_too_large_harm_nobody(start_web: WebFactory) -> None:
    web = await start_web()
    publisher = web.server.publish(
        "/sound", b"v=0\r\ns=-\r\nm=audio 0 RTP/AVP 111\r\na=rtpmap:111 opus/48000/2\r\n"
    )
    only_sound = offer(sections=(("audio", "111", OPUS),))
    peers = [await WebRtcPeer.watch(web.port, "/sound", only_sound) for _ in range(5)]
    publisher.publish(0, LARGE[:1])
    for peer in peers:
        await peer.until(lambda peer=peer: peer.media)
    publisher.publish(0, LARGE[1:])
    for peer in peers:
        await peer.until(lambda peer=peer: peer.media[-1][12:] == LARGE[-1][12:])
        assert {packet[12:] for packet in peer.media} <= {packet[12:] for packet in LARGE}
        numbers = [int.from_bytes(packet[2:4], "big") for packet in peer.media]
        assert numbers[-1] - numbers[0] == len(LARGE) - 1, "what is lost has its number"
