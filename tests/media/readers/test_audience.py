import logging
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logged import event_of

from headwater.media.errors import MountClosed, MountFull
from headwater.media.readers.convoy import MOST_QUEUED_BYTES

NTP = 3_900_000_000 << 32

VIDEO = "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\n"


def states(mount: Any) -> dict[str, str]:
    return {reader.id: reader.state for reader in mount.snapshot().readers}


def test_a_live_start_joins_every_track_at_once(stage: Any) -> None:
    mount = stage.mount()
    reader, video, audio = stage.FakeReader(), stage.video(), stage.audio()
    stage.play(mount, reader)
    assert states(mount) == {"r": "live"}
    mount.tracks[0].write(video.picture(2))
    mount.tracks[1].write([audio.packet()])
    assert [packet for _, packet in reader.packets] == video.sent + audio.sent
    assert mount.counters.readers == 1
    assert mount.counters.instant_starts == 0


def test_an_instant_start_sends_the_cache_then_joins_without_gap(stage: Any) -> None:
    mount, video, audio = stage.filled()
    reader = stage.FakeReader()
    plan = mount.plan_start([0, 1])
    mount.start_reader(reader, plan)
    mount.tracks[0].write(video.picture(2))
    mount.tracks[1].write([audio.packet()])
    assert [packet for index, packet in reader.packets if index == 0] == video.sent
    assert [packet for index, packet in reader.packets if index == 1] == audio.sent
    assert reader.seqs(0)[0] == plan.points[0].seq
    assert reader.seqs(1)[0] == plan.points[1].seq
    assert (mount.counters.instant_starts, mount.counters.caught_up) == (1, 1)


def test_only_the_tracks_set_up_are_sent(stage: Any) -> None:
    mount, video, audio = stage.filled()
    reader = stage.FakeReader()
    stage.play(mount, reader, 0)
    mount.tracks[0].write(video.picture(2))
    mount.tracks[1].write([audio.packet()])
    assert [packet for _, packet in reader.packets] == video.sent
    assert mount.snapshot().readers[0].tracks == (0,)


def test_a_reader_of_sound_alone_starts_live(stage: Any) -> None:
    mount, _, audio = stage.filled()
    reader = stage.FakeReader()
    stage.play(mount, reader, 1)
    assert reader.packets == []
    assert states(mount) == {"r": "live"}
    mount.tracks[1].write([audio.packet()])
    assert reader.seqs(1) == [audio.seq - 1]


@pytest.mark.parametrize(
    ("setting", "wish", "instant"),
    [(True, None, True), (False, None, False), (True, False, False), (False, True, True)],
)
def test_instant_start_is_a_setting_that_a_request_may_override(
    stage: Any, setting: bool, wish: bool | None, instant: bool
) -> None:
    mount, _, _ = stage.filled(instant_start=setting)
    reader = stage.FakeReader()
    stage.play(mount, reader, instant=wish)
    assert bool(reader.packets) is instant


def test_what_came_between_plan_and_start_is_sent_too(stage: Any) -> None:
    mount, video, audio = stage.filled()
    reader = stage.FakeReader()
    plan = mount.plan_start([0])
    mount.tracks[1].write([audio.packet()])
    mount.tracks[0].write(video.picture(2))
    mount.start_reader(reader, plan)
    assert [packet for _, packet in reader.packets] == video.sent


def test_a_key_frame_between_plan_and_start_begins_anew(stage: Any) -> None:
    mount, video, audio = stage.filled()
    reader = stage.FakeReader()
    plan = mount.plan_start([0])
    mount.tracks[0].write(video.picture(2, key=True))
    mount.tracks[1].write([audio.packet()])
    mount.start_reader(reader, plan)
    assert [packet for _, packet in reader.packets] == video.sent[-2:]


def test_a_cache_emptied_between_plan_and_start_means_live(stage: Any) -> None:
    mount, video, _ = stage.filled()
    reader = stage.FakeReader()
    plan = mount.plan_start([0])
    mount.cache.forget()
    mount.start_reader(reader, plan)
    assert reader.packets == []
    assert states(mount) == {"r": "live"}
    mount.tracks[0].write(video.picture(2))
    assert len(reader.packets) == 2


def test_a_key_frame_of_a_track_not_set_up_changes_nothing(stage: Any) -> None:
    mount = stage.mount(VIDEO, VIDEO)
    low, high = stage.video(), stage.video()
    mount.tracks[1].write(low.picture(2, key=True))
    reader = stage.FakeReader()
    plan = mount.plan_start([1])
    assert plan.place is not None
    mount.tracks[0].write(high.picture(2, key=True))
    mount.start_reader(reader, plan)
    assert [packet for _, packet in reader.packets] == low.sent


@pytest.mark.parametrize("tracks", [(0, 1), (0,), (1,)])
@pytest.mark.parametrize("pictures", [55, 70, 95])
def test_readers_of_two_videos_begin_each_with_a_key_frame(
    stage: Any, tracks: tuple[int, ...], pictures: int
) -> None:
    mount = stage.mount(VIDEO, VIDEO)
    sources = stage.video(), stage.video(ssrc=0x3333, seq=9000)
    keys: dict[int, int] = {}
    for number in range(pictures):
        for index, source in enumerate(sources):
            key = number % 50 == 25 * index
            if key:
                keys[index] = source.seq
            mount.tracks[index].write(source.picture(2, key=key))
            source.timestamp += 3600
        stage.advance(0.04)
    reader = stage.FakeReader()
    plan = mount.plan_start(tracks)
    mount.start_reader(reader, plan)
    assert {index: point.seq for index, point in plan.points.items()} == {
        index: keys[index] for index in tracks
    }
    for index in tracks:
        assert reader.seqs(index) == list(range(keys[index], sources[index].seq))
    # One instant for all: that of the older key frame.
    assert len({point.rtptime for point in plan.points.values()}) == 1


def test_a_reader_on_its_way_gets_everything_in_the_order_it_came(stage: Any) -> None:
    mount, video, audio = stage.filled()
    reader = stage.FakeReader()
    reader.queue = MOST_QUEUED_BYTES
    stage.play(mount, reader)
    assert states(mount) == {"r": "catching up"}
    mount.tracks[0].write(video.picture(2))
    mount.tracks[1].write([audio.packet()])
    mount.tracks[0].write(video.picture(2, key=True))
    reader.queue = 0
    stage.advance(0.2)
    assert states(mount) == {"r": "live"}
    mount.tracks[0].write(video.picture(2))
    assert [packet for index, packet in reader.packets if index == 0] == video.sent
    assert [index for index, _ in reader.packets[-8:]] == [1, 0, 0, 1, 0, 0, 0, 0]


def test_pause_and_play_again(stage: Any) -> None:
    mount, video, _ = stage.filled()
    reader = stage.FakeReader()
    stage.play(mount, reader, instant=False)
    mount.stop_reader(reader)
    mount.stop_reader(reader)
    assert states(mount) == {"r": "paused"}
    mount.tracks[0].write(video.picture(2))
    assert reader.packets == []
    assert mount.readers == (reader,)
    stage.play(mount, reader, instant=False)
    mount.tracks[0].write(video.picture(2))
    assert len(reader.packets) == 2
    assert mount.counters.readers == 1
    assert stage.recorder.names.count("reader_started") == 1


def test_play_while_playing_begins_anew(stage: Any) -> None:
    mount, video, _ = stage.filled()
    reader = stage.FakeReader()
    stage.play(mount, reader)
    seen = len(reader.packets)
    stage.advance(0.01)
    stage.play(mount, reader)
    assert len(reader.packets) == 2 * seen
    mount.tracks[0].write(video.picture(2))
    assert len(reader.packets) == 2 * seen + 2


def test_pause_on_the_way_ends_the_catch_up(stage: Any) -> None:
    mount, _, _ = stage.filled()
    reader = stage.FakeReader()
    reader.queue = MOST_QUEUED_BYTES
    stage.play(mount, reader)
    mount.stop_reader(reader)
    reader.queue = 0
    stage.advance(1.0)
    assert reader.packets == []
    assert mount.tracks[0].tap is not None
    assert mount.tracks[0].rtcp_tap is None


def test_one_track_may_end_alone_live_or_on_the_way(stage: Any) -> None:
    mount, video, audio = stage.filled()
    live, coming = stage.FakeReader("live"), stage.FakeReader("coming")
    coming.queue = MOST_QUEUED_BYTES
    stage.play(mount, live, instant=False)
    stage.play(mount, coming)
    for reader in (live, coming):
        mount.stop_reader(reader, [1])
        mount.stop_reader(reader, [1])
    coming.queue = 0
    stage.advance(0.2)
    mount.tracks[0].write(video.picture(2))
    mount.tracks[1].write([audio.packet()])
    assert live.seqs(1) == coming.seqs(1) == []
    assert live.seqs(0) == coming.seqs(0)[-2:]
    mount.stop_reader(live, [0])
    assert states(mount) == {"live": "paused", "coming": "live"}


def test_stopping_or_removing_a_stranger_is_no_error(stage: Any) -> None:
    mount = stage.mount()
    stranger = stage.FakeReader()
    mount.stop_reader(stranger)
    mount.remove_reader(stranger)
    mount.disconnect_slow_reader(stranger)
    assert stage.recorder.names == ["mount_opened", "publisher_started"]
    assert mount.counters.slow_disconnects == 0


def test_a_reader_that_is_removed_gets_nothing_more(stage: Any) -> None:
    mount, video, _ = stage.filled()
    live, coming = stage.FakeReader("live"), stage.FakeReader("coming")
    coming.queue = MOST_QUEUED_BYTES
    stage.play(mount, live, instant=False)
    stage.play(mount, coming)
    for reader in (live, coming):
        mount.remove_reader(reader, "gone")
        mount.remove_reader(reader, "gone")
    coming.queue = 0
    stage.advance(1.0)
    mount.tracks[0].write(video.picture(2))
    assert live.packets == coming.packets == []
    assert mount.readers == ()
    assert [event for event in stage.recorder.events if event[0].startswith("reader")] == [
        ("reader_started", "live"),
        ("reader_started", "coming"),
        ("reader_stopped", "live", "gone"),
        ("reader_stopped", "coming", "gone"),
    ]
    assert stage.recorder.names.count("mount_now_empty") == 1


def test_a_reader_that_only_set_up_makes_no_noise(stage: Any) -> None:
    mount = stage.mount()
    reader = stage.FakeReader()
    mount.add_reader(reader)
    mount.add_reader(reader)
    assert states(mount) == {"r": "ready"}
    mount.remove_reader(reader)
    assert stage.recorder.names == ["mount_opened", "publisher_started"]


def test_the_most_readers_is_kept_from_set_up_on(stage: Any) -> None:
    mount = stage.mount(max_readers=2)
    first, second, third = (stage.FakeReader(name) for name in "abc")
    mount.add_reader(first)
    mount.add_reader(second)
    with pytest.raises(MountFull, match="/cam has 2 readers"):
        mount.add_reader(third)
    mount.add_reader(second)
    mount.remove_reader(first)
    mount.add_reader(third)
    assert mount.readers == (second, third)


def test_a_closed_mount_takes_nobody(stage: Any) -> None:
    mount = stage.mount()
    plan = mount.plan_start([0])
    mount.close("over")
    with pytest.raises(MountClosed, match="/cam is closed"):
        mount.add_reader(stage.FakeReader())
    with pytest.raises(MountClosed):
        mount.start_reader(stage.FakeReader(), plan)


def test_a_stalled_reader_is_closed_while_it_catches_up(stage: Any) -> None:
    mount, video, _ = stage.filled(slow_reader_disconnect_s=5.0)
    reader, healthy = stage.FakeReader(), stage.FakeReader("healthy")
    stage.play(mount, healthy, instant=False)
    reader.queue = MOST_QUEUED_BYTES
    stage.play(mount, reader)
    stage.advance(5.2)
    assert reader.closed == ["too slow for too long"]
    assert mount.readers == (healthy,)
    assert mount.counters.slow_disconnects == 1
    mount.tracks[0].write(video.picture(2))
    assert len(healthy.packets) == 2


def test_a_catch_up_that_skips_is_counted(stage: Any) -> None:
    mount, video, _ = stage.filled(catch_up_max_bytes=1)
    reader = stage.FakeReader()
    reader.queue = MOST_QUEUED_BYTES
    stage.play(mount, reader)
    mount.tracks[0].write(video.picture(2))
    stage.advance(0.2)
    reader.queue = 0
    mount.tracks[0].write(video.picture(2, key=True))
    stage.advance(0.2)
    assert [packet for _, packet in reader.packets] == video.sent[-2:]
    assert mount.counters.catch_up_skips == 1
    assert mount.snapshot().dropped_packets == 33 + 11 + 2


@pytest.mark.parametrize("where", ["join", "send_batch", "send_rtcp"])
def test_a_reader_that_raises_is_closed_and_harms_nobody(
    stage: Any, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    mount, video, _ = stage.filled()
    mount.tracks[0].write_rtcp([video.report(NTP)])
    bad, good = stage.FakeReader("bad"), stage.FakeReader("good")
    bad.fail_in = where
    stage.play(mount, good, instant=False)
    with caplog.at_level(logging.ERROR):
        stage.play(mount, bad)
    assert bad.closed == ["failed"]
    assert mount.readers == (good,)
    mount.tracks[0].write(video.picture(2))
    assert len(good.packets) == 2
    record = next(record for record in caplog.records if event_of(record) == "a reader failed")
    assert (record.mount, record.session) == ("/cam", "bad")  # type: ignore[attr-defined]
    assert record.exc_info is not None


@pytest.mark.parametrize("where", ["leave", "close"])
def test_a_reader_that_raises_on_its_way_out_is_gone_all_the_same(
    stage: Any, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    mount = stage.mount()
    bad, other = stage.FakeReader("bad"), stage.FakeReader("other")
    stage.play(mount, bad)
    stage.play(mount, other)
    bad.fail_in = where
    with caplog.at_level(logging.ERROR):
        mount.close("over")
    assert mount.readers == ()
    assert bad.closed == other.closed == ["over"]
    assert "a reader raised while" in caplog.text


def test_who_drops_packets_is_named_once_a_check(
    stage: Any, caplog: pytest.LogCaptureFixture
) -> None:
    mount = stage.mount()
    readers = [stage.FakeReader(name) for name in "abc"]
    for reader in readers:
        stage.play(mount, reader)
    with caplog.at_level(logging.WARNING):
        mount.check(stage.now)
        assert caplog.records == []
        readers[0].dropped_packets = 10
        readers[1].dropped_packets = 40
        readers[1].queue = 777
        readers[1].dropped_bytes = 4000
        mount.check(stage.now)
        mount.check(stage.now)
    (record,) = caplog.records
    fields = record.__dict__
    assert (fields["session"], fields["mount"], fields["peer"]) == ("b", "/cam", readers[1].peer)
    assert (fields["dropped_packets"], fields["queued_bytes"]) == (40, 777)
    assert fields["slow_readers"] == 2
    mount.remove_reader(readers[1])
    assert mount.counters.dropped_packets == 40
    assert mount.counters.dropped_bytes == 4000
    assert mount.snapshot().dropped_packets == 50


def test_a_slow_reader_is_closed_on_demand(stage: Any, caplog: pytest.LogCaptureFixture) -> None:
    mount = stage.mount()
    reader = stage.FakeReader()
    stage.play(mount, reader)
    mount.disconnect_slow_reader(reader)
    assert reader.closed == ["too slow for too long"]
    assert mount.counters.slow_disconnects == 1
    assert stage.recorder.events[-2:] == [
        ("reader_stopped", "r", "too slow for too long"),
        ("mount_now_empty", "/cam"),
    ]


def test_a_mount_without_a_cache_has_no_taps_but_for_nobody(stage: Any) -> None:
    mount = stage.mount(gop_cache_max_bytes=0)
    assert mount.cache is None
    assert mount.tracks[0].tap is None
    reader = stage.FakeReader()
    stage.play(mount, reader, instant=True)
    assert states(mount) == {"r": "live"}


STEP = st.one_of(
    st.tuples(st.just("picture"), st.booleans()),
    st.tuples(st.just("sound"), st.integers(1, 3)),
    st.tuples(st.just("wait"), st.sampled_from([0.001, 0.02, 0.3])),
    st.tuples(st.just("play"), st.integers(0, 3)),
    st.tuples(st.just("fill"), st.integers(0, 3)),
    st.tuples(st.just("drain"), st.integers(0, 3)),
    st.tuples(st.just("leave"), st.integers(0, 3)),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(STEP, max_size=80))
def test_whatever_happens_each_reader_gets_one_unbroken_stretch(  # noqa: C901
    stage_class: Any, steps: list[tuple[str, Any]]
) -> None:
    stage = stage_class()
    mount = stage.mount()
    video, audio = stage.video(), stage.audio()
    log: list[tuple[int, bytes]] = []
    readers: dict[int, Any] = {}
    plans: dict[int, Any] = {}
    for what, value in steps:
        match what:
            case "picture":
                packets = video.picture(5, key=value, size=9000)
                mount.tracks[0].write(list(packets))
                log += [(0, packet) for packet in packets]
            case "sound":
                packets = [audio.packet() for _ in range(value)]
                mount.tracks[1].write(list(packets))
                log += [(1, packet) for packet in packets]
            case "wait":
                stage.advance(value)
            case "play" if value not in readers:
                reader = readers[value] = stage.FakeReader(str(value), needs_pacing=value % 2 == 0)
                plans[value] = mount.plan_start([0, 1])
                mount.start_reader(reader, plans[value])
            case "fill" if value in readers:
                readers[value].queue = MOST_QUEUED_BYTES
            case "drain" if value in readers:
                readers[value].queue = 0
            case "leave" if value in readers:
                mount.remove_reader(readers.pop(value))
    for reader in readers.values():
        reader.queue = 0
    stage.advance(5.0)
    last = video.picture(1)
    mount.tracks[0].write(last)
    log += [(0, packet) for packet in last]
    for number, reader in readers.items():
        assert states(mount)[reader.id] == "live"
        assert reader.packets == log[len(log) - len(reader.packets) :]
        for index, point in plans[number].points.items():
            if point.seq is not None and reader.seqs(index):
                assert reader.seqs(index)[0] == point.seq & 0xFFFF
