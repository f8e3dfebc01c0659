"""What is wrong, in words: each rule where it holds, and none where all is well."""

from __future__ import annotations

from dataclasses import replace

import pytest
from board_rig import TRACK, MakeMount, MakeStatus

from headwater.control.board.meter import Meter, Rates
from headwater.control.board.trouble import SeenPath, troubles_of_path, troubles_of_server
from headwater.control.server_state import ServerState
from headwater.control.status import HookThreadsStatus, SettingsStatus
from headwater.log_pace import LogTotals
from headwater.media.snapshot import MountSnapshot
from headwater.media.states import MountState
from headwater.relay.counters import ServerCounters
from headwater.sources.snapshot import CandidateSnapshot, SourceSnapshot
from headwater.sources.state import SourceState

SOUND = replace(TRACK, index=1, kind="audio", encoding="OPUS")
NO_RTCP = replace(TRACK, packets=500, rtcp_packets=0)
WELL = Rates(1e6, 0, 5000, 0, 0, 0, 2.0, 30.0)


def codes(mount: MountSnapshot | None, rates: Rates | None = WELL, **more: object) -> list[str]:
    seen = SeenPath("/cam", mount, None, 0, 120.0)
    found = troubles_of_path(replace(seen, **more), rates)  # type: ignore[arg-type]
    assert all(trouble.text and trouble.remedy for trouble in found)
    return [trouble.code for trouble in found]


def test_all_is_well(make_mount: MakeMount) -> None:
    assert codes(make_mount()) == []


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ({"state": MountState.GRACE, "publisher": None}, "publisher_gone"),
        ({"last_packet_s": 112.0}, "silent"),
        ({"last_packet_s": 0.0}, "silent"),
        ({"tracks": (NO_RTCP, SOUND)}, "no_sender_reports"),
        ({"cache_overflows": 1}, "cache_full"),
        ({"tracks": (replace(TRACK, jitter_s=0.3),)}, "jitter"),
    ],
)
def test_troubles_of_a_mount(make_mount: MakeMount, what: dict[str, object], code: str) -> None:
    assert codes(make_mount(**what)) == [code]


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ({"lost_packets": 200}, "loss"),
        ({"kernel_drops": 1}, "kernel_drops"),
        ({"key_frame_distance_s": 14.0}, "key_frames_far"),
        ({"missed_packets": 40}, "slow_readers"),
        ({"invalid_packets": 40}, "no_rtp"),
    ],
)
def test_troubles_of_rates(make_mount: MakeMount, what: dict[str, float], code: str) -> None:
    assert codes(make_mount(), replace(WELL, **what)) == [code]  # type: ignore[arg-type]


def test_a_camera_without_key_frames_for_half_a_minute(make_mount: MakeMount) -> None:
    one = make_mount(tracks=(replace(TRACK, key_frames=1),))
    rates = replace(WELL, key_frame_distance_s=None)
    assert codes(one, rates) == ["key_frames_far"]
    assert codes(one, replace(rates, passed_s=10.0)) == []
    # Of a codec that it does not know the server can tell nothing.
    assert codes(make_mount(), rates) == []


def test_what_is_young_may_still_come(make_mount: MakeMount) -> None:
    young = make_mount(105.0, tracks=(NO_RTCP, SOUND))
    assert codes(young, now=105.0) == []
    alone = make_mount(tracks=(NO_RTCP,))
    assert codes(alone) == []


def test_a_source_that_does_not_come_says_why() -> None:
    candidate = CandidateSnapshot(
        "rtsp://x", SourceState.WAITING, False, 0.0, 3, 3, "connection refused", 2.0
    )
    source = SourceSnapshot("/cam", False, "", (candidate,), "", "", None)
    [trouble] = troubles_of_path(SeenPath("/cam", None, source, 0, 120.0), None)
    assert trouble.code == "source_down"
    assert "connection refused" in trouble.text
    running = replace(candidate, state=SourceState.RUNNING, live=True)
    live = replace(source, live="rtsp://x", sources=(running,))
    assert troubles_of_path(SeenPath("/cam", None, live, 0, 120.0), None) == ()


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ({"state": ServerState.DRAINING}, "draining"),
        ({"replaced_workers": 1}, "workers_died"),
        ({"counters": ServerCounters(refused_by_limit={"limits.connections": 3})}, "limit"),
        ({"hook_threads": (HookThreadsStatus("play", "decide", 2, 1, 8),)}, "hooks_stuck"),
        ({"log": LogTotals(dropped_lines=2)}, "log_dropped"),
        ({"settings": SettingsStatus(1.0, 1, ("http.port",))}, "needs_restart"),
    ],
)
def test_troubles_of_the_server(
    make_status: MakeStatus, what: dict[str, object], code: str
) -> None:
    before = make_status()
    assert troubles_of_server(before, None) == ()
    found = troubles_of_server(make_status(at_s=122.0, **what), before)
    assert [trouble.code for trouble in found] == [code]
    assert all(trouble.text and trouble.remedy for trouble in found)


def test_real_rates_bring_no_trouble(make_mount: MakeMount) -> None:
    meter = Meter(100.0)
    for n in range(1, 20):
        at_s = 100.0 + 2 * n
        mount = make_mount(at_s, track={"packets": 100 * n, "key_frames": n, "bytes": 9 * n})
        rates = meter.look(mount, at_s)
    assert codes(mount, rates, now=at_s) == []
