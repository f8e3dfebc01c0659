from typing import Any

import pytest

from headwater.media.readers import start_plan
from headwater.media.readers.start_plan import NOWHERE, StartPlan, cached_plan, live_plan
from headwater.media.tracks.packet_batch import PacketBatch
from headwater.protocol.rtp import timestamp

NTP = 3_900_000_000 << 32


def two_tracks(stage: Any, mount: Any) -> tuple[Any, Any]:
    """Sound and picture for two seconds; the second picture after the first second is a key."""
    video, audio = stage.video(timestamp=10_000), stage.audio(timestamp=20_000)
    for number in range(50):
        mount.tracks[0].write(video.picture(3, key=number in (0, 26)))
        video.timestamp += 3600
        stage.advance(0.02)
        mount.tracks[1].write([audio.packet()])
        audio.timestamp += 1920
        stage.advance(0.02)
    return video, audio


def plan_from_cache(mount: Any, tracks: Any) -> StartPlan:
    place = mount.cache.place_for([track.index for track in tracks])
    return cached_plan(tracks, mount.cache, place)


def kept(mount: Any, plan: StartPlan) -> list[tuple[int, PacketBatch]]:
    """What is sent by a plan before live packets."""
    return list(mount.cache.entries_from(plan.place, plan.track_indexes))


def test_a_mount_without_packets_says_nothing(stage: Any) -> None:
    mount = stage.mount()
    plan = live_plan(mount.tracks, stage.now)
    assert plan.points == {0: NOWHERE, 1: NOWHERE}
    assert plan.track_indexes == (0, 1)


def test_a_live_start_is_the_next_packet_at_the_present_instant(stage: Any) -> None:
    mount = stage.mount()
    video, audio = two_tracks(stage, mount)
    plan = live_plan(mount.tracks, stage.now)
    assert plan.place is None
    assert plan.points[0].seq == video.seq
    assert plan.points[1].seq == audio.seq
    # The last picture came 40 ms ago, the last sound 20 ms. No first packet lies before rtptime:
    # the next picture may be shown before the last one by up to 200 ms.
    assert plan.points[0].rtptime == video.timestamp - 3600 - 18_000
    assert plan.points[1].rtptime == audio.timestamp - 960 - 11_520


def test_a_track_the_publisher_never_fills_is_nowhere(stage: Any) -> None:
    mount = stage.mount()
    mount.tracks[1].write([stage.audio().packet()])
    plan = live_plan(mount.tracks, stage.now)
    assert plan.points[0] == NOWHERE
    assert plan.points[1].seq == 501


def test_a_cached_start_is_the_key_frame_and_the_same_instant_elsewhere(stage: Any) -> None:
    mount = stage.mount()
    two_tracks(stage, mount)
    plan = plan_from_cache(mount, mount.tracks)
    first = kept(mount, plan)[0][1].packets[0]
    assert plan.points[0].seq == 100 + 26 * 3
    assert plan.points[0].rtptime == timestamp(first) == 10_000 + 26 * 3600
    # The first kept sound came 20 ms after the key frame.
    assert plan.points[1].seq == 500 + 26
    assert plan.points[1].rtptime == 20_000 + 26 * 1920 - 960
    assert [index for index, _ in kept(mount, plan)] == [0, 1] * 24


def test_reports_say_which_sound_belongs_to_the_key_frame(stage: Any) -> None:
    mount = stage.mount()
    video, audio = two_tracks(stage, mount)
    # One wall clock for both: sound runs 100 ms ahead of what arrival makes of it.
    mount.tracks[0].write_rtcp([video.report(NTP)])
    mount.tracks[1].write_rtcp([audio.report(NTP, audio.timestamp - 4800)])
    plan = plan_from_cache(mount, mount.tracks)
    key_frame_s = 26 * 0.04
    at_report_s = 50 * 0.04
    expected = audio.timestamp - 4800 - (at_report_s - key_frame_s) * 48_000
    assert plan.points[1].rtptime == pytest.approx(expected, abs=1)


def test_a_track_that_is_not_in_the_cache_is_extrapolated_to_the_key_frame(stage: Any) -> None:
    mount = stage.mount()
    video, audio = stage.video(timestamp=90_000), stage.audio(timestamp=48_000)
    mount.tracks[1].write([audio.packet()])
    stage.advance(0.5)
    mount.tracks[0].write(video.picture(3, key=True))
    stage.advance(0.25)
    plan = plan_from_cache(mount, mount.tracks)
    # The next sound may be of right behind the last one: rtptime lies before both.
    assert plan.points[0].rtptime == 90_000 - 45_000
    assert plan.points[0].first_timestamp == 90_000
    assert plan.points[1].seq == 501
    assert plan.points[1].rtptime == 48_000


def test_a_track_that_has_been_silent_for_long_does_not_set_the_beginning_back(stage: Any) -> None:
    mount = stage.mount()
    video, audio = stage.video(timestamp=90_000), stage.audio(timestamp=48_000)
    mount.tracks[1].write([audio.packet()])
    stage.advance(30.0)
    mount.tracks[0].write(video.picture(3, key=True))
    plan = plan_from_cache(mount, mount.tracks)
    assert plan.points[0].rtptime == 90_000
    assert plan.points[1].rtptime == 48_000 + 30 * 48_000


def test_sound_that_comes_in_bursts_never_begins_before_rtptime(stage: Any) -> None:
    """A muxer sends sound late: its first kept packets are of before the key frame."""
    mount = stage.mount()
    video, audio = stage.video(timestamp=90_000), stage.audio(timestamp=48_000)
    mount.tracks[0].write_rtcp([video.report(NTP)])
    mount.tracks[1].write_rtcp([audio.report(NTP + (1 << 31))])
    mount.tracks[0].write(video.picture(3, key=True))
    late = audio.packet()
    mount.tracks[1].write([late])
    plan = plan_from_cache(mount, mount.tracks)
    for index, first in ((0, 90_000), (1, 48_000)):
        assert plan.points[index].first_timestamp == first
        rtptime = plan.points[index].rtptime
        assert rtptime is not None
        assert rtptime <= first


def test_only_the_tracks_set_up_are_planned(stage: Any) -> None:
    mount = stage.mount()
    two_tracks(stage, mount)
    plan = plan_from_cache(mount, mount.tracks[:1])
    assert set(plan.points) == {0}
    assert {index for index, _ in kept(mount, plan)} == {0}


def test_a_cached_plan_with_a_track_that_never_spoke(stage: Any) -> None:
    mount = stage.mount()
    mount.tracks[0].write(stage.video().picture(3, key=True))
    assert plan_from_cache(mount, mount.tracks).points[1] == NOWHERE


def test_a_plan_names_its_tracks_in_order() -> None:
    assert StartPlan({2: NOWHERE, 0: NOWHERE}).track_indexes == (2, 0)


def test_the_first_kept_packet_of_the_main_source_is_told(stage: Any) -> None:
    mount = stage.mount()
    audio = stage.audio(timestamp=48_000)
    mount.tracks[0].write(stage.video().picture(3, key=True))
    mount.tracks[1].write([stage.audio(ssrc=0x9999, seq=7).packet()])
    for _ in range(3):
        mount.tracks[1].write([audio.packet()])
    plan = plan_from_cache(mount, mount.tracks)
    assert plan.points[1].seq == 500


class Counting(list[Any]):
    """Batches that count how often one was looked at."""

    looks = 0

    def __iter__(self) -> Any:
        for each in super().__iter__():
            self.looks += 1
            yield each


def test_first_packets_are_found_without_a_look_at_everything(stage: Any) -> None:
    source, other = stage.video(), stage.video(ssrc=0x2222)
    first = source.packet()
    kept = Counting([(0, PacketBatch([first], 1.0))])
    kept += [(0, PacketBatch([source.packet() for _ in range(10)], 2.0)) for _ in range(5000)]
    assert start_plan._first_packets(kept, {0: source.ssrc}) == {0: (first, 1.0)}
    assert kept.looks == 1
    # Of a source that is not there at all, some thousands of packets are enough to tell.
    kept.looks = 0
    assert start_plan._first_packets(kept, {0: other.ssrc}) == {0: (first, 1.0)}
    assert kept.looks <= start_plan._MOST_LOOKED_AT // 10 + 2
    # Its own packet behind some of another source is the first.
    mine = other.packet()
    mixed = [(0, PacketBatch([source.packet(), mine, other.packet()], 3.0))]
    assert start_plan._first_packets(mixed, {0: other.ssrc}) == {0: (mine, 3.0)}
