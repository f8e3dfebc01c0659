"""The sender reports that a reader gets when it begins and on its way to the live packets."""

from itertools import pairwise
from typing import Any

from headwater.media.readers.convoy import MOST_QUEUED_BYTES
from headwater.media.tracks.timeline import signed_32
from headwater.protocol.rtcp import SenderReport, parse_rtcp
from headwater.protocol.rtcp_build import receiver_report
from headwater.protocol.rtp import timestamp

NTP = 3_900_000_000 << 32


def assert_same_clock(told: bytes, report: bytes) -> None:
    """Both reports say the same of wall clock and video clock, maybe of other instants."""
    one, other = parse_rtcp(told)[0], parse_rtcp(report)[0]
    assert isinstance(one, SenderReport)
    assert isinstance(other, SenderReport)
    assert one.ssrc == other.ssrc
    units = (one.ntp - other.ntp) * 90_000 / (1 << 32)
    assert abs(units - signed_32(one.rtp_timestamp - other.rtp_timestamp)) <= 1


def test_sender_reports_reach_those_who_join_and_those_on_their_way(stage: Any) -> None:
    mount, video, audio = stage.filled()
    early = video.report(NTP)
    mount.tracks[0].write_rtcp([early])
    reader = stage.FakeReader()
    reader.queue = MOST_QUEUED_BYTES
    stage.play(mount, reader, 0)
    ((index, told),) = reader.rtcp
    assert index == 0
    assert_same_clock(told, early)
    late = video.report(NTP + (1 << 32))
    mount.tracks[0].write_rtcp([late])
    mount.tracks[1].write_rtcp([audio.report(NTP)])
    assert reader.rtcp == [(0, told)], "the others are of the present, this reader is not"
    reader.queue = 0
    stage.advance(0.2)
    _, (_, behind_the_first), (_, at_the_present) = reader.rtcp
    assert_same_clock(behind_the_first, late)
    assert_same_clock(at_the_present, late)
    mount.tracks[0].write_rtcp([early])
    assert reader.rtcp[3:] == [(0, early)]


def test_what_is_no_sender_report_reaches_those_on_their_way(stage: Any) -> None:
    mount, video, _ = stage.filled()
    reader = stage.FakeReader()
    reader.queue = MOST_QUEUED_BYTES
    stage.play(mount, reader, 0)
    told = receiver_report(video.ssrc, cname="camera")
    mount.tracks[0].write_rtcp([told, video.report(NTP)])
    assert reader.rtcp == [(0, told)]


def test_the_time_that_reports_tell_a_reader_on_its_way_never_jumps(stage: Any) -> None:
    """Each report is of a packet near it, whether the publisher reports before or meanwhile."""
    mount, video, _ = stage.filled()
    mount.tracks[0].write_rtcp([video.report(NTP)])
    reader = stage.FakeReader(needs_pacing=True)
    seen: list[tuple[str, int]] = []
    reader.on_batch = lambda: seen.append(("packet", timestamp(reader.packets[-1][1])))
    send_rtcp = reader.send_rtcp

    def note(index: int, batch: Any) -> None:
        send_rtcp(index, batch)
        report = parse_rtcp(batch.packets[0])[0]
        assert isinstance(report, SenderReport)
        seen.append(("report", report.rtp_timestamp))

    reader.send_rtcp = note
    stage.play(mount, reader, 0)
    for _ in range(5):
        stage.advance(0.04)
        video.timestamp += 3600
        mount.tracks[0].write(video.picture(3))
        mount.tracks[0].write_rtcp([video.report(NTP)])
    assert [kind for kind, _ in seen[:3]] == ["report", "packet", "report"]
    steps = [signed_32(later - earlier) for (_, earlier), (_, later) in pairwise(seen)]
    assert min(steps) >= 0
    assert seen[0] == ("report", timestamp(reader.packets[0][1]))


def test_sender_reports_come_before_the_kept_packets(stage: Any) -> None:
    mount, video, _ = stage.filled()
    report = video.report(NTP)
    mount.tracks[0].write_rtcp([report])
    reader = stage.FakeReader()
    known: list[int] = []
    reader.on_batch = lambda: known.append(len(reader.rtcp))
    stage.play(mount, reader)
    assert known[0] == 1
    # Once more behind the first packets, for clients that pass over the one before.
    assert set(known[1:]) == {2}
    assert [index for index, _ in reader.rtcp] == [0, 0]
    for _, told in reader.rtcp:
        assert_same_clock(told, report)


def test_a_reader_that_begins_is_told_the_time_of_its_first_packet(stage: Any) -> None:
    """An older report would make time go backwards for players that begin with it."""
    mount, video, _ = stage.filled()
    mount.tracks[0].write_rtcp([video.report(NTP - (30 << 32), video.timestamp - 30 * 90_000)])
    reader = stage.FakeReader()
    stage.play(mount, reader)
    (told, _) = (packet for index, packet in reader.rtcp if index == 0)
    (report,) = (part for part in parse_rtcp(told) if isinstance(part, SenderReport))
    (first, *_) = (packet for index, packet in reader.packets if index == 0)
    assert report.rtp_timestamp == timestamp(first)


def test_report_that_breaks_a_reader_at_its_start_ends_it(stage: Any) -> None:
    mount, video, _ = stage.filled()
    mount.tracks[0].write_rtcp([video.report(NTP)])
    reader = stage.FakeReader()
    reader.fail_in = "send_rtcp"
    stage.play(mount, reader)
    assert reader.closed == ["failed"]
    assert reader.packets == []
    assert mount.readers == ()


def test_rtcp_that_breaks_a_reader_on_its_way_ends_only_that_one(stage: Any) -> None:
    mount, video, _ = stage.filled()
    readers = [stage.FakeReader(name) for name in "ab"]
    for reader in readers:
        reader.queue = MOST_QUEUED_BYTES
        stage.play(mount, reader)
    readers[0].fail_in = "send_rtcp"
    report = receiver_report(video.ssrc, cname="camera")
    mount.tracks[0].write_rtcp([report])
    assert readers[0].closed == ["failed"]
    assert readers[1].rtcp == [(0, report)]


def test_a_reader_that_takes_no_report_is_let_go_alone(stage: Any) -> None:
    mount, video, _ = stage.filled()
    mount.tracks[0].write_rtcp([video.report(NTP)])
    failing, other = stage.FakeReader("failing"), stage.FakeReader("other")
    failing.fail_in = "send_rtcp"
    for reader in (failing, other):
        stage.play(mount, reader)
    stage.advance(1.0)
    assert [len(failing.closed), len(other.closed)] == [1, 0]
    assert [index for index, _ in other.rtcp][:1] == [0]
    assert [reader.id for reader in mount.snapshot().readers] == ["other"]


def test_stopping_a_track_that_a_reader_does_not_play_changes_nothing(stage: Any) -> None:
    mount, video, audio = stage.filled()
    reader, stranger = stage.FakeReader(), stage.FakeReader("stranger")
    stage.play(mount, reader, 0)
    mount.stop_reader(stranger)
    mount.stop_reader(reader, [1])
    mount.tracks[0].write(video.picture(1))
    mount.tracks[1].write([audio.packet()])
    assert reader.seqs(0)[-1] == video.seq - 1
    mount.stop_reader(reader, [0])
    mount.stop_reader(reader, [0])
    mount.tracks[0].write(video.picture(1))
    assert reader.seqs(0)[-1] == video.seq - 2
