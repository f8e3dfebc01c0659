"""Reports that the server makes where the publisher sends none."""

from itertools import pairwise
from typing import Any

import pytest

from headwater.media.tracks.own_reports import OwnReports
from headwater.media.tracks.timeline import NTP_SECOND, TrackClock, signed_32
from headwater.protocol.rtcp import SenderReport, parse_rtcp

WALL = 3_900_000_000 << 32
CAMERA = 1_000 << 32
RATES = (90_000, 48_000)


class Scene:
    """A mount of picture and sound, 25 and 50 packets a second, and who watches it."""

    def __init__(self, stage: Any, **settings: Any) -> None:
        self.stage = stage
        self.mount = stage.mount(publisher_idle_timeout_s=0, **settings)
        self.sources = (stage.video(timestamp=5_000), stage.audio(timestamp=77_000))
        self.reader = stage.FakeReader()
        stage.play(self.mount, self.reader, instant=False)

    def run(self, seconds: int) -> list[tuple[int, SenderReport]]:
        """Let media go on for so long; the reports that readers got meanwhile, by track."""
        del self.reader.rtcp[:]
        video, audio = self.sources
        for _ in range(seconds):
            for _ in range(25):
                self.mount.tracks[0].write(video.picture(1))
                self.mount.tracks[1].write([audio.packet()])
                video.timestamp += 3600
                audio.timestamp += 1920
                self.stage.advance(0.04)
            now = self.stage.now
            self.mount.make_reports(now, WALL + round(now * NTP_SECOND), "server")
        parsed = [(index, parse_rtcp(packet)[0]) for index, packet in self.reader.rtcp]
        return [(index, one) for index, one in parsed if isinstance(one, SenderReport)]

    def publish_report(self, index: int, ntp: int = CAMERA) -> None:
        """The publisher reports: its wall clock has nothing to do with ours."""
        now_s = self.stage.now - 1000.0
        report = self.sources[index].report(ntp + round(now_s * NTP_SECOND))
        self.mount.tracks[index].write_rtcp([report])


def media_s(index: int, report: SenderReport, scene: Scene) -> float:
    """Where a report puts the presentation, in seconds of the wall clock it tells."""
    units = signed_32(scene.sources[index].timestamp - report.rtp_timestamp)
    return report.ntp / NTP_SECOND + units / RATES[index]


def assert_one_clock(reports: list[tuple[int, SenderReport]], scene: Scene) -> None:
    """All tracks' reports say the same of the wall clock at the present instant."""
    instants = [media_s(index, report, scene) for index, report in reports]
    assert max(instants) - min(instants) < 0.05


def test_a_publisher_that_never_reports_is_reported_for_on_every_track(stage: Any) -> None:
    scene = Scene(stage)
    assert scene.run(9) == []
    reports = scene.run(21)
    assert 4 <= sum(index == 0 for index, _ in reports) <= 5
    assert {report.ssrc for index, report in reports if index == 1} == {0x2222}
    assert_one_clock(reports, scene)
    [*_, (_, last)] = reports
    assert abs(last.ntp - WALL - stage.now * NTP_SECOND) < 6 * NTP_SECOND
    assert last.packets > 0
    assert last.octets == 2 * last.packets, "payload only"


def test_a_publisher_that_reports_is_not_reported_for(stage: Any) -> None:
    scene = Scene(stage)
    for _ in range(8):
        for index in (0, 1):
            scene.publish_report(index)
        assert scene.run(5) == []


def test_reports_stop_when_the_publishers_own_come(stage: Any) -> None:
    scene = Scene(stage)
    assert scene.run(12)
    for index in (0, 1):
        scene.publish_report(index)
    assert scene.run(9) == []


def test_a_track_without_reports_goes_by_the_wall_clock_of_its_sister(stage: Any) -> None:
    scene = Scene(stage)
    made = []
    for _ in range(6):
        scene.publish_report(1)
        made += scene.run(4)
    assert {index for index, _ in made} == {0}
    assert_one_clock(made, scene)
    assert all(abs(report.ntp - CAMERA) < 1000 * NTP_SECOND for _, report in made)


def test_a_publisher_that_stops_to_report_is_reported_for_on_its_own_clock(stage: Any) -> None:
    scene = Scene(stage)
    for index in (0, 1):
        scene.publish_report(index)
    told = [parse_rtcp(packet)[0] for _, packet in scene.reader.rtcp]
    made = scene.run(30)
    assert len(made) >= 6
    assert_one_clock([*enumerate(told), *made], scene)  # type: ignore[list-item]


def test_a_report_without_a_wall_clock_is_none(stage: Any) -> None:
    scene = Scene(stage)
    made = []
    for _ in range(4):
        scene.mount.tracks[0].write_rtcp([scene.sources[0].report(0)])
        made += [report for index, report in scene.run(5) if index == 0 and report.ntp]
    assert len(made) >= 2


@pytest.mark.parametrize("first_reports", [True, False], ids=["reporting first", "silent first"])
def test_the_wall_clock_that_readers_know_goes_on_after_a_splice(
    stage: Any, first_reports: bool
) -> None:
    scene = Scene(stage)
    before: list[tuple[int, SenderReport]] = []
    if first_reports:
        scene.run(1)
        for index in (0, 1):
            scene.publish_report(index)
        told = [parse_rtcp(packet)[0] for _, packet in scene.reader.rtcp]
        before = list(enumerate(told[-2:]))  # type: ignore[arg-type]
    else:
        before = scene.run(16)
    known = max(media_s(index, report, scene) for index, report in before) - stage.now
    mount = scene.mount
    mount.publisher_left(mount.publisher, "gone")
    stage.advance(1.0)
    mount.publisher_arrived(stage.FakePublisher("q"), stage.presentation())
    scene.sources = (
        stage.video(ssrc=0x7777, seq=9, timestamp=10**9),
        stage.audio(ssrc=0x8888, seq=9, timestamp=2 * 10**9),
    )
    reports = scene.run(20)
    assert {report.ssrc for _, report in reports} == {0x1111, 0x2222}
    ends = [track.position.clock.timestamp for track in mount.tracks]
    for index, report in reports:
        late_s = signed_32(ends[index] - report.rtp_timestamp) / RATES[index]
        assert report.ntp / NTP_SECOND + late_s - stage.now == pytest.approx(known, abs=0.15)


def test_bursts_of_sound_hardly_move_the_clock(stage: Any) -> None:
    scene = Scene(stage)
    video, audio = scene.sources
    reports: list[SenderReport] = []
    for number in range(60 * 25):
        scene.mount.tracks[0].write(video.picture(1))
        video.timestamp += 3600
        if number % 7 == 6:
            for _ in range(7):
                scene.mount.tracks[1].write([audio.packet()])
                audio.timestamp += 1920
        stage.advance(0.04)
        if number % 25 == 0:
            scene.mount.make_reports(stage.now, WALL + round(stage.now * NTP_SECOND), "server")
    for index, packet in scene.reader.rtcp:
        report = parse_rtcp(packet)[0]
        if index == 1 and isinstance(report, SenderReport):
            reports.append(report)
    assert len(reports) > 8
    for earlier, later in pairwise(reports):
        passed_s = (later.ntp - earlier.ntp) / NTP_SECOND
        units = signed_32(later.rtp_timestamp - earlier.rtp_timestamp)
        assert units / 48_000 == pytest.approx(passed_s, abs=0.28 / 8 + 0.001)


def test_a_silent_track_is_not_reported_for(stage: Any) -> None:
    scene = Scene(stage)
    scene.run(2)
    stage.advance(20.0)
    scene.mount.make_reports(stage.now, WALL, "server")
    assert scene.reader.rtcp == []


def test_no_reports_are_made_where_they_are_not_wanted(stage: Any) -> None:
    assert Scene(stage, make_sender_reports=False).run(20) == []


@pytest.mark.parametrize(
    ("step_s", "taken_over"), [(0.0, 0.0), (0.8, 0.1), (-0.8, -0.1), (1.5, 1.5)]
)
def test_a_difference_is_taken_over_in_parts_and_a_new_start_whole(
    step_s: float, taken_over: float
) -> None:
    reports = OwnReports()
    first = reports.report(TrackClock(90_000, 1_000, 50.0, None), 50.0, WALL)
    assert (first.ntp, first.timestamp) == (WALL, 1_000)
    seen = 1_000 + 5 * 90_000 + round(step_s * 90_000)
    again = reports.report(TrackClock(90_000, seen, 55.0, None), 55.0, WALL + 5 * NTP_SECOND)
    assert again.timestamp == 1_000 + 5 * 90_000 + round(taken_over * 90_000)
