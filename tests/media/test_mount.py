import logging
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logged import event_of

from headwater.media.settings import MountSettings
from headwater.media.states import MountState
from headwater.media.tracks.packet_batch import PacketBatch
from headwater.media.tracks.timeline import signed_32
from headwater.protocol.rtcp import SenderReport, parse_rtcp
from headwater.protocol.rtp import sequence_number, ssrc, timestamp

OTHER_VIDEO = "m=video 0 RTP/AVP 96\na=rtpmap:96 H265/90000\n"
NTP = 3_900_000_000 << 32


def leave(stage: Any, mount: Any, reason: str = "lost", **how: Any) -> Any:
    publisher = mount.publisher
    mount.publisher_left(publisher, reason, **how)
    return publisher


def come_back(stage: Any, mount: Any, name: str = "p2") -> Any:
    publisher = stage.FakePublisher(name)
    mount.publisher_arrived(publisher, stage.presentation())
    return publisher


def test_a_new_mount_is_live_with_its_tracks(stage: Any) -> None:
    mount = stage.mount()
    assert mount.state is MountState.LIVE
    assert mount.open
    assert [track.media.encoding for track in mount.tracks] == ["H264", "OPUS"]
    assert mount.publisher.id == "p"
    assert (mount.opened_s, mount.publisher_since_s, mount.last_packet_s) == (1000.0, 1000.0, 0.0)
    stage.advance(1.0)
    mount.tracks[1].write([stage.audio().packet()])
    assert mount.last_packet_s == 1001.0


def test_mounts_of_sound_alone_keep_no_cache(stage: Any) -> None:
    mount = stage.mount("m=audio 0 RTP/AVP 0\n")
    assert mount.cache is None
    assert mount.tracks[0].tap is None
    mount.tracks[0].write([stage.audio().packet()])
    assert mount.plan_start([0]).place is None


@pytest.mark.parametrize("setting", ["gop_cache_max_bytes", "gop_cache_max_s"])
def test_a_cache_can_be_switched_off(stage: Any, setting: str) -> None:
    assert stage.mount(**{setting: 0}).cache is None


def test_without_readers_a_mount_ends_with_its_publisher(stage: Any) -> None:
    mount = stage.mount()
    leave(stage, mount)
    assert mount.state is MountState.CLOSED
    assert stage.recorder.events == [
        ("mount_opened", "/cam"),
        ("publisher_started", "p"),
        ("publisher_stopped", "p", "lost"),
        ("mount_closed", "/cam", "lost"),
    ]


@pytest.mark.parametrize(("settings", "how"), [({"grace_s": 0}, {}), ({}, {"grace": False})])
def test_without_grace_readers_are_closed_at_once(
    stage: Any, settings: dict[str, Any], how: dict[str, Any]
) -> None:
    mount = stage.mount(**settings)
    reader = stage.FakeReader()
    stage.play(mount, reader)
    leave(stage, mount, **how)
    assert mount.state is MountState.CLOSED
    assert reader.closed == ["lost"]
    assert stage.recorder.names[-3:] == ["publisher_stopped", "reader_stopped", "mount_closed"]


def test_readers_wait_out_the_grace_and_are_then_closed(stage: Any) -> None:
    mount = stage.mount()
    reader = stage.FakeReader()
    stage.play(mount, reader)
    leave(stage, mount)
    assert (mount.state, mount.publisher) == (MountState.GRACE, None)
    stage.advance(9.9)
    assert reader.closed == []
    stage.advance(0.2)
    assert reader.closed == ["no publisher came back in 10 s"]
    assert mount.state is MountState.CLOSED
    assert stage.waiting == 0


def test_a_mount_that_waits_for_nobody_ends(stage: Any) -> None:
    mount = stage.mount()
    readers = [stage.FakeReader(name) for name in "ab"]
    for reader in readers:
        stage.play(mount, reader)
    leave(stage, mount)
    states = []
    for reader in readers:
        mount.remove_reader(reader)
        states.append(mount.state)
    assert states == [MountState.GRACE, MountState.CLOSED]
    assert stage.waiting == 0


def test_a_reader_may_come_during_the_grace(stage: Any) -> None:
    mount = stage.mount()
    video = stage.video()
    mount.tracks[0].write(video.picture(3, key=True))
    first, second = stage.FakeReader("a"), stage.FakeReader("b")
    stage.play(mount, first)
    leave(stage, mount)
    assert mount.cache.entries == []
    plan = mount.plan_start([0])
    assert plan.points[0].seq == 103
    mount.start_reader(second, plan)
    assert second.packets == []
    come_back(stage, mount)
    mount.tracks[0].write(stage.video(seq=9, ssrc=5).picture(2, key=True))
    assert second.seqs() == [103, 104]


def test_a_publisher_that_comes_back_is_spliced_on(stage: Any) -> None:
    mount = stage.mount()
    video, audio = stage.video(timestamp=90_000), stage.audio(timestamp=48_000)
    reader = stage.FakeReader()
    stage.play(mount, reader)
    mount.tracks[0].write(video.picture(3, key=True))
    mount.tracks[1].write([audio.packet()])
    leave(stage, mount)
    stage.advance(4.0)
    publisher = come_back(stage, mount)
    assert (mount.state, mount.publisher) == (MountState.LIVE, publisher)
    assert mount.publisher_since_s == stage.now
    new_video = stage.video(ssrc=0xAAAA, seq=7000, timestamp=5)
    new_audio = stage.audio(ssrc=0xBBBB, seq=8000, timestamp=6)
    mount.tracks[0].write(new_video.picture(2, key=True))
    stage.advance(0.1)
    mount.tracks[1].write([new_audio.packet()])
    assert reader.seqs(0) == [100, 101, 102, 103, 104]
    assert reader.seqs(1) == [500, 501]
    assert {ssrc(packet) for index, packet in reader.packets if index == 0} == {video.ssrc}
    assert {ssrc(packet) for index, packet in reader.packets if index == 1} == {audio.ssrc}
    assert timestamp(reader.packets[-2][1]) == 90_000 * 5
    assert timestamp(reader.packets[-1][1]) == round(48_000 * 5.1)
    stage.advance(60.0)
    assert mount.open
    assert mount.counters.publishers == 2
    # A reader that begins now sees the same numbers.
    late = stage.FakeReader("late")
    plan = mount.plan_start([0, 1])
    mount.start_reader(late, plan)
    assert late.seqs(0) == [103, 104]
    assert (plan.points[0].seq, plan.points[0].rtptime) == (103, 90_000 * 5)


def test_a_second_splice_continues_the_first(stage: Any) -> None:
    mount = stage.mount()
    reader = stage.FakeReader()
    stage.play(mount, reader)
    for round_number in range(4):
        source = stage.video(ssrc=round_number + 1, seq=1000 * round_number, timestamp=17)
        mount.tracks[0].write(source.picture(2, key=True))
        leave(stage, mount)
        stage.advance(2.0)
        come_back(stage, mount, str(round_number))
    assert reader.seqs() == list(range(8))
    times = [timestamp(packet) for _, packet in reader.packets][::2]
    assert [after - before for before, after in pairwise(times)] == [180_000] * 3


def test_sender_reports_go_on_over_a_splice(stage: Any) -> None:
    mount = stage.mount()
    reader = stage.FakeReader()
    stage.play(mount, reader)
    video = stage.video(timestamp=1000)
    mount.tracks[0].write(video.picture(1))
    mount.tracks[0].write_rtcp([video.report(NTP)])
    leave(stage, mount)
    stage.advance(2.0)
    come_back(stage, mount)
    new = stage.video(ssrc=9, seq=5, timestamp=77)
    mount.tracks[0].write_rtcp([new.report(1 << 32)])
    mount.tracks[0].write(new.picture(1))
    assert len(reader.rtcp) == 2
    report = reader.rtcp[1][1]
    assert int.from_bytes(report[4:8], "big") == video.ssrc
    assert int.from_bytes(report[8:16], "big") == NTP + (2 << 32)
    assert int.from_bytes(report[16:20], "big") == 1000 + 180_000


def test_reports_of_a_publisher_that_sent_no_packet_are_forgotten(stage: Any) -> None:
    mount = stage.mount()
    reader = stage.FakeReader()
    mount.add_reader(reader)
    mount.tracks[0].write_rtcp([stage.video().report(NTP)])
    assert mount.tracks[0].last_report is not None
    leave(stage, mount)
    come_back(stage, mount)
    assert mount.tracks[0].last_report is None
    stage.play(mount, reader)
    assert reader.rtcp == []


def test_only_the_present_publisher_can_leave(stage: Any) -> None:
    mount = stage.mount()
    stage.play(mount, stage.FakeReader())
    old = leave(stage, mount)
    new = come_back(stage, mount)
    mount.publisher_left(old, "late news")
    assert mount.publisher is new
    assert mount.state is MountState.LIVE


def test_closing_tells_everyone_once(stage: Any) -> None:
    mount = stage.mount()
    reader, waiting = stage.FakeReader("a"), stage.FakeReader("b")
    publisher = mount.publisher
    publisher.on_close = lambda: mount.publisher_left(publisher, "again")
    stage.play(mount, reader)
    mount.add_reader(waiting)
    mount.close("shutdown")
    mount.close("again")
    assert publisher.closed == ["shutdown"]
    assert reader.closed == waiting.closed == ["shutdown"]
    assert stage.recorder.events[2:] == [
        ("reader_started", "a"),
        ("publisher_stopped", "p", "shutdown"),
        ("reader_stopped", "a", "shutdown"),
        ("mount_closed", "/cam", "shutdown"),
    ]


def test_closing_during_the_grace_calls_its_end_off(stage: Any) -> None:
    mount = stage.mount()
    stage.play(mount, stage.FakeReader())
    leave(stage, mount)
    mount.close("shutdown")
    assert stage.waiting == 0
    assert stage.recorder.names.count("mount_closed") == 1


def test_a_publisher_that_raises_on_close_does_not_stop_the_mount_from_closing(
    stage: Any, caplog: pytest.LogCaptureFixture
) -> None:
    mount = stage.mount()
    reader = stage.FakeReader()
    stage.play(mount, reader)

    def broken() -> None:
        raise OSError("broken")

    mount.publisher.on_close = broken
    with caplog.at_level(logging.ERROR):
        mount.close("over")
    assert reader.closed == ["over"]
    assert "a publisher raised while closing" in caplog.text


def test_an_idle_publisher_is_sent_away(stage: Any, caplog: pytest.LogCaptureFixture) -> None:
    mount = stage.mount()
    publisher, reader = mount.publisher, stage.FakeReader()
    stage.play(mount, reader)
    stage.advance(10.0)
    mount.check(stage.now)
    assert publisher.closed == []
    mount.tracks[1].write([stage.audio().packet()])
    stage.advance(9.0)
    mount.check(stage.now)
    assert publisher.closed == []
    stage.advance(1.5)
    with caplog.at_level(logging.WARNING):
        mount.check(stage.now)
    assert publisher.closed == ["no packet for 10 s"]
    assert mount.state is MountState.GRACE
    assert caplog.records[0].__dict__["session"] == "p"
    mount.check(stage.now + 100.0)
    assert publisher.closed == ["no packet for 10 s"]


def test_the_idle_time_out_can_be_switched_off(stage: Any) -> None:
    mount = stage.mount(publisher_idle_timeout_s=0)
    mount.check(stage.now + 1e6)
    assert mount.state is MountState.LIVE


def test_an_idle_time_out_is_counted_from_the_present_publisher(stage: Any) -> None:
    mount = stage.mount(grace_s=100)
    stage.play(mount, stage.FakeReader())
    mount.tracks[0].write(stage.video().picture(1))
    leave(stage, mount)
    stage.advance(50.0)
    publisher = come_back(stage, mount)
    mount.check(stage.now + 9.0)
    assert publisher.closed == []


def test_a_failing_outlet_is_counted_and_logged(
    stage: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def send_batch(self, batch: PacketBatch) -> None:
            raise OSError("broken")

        def send_rtcp(self, packet: bytes) -> None:
            raise AssertionError

        def outlet_failed(self, error: Exception) -> None:
            pass

    mount = stage.mount()
    reader = stage.FakeReader()
    mount.tracks[0].fan_out.add(Broken())
    stage.play(mount, reader)
    with caplog.at_level(logging.ERROR):
        mount.tracks[0].write(stage.video().picture(1))
        mount.tracks[0].write(stage.video().picture(1))
    assert len(reader.packets) == 2
    assert mount.counters.outlet_errors == 1
    assert [event_of(record) for record in caplog.records] == ["an outlet failed and was taken off"]


def test_sound_and_picture_keep_step_over_a_splice_with_reports(stage: Any) -> None:
    """The new publisher's sound comes late, its reports say what belongs together."""
    mount = stage.mount()
    reader = stage.FakeReader()
    stage.play(mount, reader)
    video, audio = stage.video(timestamp=0), stage.audio(timestamp=0)
    for index, source in ((0, video), (1, audio)):
        mount.tracks[index].write([source.packet()])
        mount.tracks[index].write_rtcp([source.report(NTP)])
    leave(stage, mount)
    stage.advance(3.0)
    come_back(stage, mount)
    new_video, new_audio = stage.video(ssrc=5, timestamp=900), stage.audio(ssrc=6, timestamp=480)
    for index, source in ((0, new_video), (1, new_audio)):
        mount.tracks[index].write_rtcp([source.report(NTP + (7 << 32))])
    mount.tracks[0].write([new_video.packet()])
    stage.advance(0.8)
    mount.tracks[1].write([new_audio.packet()])
    video_s = timestamp(reader.packets[-2][1]) / 90_000
    audio_s = timestamp(reader.packets[-1][1]) / 48_000
    assert video_s == pytest.approx(3.0)
    assert audio_s == pytest.approx(video_s, abs=1e-4)
    assert [sequence_number(packet) for _, packet in reader.packets] == [100, 500, 101, 501]


STEP = st.one_of(
    st.tuples(st.just("picture"), st.booleans()),
    st.tuples(st.just("sound"), st.integers(1, 3)),
    st.tuples(st.just("reports"), st.booleans()),
    st.tuples(st.just("wait"), st.sampled_from([0.0, 0.04, 1.7])),
    st.tuples(st.just("publisher"), st.booleans()),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(STEP, max_size=60), st.integers(0, 0xFFFFFFFF))
def test_however_publishers_come_and_go_tracks_go_on_for_readers(  # noqa: C901
    stage_class: Any, steps: list[tuple[str, Any]], base: int
) -> None:
    stage = stage_class()
    mount = stage.mount()
    reader = stage.FakeReader()
    stage.play(mount, reader)
    started_s = stage.now
    video, audio = stage.video(timestamp=base), stage.audio(timestamp=base)
    for what, value in [("picture", True), ("sound", 1), *steps]:
        media_s = stage.now - started_s
        video.timestamp = base + round(media_s * 90_000)
        audio.timestamp = base + round(media_s * 48_000)
        match what:
            case "picture":
                mount.tracks[0].write(video.picture(3, key=value))
            case "sound":
                mount.tracks[1].write([audio.packet() for _ in range(value)])
            case "reports":
                for track, source in zip(mount.tracks, (video, audio), strict=True):
                    track.write_rtcp([source.report(NTP + round(media_s * 2**32) + (base << 20))])
            case "wait":
                stage.advance(value)
            case "publisher":
                if value:
                    leave(stage, mount)
                    stage.advance(0.5)
                else:
                    mount.replace_publisher("another")
                come_back(stage, mount)
                base = (base * 48_271 + 7) & 0xFFFFFFFF
                started_s = stage.now
                video = stage.video(ssrc=base | 1, seq=base & 0xFFFF)
                audio = stage.audio(ssrc=base ^ 0xFF, seq=base >> 16)
    for index in (0, 1):
        packets = [packet for at, packet in reader.packets if at == index]
        assert len({ssrc(packet) for packet in packets}) <= 1
        for before, after in pairwise(packets):
            assert sequence_number(after) == (sequence_number(before) + 1) & 0xFFFF
            assert signed_32(timestamp(after) - timestamp(before)) >= 0
    clocks: dict[int, list[tuple[int, int]]] = {0: [], 1: []}
    for index, compound in reader.rtcp:
        report = parse_rtcp(compound)[0]
        assert isinstance(report, SenderReport)
        clocks[index].append((report.ntp, report.rtp_timestamp))
    for index, rate in ((0, 90_000), (1, 48_000)):
        for (ntp, at), (next_ntp, next_at) in pairwise(clocks[index]):
            by_wall_clock = (next_ntp - ntp) / 2**32
            by_timestamp = signed_32(next_at - at) / rate
            assert by_timestamp == pytest.approx(by_wall_clock, abs=0.15)


def test_other_settings_are_gone_by_at_once_but_for_what_a_mount_keeps(stage: Any) -> None:
    mount = stage.mount()
    assert not mount.apply(mount.settings)
    assert mount.apply(replace(mount.settings, max_readers=3, slow_reader_max_bytes=7))
    assert (mount.settings.max_readers, mount.settings.slow_reader_max_bytes) == (3, 2 << 20)
    assert not mount.apply(replace(mount.settings, slow_reader_max_bytes=9))


def test_a_grace_that_runs_is_as_long_as_the_settings_say_now(stage: Any) -> None:
    for grace_s, left_s in ((30.0, 29.0), (1.5, 0.5), (0.0, 0.0)):
        mount = stage.mount()
        mount.add_reader(stage.FakeReader())
        leave(stage, mount)
        stage.advance(1.0)
        mount.apply(replace(mount.settings, grace_s=grace_s))
        stage.advance(max(0.0, left_s - 0.01))
        assert mount.state is (MountState.GRACE if left_s else MountState.CLOSED)
        stage.advance(0.02)
        assert mount.state is MountState.CLOSED


def test_a_cache_comes_and_goes_and_changes_its_bounds(stage: Any) -> None:
    mount = stage.mount()
    video = stage.video()

    def kept() -> int:
        return 0 if mount.cache is None else len(mount.cache.entries)

    sizes = []
    for bounds in ({}, {"gop_cache_max_bytes": 1}, {"gop_cache_max_s": 0.0}, {}):
        mount.apply(replace(MountSettings(), **bounds))
        video.timestamp += 3000
        mount.tracks[0].write(video.picture(1, key=True))
        sizes.append(kept())
    assert sizes == [1, 0, 0, 1]
    assert (mount.cache is None, mount.tracks[0].tap is None) == (False, False)
