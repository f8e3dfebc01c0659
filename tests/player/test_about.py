"""What a player is told of a mount, and snapshots."""

from __future__ import annotations

from base64 import b64encode

import pytest
from films import film
from http_peer import fetch
from inside import inside
from published_film import PublishedFilm, description
from web_rig import WebFactory, WebServer

from headwater import MountSettings
from headwater.codecs.h264.depacketizer import H264Depacketizer
from headwater.media.settings import SoundByWebRtc
from headwater.player.about import Offered, ways_of

BOTH = Offered()
OWNER = ' (the owner can set audio = "opus")'


@pytest.mark.parametrize(
    ("codecs", "webrtc", "mse"),
    [
        (("h264", "opus"), BOTH, BOTH),
        (("h264",), BOTH, BOTH),
        (("opus",), BOTH, BOTH),
        (("pcmu",), BOTH, BOTH),
        (("vp8", "opus"), BOTH, Offered("MP4 cannot carry VP8")),
        (
            ("h264", "aac"),
            Offered(later=f"it would play without sound, since WebRTC has no AAC{OWNER}"),
            BOTH,
        ),
        (("aac",), Offered("WebRTC cannot carry AAC"), BOTH),
    ],
)
async def test_ways(web: WebServer, codecs: tuple[str, ...], webrtc: Offered, mse: Offered) -> None:
    web.server.publish("/front", description(*codecs))
    mount = inside(web.server).mounts.get("/front")
    assert mount is not None
    ways = ways_of(mount, ())
    assert (ways["webrtc"], ways["mse"]) == (webrtc, mse)
    assert set(ways) == {"webrtc", "mse"}


@pytest.mark.parametrize(
    ("codecs", "makes_opus", "webrtc"),
    [
        (("h264", "aac"), True, BOTH),
        (("aac",), True, BOTH),
        (
            ("h264", "aac"),
            False,
            Offered(later=f"it would play without sound, since WebRTC has no AAC{OWNER}"),
        ),
    ],
)
async def test_sound_that_becomes_opus(
    start_web: WebFactory, codecs: tuple[str, ...], makes_opus: bool, webrtc: Offered
) -> None:
    web = await start_web(settings={"mounts": MountSettings(audio=SoundByWebRtc.OPUS)})
    web.server.publish("/front", description(*codecs))
    mount = inside(web.server).mounts.get("/front")
    assert mount is not None
    assert ways_of(mount, (), makes_opus=makes_opus)["webrtc"] == webrtc


async def test_a_mount_that_is_there(web: WebServer) -> None:
    web.server.publish("/front", description("h264", "opus"))
    answer = await fetch(web.port, "/front/about")
    told = answer.problem
    assert answer.status == 200
    assert (told["state"], told["path"]) == ("live", "/front")
    assert told["tracks"] == [
        {"kind": "video", "codec": "H264"},
        {"kind": "audio", "codec": "Opus"},
    ]
    assert told["rtsp"] == {"scheme": "rtsp", "port": web.server.play_port}
    assert {"webrtc", "mse", "hls", "snapshots"} == set(told["ways"])


async def test_a_mount_that_is_away(web: WebServer) -> None:
    answer = await fetch(web.port, "/front/about")
    assert answer.status == 200
    assert answer.problem["state"] == "away"
    assert "nobody publishes on /front" in answer.problem["detail"]


@pytest.mark.parametrize(("name", "complaint"), [("h264", None), ("h264-b", "B-frames")])
async def test_b_frames_are_known_from_the_description(
    web: WebServer, name: str, complaint: str | None
) -> None:
    taker = H264Depacketizer()
    key_frame = next(unit for packet in film(name).rtp for unit in taker.feed(packet))
    sets = ",".join(b64encode(one).decode() for one in key_frame.units[:2])
    fmtp = f"a=fmtp:96 packetization-mode=1;sprop-parameter-sets={sets}\r\n"
    web.server.publish("/front", description("h264") + fmtp)
    mount = inside(web.server).mounts.get("/front")
    assert mount is not None
    said = ways_of(mount, ())["webrtc"].no
    assert (said is None) == (complaint is None)
    assert (complaint or "") in (said or "")


async def test_a_snapshot_is_a_picture(web: WebServer) -> None:
    PublishedFilm(web.server, film("h264").rtp).show(3)
    answer = await fetch(web.port, "/front/snapshot.jpg")
    assert answer.status == 200
    assert answer.header("content-type") == "image/jpeg"
    assert answer.body[:2] == b"\xff\xd8"


async def test_sound_has_no_snapshot(web: WebServer) -> None:
    web.server.publish("/radio", description("opus"))
    answer = await fetch(web.port, "/radio/snapshot.jpg")
    assert (answer.status, answer.problem["code"]) == (406, "not_decodable")
