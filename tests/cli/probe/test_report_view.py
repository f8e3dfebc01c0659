"""What `headwater probe` prints of a source: facts, tracks of every kind, warnings."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from headwater.cli.probe.report_view import report_view
from headwater.client.probe.report import ProbeReport, TrackProbe

PICTURE = TrackProbe(
    index=0,
    kind="video",
    encoding="H264",
    clock_rate_hz=90_000,
    profile="High 4.0",
    width=1920,
    height=1080,
    told_frame_rate_hz=25.0,
    frame_rate_hz=24.98,
    sample_rate_hz=None,
    channels=None,
    packets=1_000,
    bit_rate_per_s=4_000_000.0,
    peak_bit_rate_per_s=6_000_000.0,
    largest_packet_bytes=1_400,
    key_frames=5,
    key_frame_distance_s=2.0,
    longest_key_frame_distance_s=2.5,
    reordered=False,
    parameters_described=True,
    parameters_sent=True,
    lost_packets=3,
    lost_share=0.003,
    jitter_s=0.0042,
    sender_reports=2,
    clock_offset_s=-0.25,
    clock_drift_ppm=12.0,
    clock_drift_error_ppm=1.0,
)
SOUND = replace(
    PICTURE,
    index=1,
    kind="audio",
    encoding="opus",
    profile="",
    width=None,
    height=None,
    frame_rate_hz=None,
    sample_rate_hz=48_000,
    channels=2,
    key_frames=None,
)
REPORT = ProbeReport(
    url="rtsp://camera/stream",
    server="Camera/1.0",
    methods=("OPTIONS", "DESCRIBE"),
    session_timeout_s=60,
    transport="udp",
    transports={"tcp": "works", "udp": "works"},
    described_s=0.1,
    first_packet_s=0.2,
    first_picture_s=0.5,
    measured_s=10.0,
    ended="",
    tracks=(PICTURE, SOUND),
    warnings=(),
)


def printed(report: ProbeReport) -> str:
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(report_view(report))
    return console.export_text()


def line_of(track: TrackProbe) -> list[str]:
    """The words of the line about a track."""
    report = replace(REPORT, tracks=(replace(track, index=7),))
    (line,) = [line for line in printed(report).splitlines() if line.lstrip().startswith("7 ")]
    return line.split()


def test_facts_tracks_and_that_nothing_is_wrong() -> None:
    said = printed(REPORT)
    for words in (
        "rtsp://camera/stream",
        "Camera/1.0",
        "OPTIONS DESCRIBE",
        "udp (tcp works, udp works)",
        "ends after 60 s without a request",
        "description 0.10 s, first packet 0.20 s, first picture 0.50 s",
        "nothing to warn of",
    ):
        assert words in said
    assert "1920x1080 24.98/s" in said
    assert "48000 Hz 2 channels" in said


def test_what_a_source_does_not_tell_is_said() -> None:
    said = printed(replace(REPORT, server="", methods=(), first_picture_s=None))
    assert said.count("does not say") == 2
    assert "first picture none" in said


def test_warnings_are_text_and_no_markup() -> None:
    said = printed(replace(REPORT, warnings=("[red]B-frames\u202e", "clock")))
    assert "warning  [red]B-frames\\u202e" in said
    assert "nothing to warn of" not in said


@pytest.mark.parametrize(
    ("track", "words"),
    [
        (PICTURE, ["each", "2.00", "s", "3", "(0.3%)", "4.2", "ms", "-0.25", "+12", "ppm"]),
        (replace(PICTURE, key_frames=1, key_frame_distance_s=None), ["1", "3"]),
        (replace(PICTURE, clock_drift_ppm=None), ["-0.25"]),
        (replace(PICTURE, clock_offset_s=None), ["–"]),
        (replace(PICTURE, encoding="", kind="application", width=None), ["application", "High"]),
        (SOUND, ["opus", "48000", "Hz", "2", "channels", "–"]),
        (replace(SOUND, channels=1), ["mono"]),
        (replace(SOUND, channels=None, sample_rate_hz=None), ["opus"]),
    ],
)
def test_tracks(track: TrackProbe, words: list[str]) -> None:
    line = line_of(track)
    assert [word for word in words if word not in line] == []


def test_what_is_not_known_of_a_track_leaves_its_place_empty() -> None:
    line = line_of(replace(SOUND, channels=None, sample_rate_hz=None))
    assert "Hz" not in line
    assert "ppm" not in line_of(replace(PICTURE, clock_drift_ppm=None))
    assert "1920x1080" not in line_of(replace(PICTURE, width=None))
