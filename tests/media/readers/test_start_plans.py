"""Plans are made once for all who begin between the same two packets."""

from __future__ import annotations

from typing import Any

import pytest

from headwater.media.readers.start_plan import cached_plan, live_plan
from headwater.media.readers.start_plans import StartPlans
from headwater.protocol.rtcp_build import sender_report


def begun(stage: Any) -> tuple[Any, Any]:
    """A mount that keeps a key frame and what came behind it, and its picture's packets."""
    mount = stage.mount()
    video = stage.video()
    for number in range(5):
        mount.tracks[0].write(video.picture(3, key=not number))
        mount.tracks[1].write([stage.audio().packet()])
        stage.advance(0.02)
    return mount, video


def report(ssrc: int) -> bytes:
    return sender_report(ssrc, ntp=1 << 40, rtp_timestamp=1, packets=1, octets=1, cname="c")


@pytest.mark.parametrize("cached", [False, True])
def test_a_crowd_shares_one_plan(stage: Any, cached: bool) -> None:
    mount, _ = begun(stage)
    plans = StartPlans(mount.tracks, stage.clock)
    place = mount.cache.place_for((0, 1)) if cached else None
    plan = plans.plan([0, 1], mount.cache, place)
    assert plan == (
        cached_plan(mount.tracks, mount.cache, place)
        if place is not None
        else live_plan(mount.tracks, stage.now)
    )
    assert plans.plan((0, 1), mount.cache, place) is plan
    assert plans.plan((0,), mount.cache, place).track_indexes == (0,)


@pytest.mark.parametrize("change", ["packet", "report", "time", "publisher"])
def test_what_changes_the_beginning_begins_new_plans(stage: Any, change: str) -> None:
    mount, video = begun(stage)
    track = mount.tracks[0]
    plans = StartPlans(mount.tracks, stage.clock)
    plan = plans.plan((0, 1), None, None)
    match change:
        case "packet":
            track.write(video.picture(1))
        case "report":
            track.write_rtcp([report(track.ssrc)])
        case "time":
            stage.advance(0.6)
        case "publisher":
            plans.forget()
    after = plans.plan((0, 1), None, None)
    assert after is not plan
    assert after == live_plan(mount.tracks, stage.now)
