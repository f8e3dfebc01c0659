"""What each quirk of PLAY, of keep-alive and of the end looks like on the wire."""

from __future__ import annotations

import re

import pytest
from camera_talk import TCP, UDP, CameraTalk

from headwater.testing.fake_camera import AsyncFakeCamera, CameraSettings
from headwater.testing.fake_camera.quirks import PLAYING

URL = r"url=rtsp://127\.0\.0\.1:\d+/stream/trackID=0"
RTP_INFOS = {
    "rtp-info-seq-0": rf"{URL};seq=0;rtptime=\d+",
    "rtp-info-seq-1": rf"{URL};seq=1;rtptime=\d+",
    "rtp-info-rtptime-0": rf"{URL};seq=\d+;rtptime=0",
    "rtp-info-path": r"url=trackID=0;seq=\d+;rtptime=\d+",
    "rtp-info-blanks": rf"{URL} ; seq=\d+ ; rtptime=\d+",
    "rtp-info-unknown-track": rf"{URL};seq=\d+;rtptime=\d+,url=\S+/trackID=99;seq=1;rtptime=1",
    "rtp-info-wrong-url": r"url=rtsp://192\.0\.2\.1/elsewhere;seq=\d+;rtptime=\d+",
    "ssrc-in-rtp-info-only": rf"{URL};seq=\d+;rtptime=\d+;ssrc=(\w{{8}})",
}
ASKED = {
    "asks-options": ("OPTIONS", b""),
    "asks-set-parameter": ("SET_PARAMETER", b"motion: 1\r\n"),
    "asks-announce": ("ANNOUNCE", b"v=0\r\ns=new\r\n"),
}
SIGNS_OF_LIFE = {
    "keep-alive-by-options": ("OPTIONS", "GET_PARAMETER"),
    "keep-alive-by-get-parameter": ("GET_PARAMETER", "OPTIONS"),
    "keep-alive-by-reports": ("RTCP", "OPTIONS"),
}
PROVEN_ALONE = {
    "range-demanded",
    "report-before-play-answer",
    "no-rtp-info",
    "stale-frames",
    "no-get-parameter",
    "keep-alive-unanswered",
    "session-bound-to-connection",
}


def test_every_quirk_has_its_proof() -> None:
    proven = PROVEN_ALONE | set(RTP_INFOS) | set(ASKED) | set(SIGNS_OF_LIFE)
    assert {quirk.name for quirk in PLAYING} == proven


async def test_a_good_camera_tells_the_truth_in_rtp_info() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera()) as talk:
        value = (await talk.play()).header("RTP-Info") or ""
        (packet,) = await talk.packets(1)
    found = re.fullmatch(rf"{URL};seq=(\d+);rtptime=(\d+)", value)
    assert found is not None, value
    assert (int(found.group(1)), int(found.group(2))) == (packet.seq, packet.timestamp)


@pytest.mark.parametrize("name", RTP_INFOS)
async def test_rtp_info_says_so(name: str) -> None:
    async with CameraTalk.with_one(AsyncFakeCamera(name)) as talk:
        value = (await talk.play()).header("RTP-Info") or ""
        (packet,) = await talk.packets(1)
    assert re.fullmatch(RTP_INFOS[name], value), value
    if name.startswith(("rtp-info-seq", "rtp-info-rtptime")):
        assert packet.seq > 1
        assert packet.timestamp > 0


async def test_the_ssrc_stands_in_rtp_info_only() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera("ssrc-in-rtp-info-only")) as talk:
        setup = await talk.setup()
        assert "ssrc" not in (setup.header("Transport") or "")
        value = (await talk.ask("PLAY")).header("RTP-Info") or ""
        (packet,) = await talk.packets(1)
    assert value.endswith(f";ssrc={packet.ssrc:08X}")


async def test_no_rtp_info() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera("no-rtp-info")) as talk:
        answer = await talk.play()
        assert (answer.status, answer.header("RTP-Info")) == (200, None)


async def test_a_range_is_demanded() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera("range-demanded")) as talk:
        assert (await talk.play()).status == 457
        assert (await talk.ask("PLAY", Range="npt=0.000-")).status == 200


async def test_a_report_comes_before_the_answer_to_play() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera("report-before-play-answer")) as talk:
        assert (await talk.play()).status == 200
        # Frames that came before the answer were kept by the peer while it waited.
        channel, report = talk.peer.frames[0]
    assert (channel, report[1]) == (1, 200)


async def test_stale_frames_come_before_anything() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera("stale-frames")) as talk:
        await talk.ask("OPTIONS")
        assert {packet.ssrc for packet in await talk.packets(5)} == {0xDEAD}


async def test_get_parameter_is_neither_offered_nor_known() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera("no-get-parameter")) as talk:
        assert "GET_PARAMETER" not in ((await talk.ask("OPTIONS")).header("Public") or "")
        assert (await talk.ask("GET_PARAMETER")).status == 501


@pytest.mark.parametrize("name", SIGNS_OF_LIFE)
async def test_a_session_ends_without_its_sign_of_life(name: str) -> None:
    right, wrong = SIGNS_OF_LIFE[name]
    camera = AsyncFakeCamera(name)
    signs = camera.settings.alive_by
    assert right in signs
    assert wrong not in signs
    short = CameraSettings(session_timeout_s=0.4, alive_by=signs)
    async with CameraTalk.with_one(AsyncFakeCamera(settings=short)) as talk:
        await talk.play(UDP)
        (session,) = talk.camera.sessions
        for _ in range(3):
            await talk.ask(wrong)
        await talk.camera.wait_until(lambda: session.ended is not None)
        assert session.ended == "timed out"


async def test_a_session_lives_on_by_its_sign_of_life() -> None:
    settings = CameraSettings(session_timeout_s=0.5, alive_by=frozenset({"OPTIONS"}))
    async with CameraTalk.with_one(AsyncFakeCamera(settings=settings)) as talk:
        await talk.play(TCP)
        for _ in range(4):
            # Five pictures take 0.2 seconds in real time.
            await talk.pictures(5)
            await talk.ask("OPTIONS")
        assert talk.camera.live_sessions
    assert talk.camera.sessions[0].ended == "its connection ended"


async def test_a_report_is_a_sign_of_life_where_it_counts() -> None:
    settings = CameraSettings(session_timeout_s=0.5, alive_by=frozenset({"RTCP"}))
    report = b"\x80\xc9\x00\x01\x00\x00\x00\x01"
    async with CameraTalk.with_one(AsyncFakeCamera(settings=settings)) as talk:
        await talk.play(TCP)
        for _ in range(4):
            await talk.pictures(5)
            await talk.peer.send(b"$\x01\x00\x08" + report)
        (session,) = talk.camera.live_sessions
        await talk.camera.wait_until(lambda: len(session.heard) == 4)
        assert set(session.heard) == {report}


async def test_a_keep_alive_is_not_answered_but_counts() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera("keep-alive-unanswered")) as talk:
        await talk.play()
        await talk.peer.send(talk.peer.request("GET_PARAMETER", talk.camera.url, talk.session))
        assert (await talk.ask("OPTIONS")).header("CSeq") == str(talk.peer.cseq)
        assert talk.camera.seen("GET_PARAMETER")


@pytest.mark.parametrize("name", ASKED)
async def test_the_camera_asks(name: str) -> None:
    method, body = ASKED[name]
    async with CameraTalk.with_one(AsyncFakeCamera(name)) as talk:
        await talk.play()
        assert await talk.request() == (f"{method} {talk.camera.url} RTSP/1.0", body)
        await talk.peer.send(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n")
        (connection,) = talk.camera.connections
        await talk.camera.wait_until(lambda: len(connection.answers) == 1)
        assert connection.answers[0].first == "RTSP/1.0 200 OK"


async def test_a_session_over_udp_ends_with_its_connection() -> None:
    async with AsyncFakeCamera("session-bound-to-connection") as camera:
        async with CameraTalk.to(camera) as talk, CameraTalk.to(camera) as other:
            await talk.play(UDP)
            other.session = talk.session
            assert (await other.ask("TEARDOWN")).status == 500
            assert len(camera.live_sessions) == 1
        await camera.wait_until(lambda: not camera.live_sessions)
        assert camera.sessions[0].ended == "its connection ended"
