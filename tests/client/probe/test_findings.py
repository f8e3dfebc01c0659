"""What is warned of, and what is not."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from headwater.client.probe.findings import warnings_of
from headwater.client.probe.report import ProbeReport, TrackProbe

TRACK = TrackProbe(
    index=0,
    kind="video",
    encoding="H264",
    clock_rate_hz=90_000,
    profile="High 4.0",
    width=1920,
    height=1080,
    told_frame_rate_hz=25.0,
    frame_rate_hz=24.9,
    sample_rate_hz=None,
    channels=None,
    packets=5000,
    bit_rate_per_s=4e6,
    peak_bit_rate_per_s=6e6,
    largest_packet_bytes=1412,
    key_frames=10,
    key_frame_distance_s=1.0,
    longest_key_frame_distance_s=1.0,
    reordered=False,
    parameters_described=True,
    parameters_sent=True,
    lost_packets=0,
    lost_share=0.0,
    jitter_s=0.002,
    sender_reports=2,
    clock_offset_s=0.1,
    clock_drift_ppm=20.0,
    clock_drift_error_ppm=400.0,
)
REPORT = ProbeReport(
    url="rtsp://host/cam",
    server="Camera",
    methods=("OPTIONS",),
    session_timeout_s=60,
    transport="udp",
    transports={"udp": "works", "tcp": "works"},
    described_s=0.1,
    first_packet_s=0.2,
    first_picture_s=0.3,
    measured_s=10.0,
    ended="",
    tracks=(TRACK,),
    warnings=(),
)


def test_nothing_is_said_of_a_good_source() -> None:
    assert warnings_of(REPORT) == ()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ended": "the server said BYE"}, r"it ended after 10\.0 s: the server said BYE"),
        ({"transports": {"udp": "works", "tcp": "461"}}, "tcp does not work: 461"),
        ({"first_picture_s": None}, r"no picture can be decoded.* came in 10\.0 s"),
    ],
)
def test_of_the_source(changes: dict[str, Any], words: str) -> None:
    [said] = warnings_of(replace(REPORT, **changes))
    assert re.search(words, said)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"packets": 0}, "no packet came"),
        ({"sender_reports": 0, "clock_offset_s": None}, "no RTCP sender reports"),
        ({"reordered": True}, "B-frames"),
        ({"parameters_sent": False}, "only in the description"),
        ({"parameters_described": False}, "only in the stream"),
        ({"longest_key_frame_distance_s": 12.0}, r"up to 12\.0 s from one key frame"),
        ({"lost_packets": 50, "lost_share": 0.0099}, r"1\.0% of the packets were lost"),
        ({"jitter_s": 0.08}, "80 ms of jitter"),
        ({"largest_packet_bytes": 10_000}, "up to 10000 bytes"),
        ({"frame_rate_hz": 12.5}, r"12\.5 pictures a second came, .* say 25\.0"),
        ({"clock_offset_s": -3600.0}, r"3600\.0 s behind this machine's"),
        ({"clock_offset_s": 5.0}, r"5\.0 s ahead of"),
        ({"clock_drift_ppm": 2000.0}, "runs 0.20 % too fast"),
        ({"clock_drift_ppm": -20_000.0}, "runs 2.00 % too slow"),
    ],
)
def test_of_a_track(changes: dict[str, Any], words: str) -> None:
    said = warnings_of(replace(REPORT, tracks=(replace(TRACK, **changes),)))
    assert len(said) == 1
    assert said[0].startswith("track 0 (H264): ")
    assert re.search(words, said[0])


@pytest.mark.parametrize(
    "changes",
    [
        # What reports that come unevenly cannot tell.
        {"clock_drift_ppm": 1000.0},
        {"parameters_sent": None, "parameters_described": None},
        {"told_frame_rate_hz": None, "frame_rate_hz": 3.0},
    ],
)
def test_what_is_not_known_is_not_said(changes: dict[str, Any]) -> None:
    assert warnings_of(replace(REPORT, tracks=(replace(TRACK, **changes),))) == ()


def test_a_short_look_does_not_miss_what_comes_seldom() -> None:
    track = replace(TRACK, sender_reports=0, clock_offset_s=None)
    assert warnings_of(replace(REPORT, measured_s=4.0, tracks=(track,))) == ()


def test_large_packets_are_no_trouble_inside_a_connection() -> None:
    track = replace(TRACK, largest_packet_bytes=10_000)
    assert warnings_of(replace(REPORT, transport="tcp", tracks=(track,))) == ()
