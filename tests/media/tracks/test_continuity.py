from dataclasses import replace
from struct import pack

import pytest

from headwater.media.tracks.continuity import (
    LEAST_GAP_S,
    Continuation,
    FirstPacket,
    Offsets,
    Splice,
    TrackPosition,
)
from headwater.media.tracks.timeline import NTP_SECOND, SenderClock, TrackClock
from headwater.protocol.rtcp import SenderReport, parse_rtcp
from headwater.protocol.rtcp_build import bye, receiver_report, sender_report
from headwater.protocol.rtp import RtpHeader
from headwater.protocol.sdp import MediaDescription, SessionDescription

VIDEO_HZ, AUDIO_HZ = 90_000, 48_000
OLD_NTP = 3_900_000_000 * NTP_SECOND
NEW_NTP = 17 * NTP_SECOND


def media(formats: str, *maps: str) -> MediaDescription:
    lines = "".join(f"a=rtpmap:{each}\n" for each in maps)
    return SessionDescription.parse(f"v=0\nm=video 0 RTP/AVP {formats}\n{lines}").media[0]


VIDEO = media("96", "96 H264/90000")


def ntp(base: int, seconds: float) -> int:
    return base + round(seconds * NTP_SECOND)


def packet(
    seq: int, timestamp: int, ssrc: int, payload: bytes = b"xyz", payload_type: int = 96
) -> bytes:
    return (
        pack(">BBHII", 0x80, 0x80 | payload_type, seq & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)
        + payload
    )


def report(ssrc: int, at: int, timestamp: int) -> bytes:
    return sender_report(ssrc, ntp=at, rtp_timestamp=timestamp, packets=1, octets=1, cname="c")


def nobody(_source: bytes) -> bool:
    """No source goes on where another stood."""
    return False


def ends(*, reports: bool = False) -> dict[int, TrackPosition]:
    """Video ended at 1000 s of the clock, sound 20 ms after; both of media time 100 s."""
    video = SenderClock(ntp(OLD_NTP, 0), 0) if reports else None
    audio = SenderClock(ntp(OLD_NTP, 0), 0) if reports else None
    return {
        0: TrackPosition(
            0xA, 501, TrackClock(VIDEO_HZ, 100 * VIDEO_HZ, 1000.0, video), 100 * VIDEO_HZ
        ),
        1: TrackPosition(
            0xB, 65_535, TrackClock(AUDIO_HZ, 100 * AUDIO_HZ, 1000.02, audio), 100 * AUDIO_HZ
        ),
    }


def first(
    seq: int, timestamp: int, at: float, hz: int = VIDEO_HZ, known: SenderClock | None = None
) -> FirstPacket:
    return FirstPacket(0xC, seq, TrackClock(hz, timestamp, at, known))


def test_a_track_goes_on_by_the_time_that_passed() -> None:
    offsets = Splice(ends()).place(0, first(7000, 555, 1004.0))
    header = RtpHeader.parse(offsets.rewritten([packet(7000, 555, 0xC)], nobody)[0])
    assert header.sequence_number == 501
    assert header.timestamp == 104 * VIDEO_HZ
    assert header.ssrc == 0xA
    assert header.marker


def test_sequence_numbers_and_timestamps_wrap() -> None:
    offsets = Splice(ends()).place(1, first(3, 0xFFFFFFF0, 1000.52, AUDIO_HZ))
    sent = [packet(3, 0xFFFFFFF0, 0xC), packet(4, 0x10, 0xC)]
    headers = [RtpHeader.parse(each) for each in offsets.rewritten(sent, nobody)]
    assert [header.sequence_number for header in headers] == [65_535, 0]
    assert headers[0].timestamp == 100 * AUDIO_HZ + AUDIO_HZ // 2
    assert headers[1].timestamp == headers[0].timestamp + 0x20


def test_other_sources_pass_as_they_are() -> None:
    offsets = Splice(ends()).place(0, first(7000, 555, 1004.0))
    stranger = packet(1, 2, 0xDD)
    assert offsets.rewritten([stranger, packet(7001, 600, 0xC)], nobody)[0] == stranger


def test_offsets_of_nothing_change_nothing() -> None:
    assert not Offsets(5, 5, 0, 0).changes_packets
    assert Offsets(5, 6, 0, 0).changes_packets
    assert Offsets(5, 5, 1, 0).changes_packets
    assert Offsets(5, 5, 0, 1).changes_packets


def test_without_reports_tracks_keep_the_distance_of_their_arrival() -> None:
    splice = Splice(ends())
    video = splice.place(0, first(0, 0, 1004.0))
    audio = splice.place(1, first(0, 0, 1004.3, AUDIO_HZ))
    assert video.ts_delta == 104 * VIDEO_HZ
    # Sound's clock stands at 100 s at 1000.02, so at 1004.3 it stands at 104.28.
    assert audio.ts_delta == round(104.28 * AUDIO_HZ)


def test_with_reports_tracks_keep_step_whenever_their_packets_come() -> None:
    splice = Splice(ends(reports=True))
    # The new publisher's picture and sound are of one moment but come 1.5 s apart.
    video_report = SenderClock(ntp(NEW_NTP, 0), 0)
    audio_report = SenderClock(ntp(NEW_NTP, 0), 70_000)
    video = splice.place(0, first(0, 0, 1004.0, known=video_report))
    audio = splice.place(1, first(0, 70_000, 1005.5, AUDIO_HZ, known=audio_report))
    seconds = [(0 + video.ts_delta) / VIDEO_HZ, (70_000 + audio.ts_delta) / AUDIO_HZ]
    assert seconds[0] == pytest.approx(104.0)
    assert seconds[1] == pytest.approx(seconds[0], abs=1e-4)


def test_reports_that_come_after_the_first_tracks_first_packet_still_tell() -> None:
    splice = Splice(ends(reports=True))
    video = splice.place(0, first(0, 0, 1004.0))
    splice.ntp_delta(0, SenderClock(ntp(NEW_NTP, 0), 0))
    known = SenderClock(ntp(NEW_NTP, 0), 0)
    audio = splice.place(1, first(0, 0, 1004.7, AUDIO_HZ, known=known))
    assert audio.ts_delta / AUDIO_HZ == pytest.approx(video.ts_delta / VIDEO_HZ, abs=1e-4)


def test_absurd_reports_are_not_believed() -> None:
    splice = Splice(ends())
    splice.place(0, first(0, 0, 1004.0, known=SenderClock(ntp(NEW_NTP, 0), 0)))
    absurd = SenderClock(ntp(NEW_NTP, 5000.0), 0)
    audio = splice.place(1, first(0, 0, 1004.3, AUDIO_HZ, known=absurd))
    assert audio.ts_delta == round(104.28 * AUDIO_HZ)


def test_wall_clocks_of_two_publishers_go_on_as_one() -> None:
    splice = Splice(ends(reports=True))
    splice.place(0, first(0, 0, 1004.0))
    delta = splice.ntp_delta(0, SenderClock(ntp(NEW_NTP, 3), 3 * VIDEO_HZ))
    # Old: media 100 s was OLD_NTP + 100 s. New: first packet at media 104 s, report 3 s later.
    assert (NEW_NTP + 3 * NTP_SECOND + delta) / NTP_SECOND == pytest.approx(
        OLD_NTP / NTP_SECOND + 107, abs=1e-5
    )
    splice.place(1, first(0, 0, 1004.0, AUDIO_HZ))
    assert splice.ntp_delta(1, SenderClock(ntp(NEW_NTP, 9), 0)) == delta


def test_without_old_reports_wall_clocks_stay_the_publishers() -> None:
    splice = Splice(ends())
    splice.place(0, first(0, 0, 1004.0))
    assert splice.ntp_delta(0, SenderClock(NEW_NTP, 0)) == 0
    nothing = Splice({})
    nothing.place(0, first(0, 0, 1004.0))
    assert nothing.ntp_delta(0, SenderClock(NEW_NTP, 0)) == 0


def test_timestamps_never_go_back_at_an_immediate_splice() -> None:
    splice = Splice(ends())
    video = splice.place(0, first(0, 0, 1000.0))
    audio = splice.place(1, first(0, 0, 1000.0, AUDIO_HZ))
    gap = (audio.ts_delta - 100 * AUDIO_HZ) / AUDIO_HZ
    assert gap == pytest.approx(LEAST_GAP_S)
    assert video.ts_delta / VIDEO_HZ - 100 == pytest.approx(LEAST_GAP_S + 0.02)


def test_a_track_far_behind_its_sister_is_still_after_its_own_end() -> None:
    splice = Splice(ends(reports=True))
    splice.place(0, first(0, 0, 1000.0, known=SenderClock(ntp(NEW_NTP, 1), 0)))
    early = SenderClock(ntp(NEW_NTP, 0), 0)
    audio = splice.place(1, first(0, 0, 1000.0, AUDIO_HZ, known=early))
    assert audio.ts_delta == 100 * AUDIO_HZ + 1


def test_a_track_that_never_carried_a_packet_begins_as_it_comes() -> None:
    only_video = {0: ends()[0]}
    offsets = Splice(only_video).place(1, first(9, 8, 1004.0, AUDIO_HZ))
    assert offsets == Offsets(0xC, 0xC, 0, 0)
    assert Splice({}).place(0, first(9, 8, 1.0)) == Offsets(0xC, 0xC, 0, 0)


def test_a_continuation_places_itself_by_the_first_packet() -> None:
    continuation = Continuation(Splice(ends()), 0, VIDEO)
    new = packet(7000, 555, 0xC)
    assert continuation.rewritten([new], nobody) == [new]
    placed = [continuation.placed]
    assert continuation.place([new], 1004.0) == []
    placed.append(continuation.placed)
    assert placed == [False, True]
    (sent,) = continuation.rewritten([new], nobody)
    assert RtpHeader.parse(sent).sequence_number == 501


def test_a_continuation_of_nothing_passes_the_very_list() -> None:
    continuation = Continuation(Splice({}), 0, VIDEO)
    new = [packet(7000, 555, 0xC)]
    continuation.place(new, 1004.0)
    assert continuation.rewritten(new, nobody) is new


def test_a_report_waits_for_the_first_packet_and_is_moved_with_it() -> None:
    continuation = Continuation(Splice(ends(reports=True)), 0, VIDEO)
    early = SenderClock(ntp(NEW_NTP, 0), 555)
    assert continuation.rtcp(report(0xC, early.ntp, 555), 0xC, early, nobody) == []
    assert continuation.rtcp(receiver_report(0xC, cname="c"), 0xC, None, nobody) == []
    ((compound, clock),) = continuation.place([packet(7000, 555, 0xC)], 1004.0)
    sender = parse_rtcp(compound)[0]
    assert isinstance(sender, SenderReport)
    assert sender.ssrc == 0xA
    assert sender.rtp_timestamp == 104 * VIDEO_HZ
    assert sender.ntp / NTP_SECOND == pytest.approx(OLD_NTP / NTP_SECOND + 104, abs=1e-5)
    assert clock == SenderClock(sender.ntp, sender.rtp_timestamp)


def test_a_report_without_wall_clock_keeps_saying_so() -> None:
    continuation = Continuation(Splice(ends(reports=True)), 0, VIDEO)
    none = SenderClock(0, 555)
    assert continuation.rtcp(report(0xC, 0, 555), 0xC, none, nobody) == []
    ((compound, _),) = continuation.place([packet(7000, 555, 0xC)], 1004.0)
    sender = parse_rtcp(compound)[0]
    assert isinstance(sender, SenderReport)
    assert (sender.ntp, sender.rtp_timestamp) == (0, 104 * VIDEO_HZ)


def test_rtcp_of_other_senders_passes_and_without_report_only_the_source_changes() -> None:
    continuation = Continuation(Splice(ends(reports=True)), 0, VIDEO)
    continuation.place([packet(7000, 555, 0xC)], 1004.0)
    stranger = receiver_report(0xDD, cname="c")
    assert continuation.rtcp(stranger, 0xDD, None, nobody) == [(stranger, None)]
    ((mine, clock),) = continuation.rtcp(receiver_report(0xC, cname="c"), 0xC, None, nobody)
    assert mine == receiver_report(0xA, cname="c")
    assert clock is None


def test_rtcp_without_a_report_has_no_wall_clock_to_move() -> None:
    offsets = Offsets(0xC, 0xA, 1, 90)
    goodbye = bye([0xC], cname="c")
    assert offsets.rewritten_rtcp(goodbye, 5, 0xC) == bye([0xA], cname="c")


def test_the_splice_is_behind_the_highest_timestamp_on_all_tracks_alike() -> None:
    # The last picture of the video was a B-frame: one 0.4 s ahead of it had been sent before.
    ended = ends()
    ended[0] = replace(ended[0], highest_timestamp=ended[0].clock.timestamp + 36_000)
    splice = Splice(ended)
    video = splice.place(0, first(0, 0, 1000.1))
    audio = splice.place(1, first(0, 0, 1000.1, AUDIO_HZ))
    assert video.ts_delta / VIDEO_HZ - 100 == pytest.approx(0.4 + LEAST_GAP_S)
    assert audio.ts_delta / AUDIO_HZ - 100 == pytest.approx(0.4 + LEAST_GAP_S - 0.02)


def test_the_source_that_sent_most_of_the_first_batch_is_continued() -> None:
    continuation = Continuation(Splice(ends()), 0, VIDEO)
    mixed = [packet(50_000, 555, 0xD), packet(7000, 555, 0xC), packet(7001, 555, 0xC)]
    continuation.place(mixed, 1004.0)
    after = [RtpHeader.parse(each) for each in continuation.rewritten(mixed, nobody)]
    assert [(each.ssrc, each.sequence_number) for each in after] == [
        (0xD, 50_000),
        (0xA, 501),
        (0xA, 502),
    ]


def test_retransmissions_and_protection_never_say_where_the_media_goes_on() -> None:
    described = media("96 97", "96 H264/90000", "97 rtx/90000")
    continuation = Continuation(Splice(ends()), 0, described)
    beside = [packet(50_000, 555, 0xD, payload_type=97)]
    assert continuation.place(beside, 1004.0) == []
    assert not continuation.placed
    assert continuation.rewritten(beside, nobody) == beside
    continuation.place([*beside, *beside, packet(7000, 555, 0xC)], 1004.0)
    assert continuation.position_of(
        TrackPosition(0xC, 7001, TrackClock(VIDEO_HZ, 555, 1004.0), 560), nobody
    ) == TrackPosition(0xA, 502, TrackClock(VIDEO_HZ, 104 * VIDEO_HZ, 1004.0), 104 * VIDEO_HZ + 5)
    other = TrackPosition(0xD, 50_001, TrackClock(VIDEO_HZ, 555, 1004.0), 555)
    assert continuation.position_of(other, nobody) == other


def test_a_track_of_nothing_but_retransmissions_goes_on_too() -> None:
    continuation = Continuation(Splice(ends()), 0, media("97", "97 rtx/90000"))
    continuation.place([packet(7000, 555, 0xC, payload_type=97)], 1004.0)
    assert continuation.placed


def test_reports_of_each_source_wait_up_to_a_bound() -> None:
    continuation = Continuation(Splice(ends(reports=True)), 0, VIDEO)
    senders = (0xD, 0xC, 0xE, 0xF, 0x10, 0xC)
    for sender in senders:
        clock = SenderClock(ntp(NEW_NTP, 0), 555)
        assert continuation.rtcp(report(sender, clock.ntp, 555), sender, clock, nobody) == []
    relayed = continuation.place([packet(7000, 555, sender) for sender in senders], 1004.0)
    told = [parse_rtcp(compound)[0].ssrc for compound, _ in relayed]  # type: ignore[union-attr]
    assert told == [0xD, 0xA, 0xE, 0xF]
    assert [clock is not None for _, clock in relayed] == [False, True, False, False]


@pytest.mark.parametrize(
    ("stamps", "told"),
    [
        ({0xD: 600}, [(0xA, 104 * VIDEO_HZ + 45)]),
        ({0xD: 10**9}, []),
        ({0xC: 555, 0xD: 600}, [(0xA, 104 * VIDEO_HZ)]),
        ({0xE: 10**9, 0xD: 600}, [(0xA, 104 * VIDEO_HZ + 45)]),
    ],
    ids=["of its clock", "of another", "beside its own", "the one of its clock"],
)
def test_a_report_of_nobody_that_waited_is_of_the_source_whose_clock_it_tells(
    stamps: dict[int, int], told: list[tuple[int, int]]
) -> None:
    continuation = Continuation(Splice(ends(reports=True)), 0, VIDEO)
    for sender, stamp in stamps.items():
        clock = SenderClock(ntp(NEW_NTP, 0), stamp)
        assert continuation.rtcp(report(sender, clock.ntp, stamp), sender, clock, nobody) == []
    relayed = continuation.place([packet(7000, 555, 0xC)], 1004.0)
    reports = [parse_rtcp(compound)[0] for compound, _ in relayed]
    assert [(each.ssrc, each.rtp_timestamp) for each in reports] == told  # type: ignore[union-attr]


@pytest.mark.parametrize("pause_s", [0.0, 0.02, 0.09])
def test_immediate_replacements_add_no_drift(pause_s: float) -> None:
    """Two hundred publishers, a second long each: media time keeps to real time."""
    now, timestamp, lead_s = 1000.0, 0, 0.0
    for _ in range(200):
        clock = TrackClock(VIDEO_HZ, timestamp, now)
        splice = Splice({0: TrackPosition(0xA, 1, clock, timestamp)}, lead_s)
        now += pause_s
        offsets = splice.place(0, first(1, 77, now))
        assert timestamp < 77 + offsets.ts_delta
        timestamp, lead_s = 77 + offsets.ts_delta + VIDEO_HZ, splice.lead_s
        now += 1.0
    assert 0 <= timestamp / VIDEO_HZ - (now - 1000.0) <= LEAST_GAP_S + 0.2


def test_what_a_replacement_put_ahead_is_taken_back_in_the_next_break() -> None:
    clock = TrackClock(VIDEO_HZ, 0, 1000.0)
    splice = Splice({0: TrackPosition(0xA, 1, clock, 0)}, lead_s=0.08)
    offsets = splice.place(0, first(1, 0, 1003.0))
    assert offsets.ts_delta == round(2.92 * VIDEO_HZ)
    assert splice.lead_s == 0.0
