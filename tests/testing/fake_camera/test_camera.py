"""What a test lets happen to a camera: it fails, falls silent, says goodbye, comes back."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
from camera_talk import TCP, UDP, CameraTalk
from certificate_files import CertificateMaker
from ffmpeg_player import numbers_seen
from rtsp_peer import RtspPeer

from headwater.testing.fake_camera import AsyncFakeCamera, CameraSettings, sample
from headwater.testing.fake_camera.faults import Reply


async def test_it_remembers_what_it_was_asked() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera()) as talk:
        await talk.play()
        camera = talk.camera
    methods = [request.method for request in camera.requests]
    assert methods == ["DESCRIBE", "SETUP", "PLAY"]
    assert camera.requests[0].uri == camera.url
    assert camera.requests[0].header("user-agent") == "test"
    assert [len(camera.connections), len(camera.sessions)] == [1, 1]


@pytest.mark.parametrize(
    ("method", "uri", "status"),
    [
        ("DESCRIBE", "{url}x", 404),
        ("DESCRIBE", "{url}?x", 404),
        ("SETUP", "{url}/trackID=7", 404),
        ("SETUP", "{url}//trackID=0", 404),
        ("PLAY", "{url}", 454),
        ("RECORD", "{url}", 501),
    ],
)
async def test_it_refuses_what_makes_no_sense(method: str, uri: str, status: int) -> None:
    async with CameraTalk.with_one(AsyncFakeCamera()) as talk:
        answer = await talk.ask(method, uri.format(url=talk.camera.url), Transport=TCP)
        assert answer.status == status


async def test_switched_off_nobody_can_connect_until_it_is_on_again() -> None:
    async with AsyncFakeCamera() as camera:
        async with CameraTalk.to(camera) as talk:
            await talk.play()
            before = (await talk.packets(1))[0]
            await camera.close()
            await talk.peer.closed()
        assert [session.ended for session in camera.sessions] == ["its connection ended"]
        with pytest.raises(ConnectionRefusedError):
            await RtspPeer.connect(camera.port)
        await camera.start()
        async with CameraTalk.to(camera) as talk:
            await talk.play()
            after = (await talk.packets(1))[0]
    assert before.ssrc != after.ssrc
    assert before.seq != after.seq
    assert before.timestamp != after.timestamp


async def test_a_restart_keeps_the_port() -> None:
    async with AsyncFakeCamera() as camera:
        port = camera.port
        await camera.restart()
        assert camera.port == port
        async with CameraTalk.to(camera) as talk:
            assert (await talk.play()).status == 200


async def test_a_cut_leaves_it_open_to_others() -> None:
    async with AsyncFakeCamera() as camera:
        async with CameraTalk.to(camera) as talk:
            await talk.play()
            camera.cut()
            await talk.peer.closed()
        async with CameraTalk.to(camera) as talk:
            assert (await talk.play()).status == 200


async def test_in_silence_it_answers_but_sends_no_media() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera()) as talk:
        await talk.play()
        await talk.pictures(2)
        talk.camera.fall_silent()
        assert (await talk.ask("OPTIONS")).status == 200
        talk.peer.frames.clear()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await talk.peer.frame()
        talk.camera.speak()
        assert len(await talk.pictures(2)) == 2


async def test_it_says_goodbye() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera()) as talk:
        await talk.play()
        (packet,) = await talk.packets(1)
        await talk.report()
        talk.camera.say_bye()
        goodbye = await talk.report()
    assert goodbye[-8:] == b"\x81\xcb\x00\x01" + packet.ssrc.to_bytes(4, "big")


async def test_it_goes_on_as_another_source() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera()) as talk:
        await talk.play()
        (before,) = await talk.packets(1)
        talk.camera.renew()
        while (after := (await talk.packets(1))[0]).ssrc == before.ssrc:
            pass
    assert abs(after.timestamp - before.timestamp) > 90_000


async def test_pause_and_play_again() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera()) as talk:
        await talk.play()
        await talk.pictures(3)
        assert (await talk.ask("PAUSE")).status == 200
        last = talk.camera.sessions[0].flows[0].seq
        talk.peer.frames.clear()
        await talk.ask("PLAY")
        assert (await talk.packets(1))[0].seq == last


async def test_one_connection_at_most() -> None:
    settings = CameraSettings(connections_at_most=1)
    async with AsyncFakeCamera(settings=settings) as camera, CameraTalk.to(camera) as talk:
        assert (await talk.ask("OPTIONS")).status == 200
        async with CameraTalk.to(camera) as other:
            assert await other.peer.closed() == b""
        assert (await talk.ask("OPTIONS")).status == 200


async def test_a_client_that_falls_silent_over_udp_is_dropped() -> None:
    settings = CameraSettings(session_timeout_s=0.2)
    async with CameraTalk.with_one(AsyncFakeCamera(settings=settings)) as talk:
        await talk.play(UDP)
        await talk.datagram()
        await talk.camera.wait_until(lambda: not talk.camera.live_sessions)
        assert talk.camera.sessions[0].ended == "timed out"
        assert (await talk.ask("PLAY")).status == 454


async def test_faults_change_while_it_runs() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera()) as talk:
        before = await talk.ask("OPTIONS")
        talk.camera.fault(Reply("OPTIONS", 503))
        during = await talk.ask("OPTIONS")
        talk.camera.fault()
        after = await talk.ask("OPTIONS")
    assert [answer.status for answer in (before, during, after)] == [200, 503, 200]


async def test_it_speaks_tls(tmp_path: Path) -> None:
    files = CertificateMaker(tmp_path).issue("camera")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    async with AsyncFakeCamera(settings=CameraSettings(tls=context)) as camera:
        assert camera.url.startswith("rtsps://")
        assert await numbers_seen(camera.url, "-rtsp_transport", "tcp", count=2) == [0, 1]


async def test_it_lives_at_an_ipv6_address() -> None:
    settings = CameraSettings(host="::1", tracks=(sample.h264(), sample.pcma()))
    try:
        async with AsyncFakeCamera(settings=settings) as camera:
            assert camera.url == f"rtsp://[::1]:{camera.port}/stream"
            assert await numbers_seen(camera.url, "-rtsp_transport", "udp", count=2) == [0, 1]
    except OSError:
        pytest.skip("no IPv6 on this machine")


async def test_a_path_with_a_query() -> None:
    settings = CameraSettings(path="/cam/realmonitor?channel=1&subtype=0")
    async with AsyncFakeCamera(settings=settings) as camera:
        assert await numbers_seen(camera.url, "-rtsp_transport", "tcp", count=2) == [0, 1]
