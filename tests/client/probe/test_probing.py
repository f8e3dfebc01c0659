"""Fake cameras and a real encoder are played and measured: what is found is what they do."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ffmpeg_publisher import encoded

from headwater import ProbeProgress, ProbeReport, RtspServer, probe
from headwater.client import CredentialsError, SilentError, UnreachableError
from headwater.testing.fake_camera import (
    AsyncFakeCamera,
    CameraSettings,
    Credentials,
    Fault,
    Transport,
    sample,
)
from headwater.testing.fake_camera.faults import (
    Drop,
    NoParameterSets,
    NoSenderReports,
    RewriteSdp,
    SilentOverUdp,
)

SHORT_S = 1.2
SDP_WITHOUT_SETS = RewriteSdp(r"(a=fmtp:\d+) .*?(?=\r\n)", r"\1 packetization-mode=1")


async def probed(camera: AsyncFakeCamera, **chosen: Any) -> ProbeReport:
    return await probe(camera.url, **{"duration_s": SHORT_S} | chosen)


async def test_a_camera_is_measured() -> None:
    settings = CameraSettings(tracks=(sample.h264(), sample.aac()))
    steps: list[ProbeProgress] = []
    async with AsyncFakeCamera(settings=settings) as camera:
        report = await probed(camera, on_progress=steps.append)
        assert camera.live_sessions == []
    assert report.url == camera.url
    assert (report.server, report.session_timeout_s) == ("FakeCamera/1.0", 60)
    assert "GET_PARAMETER" in report.methods
    assert (report.transport, report.transports) == ("udp", {"udp": "works", "tcp": "works"})
    assert report.first_picture_s is not None
    assert 0 < report.described_s <= report.first_packet_s <= report.first_picture_s
    assert report.measured_s >= SHORT_S
    picture, sound = report.tracks
    assert (picture.encoding, picture.profile) == ("H264", "Baseline 1.3")
    assert (picture.width, picture.height, picture.told_frame_rate_hz) == (320, 240, 25.0)
    assert picture.frame_rate_hz == pytest.approx(25.0)
    assert picture.key_frame_distance_s == picture.longest_key_frame_distance_s == 1.0
    assert (picture.parameters_described, picture.parameters_sent) == (True, True)
    assert not picture.reordered
    assert picture.packets > 25
    assert 50_000 < picture.bit_rate_per_s <= picture.peak_bit_rate_per_s
    assert picture.sender_reports >= 1
    assert abs(picture.clock_offset_s or 9.0) < 1.0
    assert (sound.encoding, sound.sample_rate_hz, sound.channels) == ("MPEG4-GENERIC", 48_000, 1)
    assert (sound.key_frames, sound.frame_rate_hz, sound.parameters_sent) == (None, None, None)
    assert report.warnings == ()
    assert steps[-2:][0].step.startswith(("measures", "tries"))
    assert max(step.packets for step in steps) > 25


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        ((SDP_WITHOUT_SETS,), "only in the stream"),
        ((NoParameterSets(),), "only in the description"),
        ((SDP_WITHOUT_SETS, NoParameterSets()), "no picture can be decoded"),
        ((Drop(every=20),), "of the packets were lost"),
        ((SilentOverUdp(),), "udp does not work: PLAY: no packet came over udp"),
    ],
    ids=["sets-sent", "sets-described", "no-sets", "loss", "silent-udp"],
)
async def test_what_is_wrong_is_said(faults: tuple[Fault, ...], words: str) -> None:
    async with AsyncFakeCamera(*faults) as camera:
        report = await probed(camera, udp_silence_s=0.3)
    assert [one for one in report.warnings if words in one], report.warnings


async def test_sender_reports_that_never_come() -> None:
    async with AsyncFakeCamera(NoSenderReports()) as camera:
        report = await probed(camera, duration_s=6.1, transport="tcp")
    assert report.tracks[0].sender_reports == 0
    assert [one for one in report.warnings if "no RTCP sender reports" in one]
    assert report.transports == {"tcp": "works"}


async def test_a_clock_that_runs_too_fast_and_is_set_wrong() -> None:
    settings = CameraSettings(report_interval_s=0.2)
    async with AsyncFakeCamera(settings=settings) as camera:
        camera.clock.ppm, camera.clock.offset_s = 40_000, -90.0
        report = await probed(camera, transport="tcp", duration_s=2.0)
    [track] = report.tracks
    assert track.clock_drift_ppm == pytest.approx(40_000, abs=12_000)
    assert track.clock_offset_s == pytest.approx(-90.0, abs=1.0)
    said = "\n".join(report.warnings)
    assert re.search(r"behind this machine's; set NTP", said)
    assert re.search(r"its clock runs \d\.\d\d % too fast", said)


async def test_a_transport_that_is_refused_is_told() -> None:
    settings = CameraSettings(transports=frozenset({Transport.TCP}))
    async with AsyncFakeCamera(settings=settings) as camera:
        report = await probed(camera)
    assert report.transport == "tcp"
    assert "461" in report.transports["udp"]


async def test_b_frames_of_a_real_encoder(server: RtspServer) -> None:
    async with encoded(server.publish_url("/film"), "-bf", "2"):
        await server.wait_for_mount("/film", 20)
        report = await probe(server.play_url("/film"), duration_s=SHORT_S, transport="tcp")
    assert report.tracks[0].reordered
    assert [one for one in report.warnings if "B-frames" in one]
    assert report.server.startswith("Headwater")


async def test_what_does_not_play_is_an_error() -> None:
    locked = CameraSettings(credentials=Credentials("ann", "secret"))
    async with AsyncFakeCamera(settings=locked) as camera:
        with pytest.raises(CredentialsError):
            await probed(camera)
    with pytest.raises(UnreachableError):
        await probed(camera)
    async with AsyncFakeCamera(SilentOverUdp()) as camera:
        with pytest.raises(SilentError):
            await probed(camera, transport="udp", silence_timeout_s=0.3)
    with pytest.raises(ValueError, match="duration_s is 0"):
        await probed(camera, duration_s=0)
