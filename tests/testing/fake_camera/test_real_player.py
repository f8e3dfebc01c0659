"""The fake camera is a true RTSP server: ffmpeg and ffprobe play it, picture by picture."""

from __future__ import annotations

import json
import socket

import pytest
from ffmpeg_player import command, numbers_seen, run

from headwater.testing.fake_camera import (
    BASIC,
    DIGEST_MD5,
    AsyncFakeCamera,
    CameraSettings,
    Credentials,
    Transport,
    sample,
)
from headwater.testing.fake_camera.track import Track


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_ffmpeg_sees_every_picture_once_and_in_order(transport: str) -> None:
    async with AsyncFakeCamera() as camera:
        numbers = await numbers_seen(camera.url, "-rtsp_transport", transport, count=60)
        assert numbers == [n % sample.PICTURES for n in range(60)]
        await camera.wait_for("TEARDOWN")
        await camera.wait_until(lambda: not camera.live_sessions)
    assert [session.ended for session in camera.sessions] == ["TEARDOWN"]
    assert [request.method for request in camera.requests[:4]] == [
        "OPTIONS",
        "DESCRIBE",
        "SETUP",
        "PLAY",
    ]


def has_multicast_route() -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        return probe.connect_ex((CameraSettings().group, 5_000)) == 0


@pytest.mark.skipif(not has_multicast_route(), reason="no route for multicast on this machine")
async def test_ffmpeg_sees_it_by_multicast() -> None:
    transports = frozenset({Transport.MULTICAST})
    async with AsyncFakeCamera(settings=CameraSettings(transports=transports)) as camera:
        numbers = await numbers_seen(camera.url, "-rtsp_transport", "udp_multicast")
    # What a reader missed of a group before it joined, it never sees.
    assert numbers == [n % sample.PICTURES for n in range(numbers[0], numbers[0] + 30)]


async def test_ffmpeg_logs_in() -> None:
    credentials = Credentials("admin", "p:a@s%s", challenges=(BASIC, DIGEST_MD5), nonce_uses=2)
    async with AsyncFakeCamera(settings=CameraSettings(credentials=credentials)) as camera:
        url = camera.url.replace("//", "//admin:p%3Aa%40s%25s@")
        assert await numbers_seen(url, "-rtsp_transport", "tcp", count=2) == [0, 1]
    assert "Authorization" in [name for name, _ in camera.seen("PLAY")[0].headers]


@pytest.mark.parametrize(
    ("track", "codec", "rate"),
    [
        (sample.aac(), "aac", "48000"),
        (sample.pcma(), "pcm_alaw", "8000"),
        (sample.pcmu(), "pcm_mulaw", "8000"),
    ],
    ids=["aac", "pcma", "pcmu"],
)
@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_ffprobe_names_picture_and_sound(
    transport: str, track: Track, codec: str, rate: str
) -> None:
    settings = CameraSettings(tracks=(sample.h264(), track))
    async with AsyncFakeCamera(settings=settings) as camera:
        shown, _ = await run(
            *(command("ffprobe"), "-v", "warning", "-rtsp_transport", transport, "-i", camera.url),
            *("-show_streams", "-of", "json"),
        )
    streams = json.loads(shown)["streams"]
    video, audio = streams
    assert (video["codec_name"], video["width"], video["height"]) == ("h264", 320, 240)
    assert video["r_frame_rate"] == "25/1"
    assert (audio["codec_name"], audio["sample_rate"]) == (codec, rate)


async def test_sound_decodes_without_an_error() -> None:
    settings = CameraSettings(tracks=(sample.aac(),))
    async with AsyncFakeCamera(settings=settings) as camera:
        pcm, errors = await run(
            *(
                command("ffmpeg"),
                "-v",
                "warning",
                "-rtsp_transport",
                "tcp",
                "-i",
                camera.url,
                "-t",
                "1.5",
            ),
            *("-f", "s16le", "-"),
        )
    assert len(pcm) == int(1.5 * 48_000) * 2
    assert "error" not in errors.lower(), errors
