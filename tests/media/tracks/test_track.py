import logging
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from headwater.media.tracks.continuity import Splice
from headwater.media.tracks.packet_batch import FRAMES_KEYS, NO_KEY_FRAME, PacketBatch
from headwater.protocol.interleaved import frame_interleaved
from headwater.protocol.rtcp import ReceiverReport, ReportBlock, SenderReport, parse_rtcp
from headwater.protocol.rtcp_build import bye, receiver_report, sender_report
from headwater.protocol.rtp import cut_run, sequence_number, ssrc, timestamp

NTP = 3_900_000_000 << 32


class Sink:
    def __init__(self) -> None:
        self.batches: list[PacketBatch] = []
        self.rtcp: list[bytes] = []

    def send_batch(self, batch: PacketBatch) -> None:
        self.batches.append(batch)

    def send_rtcp(self, batch: PacketBatch) -> None:
        self.rtcp += batch.packets

    def outlet_failed(self, error: Exception) -> None:
        raise AssertionError(error)

    @property
    def packets(self) -> list[bytes]:
        return [packet for batch in self.batches for packet in batch.packets]


def heard(stage: Any, *media: str) -> tuple[Any, Sink]:
    track = stage.track(*media)
    sink = Sink()
    track.fan_out.add(sink)
    return track, sink


def report_block(compound: bytes) -> ReportBlock:
    """What a receiver report says of its one source."""
    report = parse_rtcp(compound)[0]
    assert isinstance(report, ReceiverReport)
    (block,) = report.blocks
    return block


def test_a_batch_goes_out_whole_and_is_counted(stage: Any) -> None:
    track, sink = heard(stage)
    source = stage.video()
    sent = source.picture(4, size=300)
    track.write(list(sent))
    (batch,) = sink.batches
    assert batch.packets == sent
    assert batch.arrived_s == stage.now
    counters = track.counters
    assert (counters.packets, counters.bytes, counters.batches) == (4, 1200, 1)
    assert counters.last_packet_s == stage.now
    assert track.ssrc == source.ssrc


def test_what_is_not_rtp_is_dropped_and_counted(stage: Any) -> None:
    track, sink = heard(stage)
    good = stage.video().picture(1)
    track.write([])
    track.write([b"", b"\x80" * 11, b"\x40" + bytes(20), *good, b"\xff" * 30])
    assert sink.packets == good
    assert track.counters.invalid_packets == 4
    track.write([b"junk"])
    assert len(sink.batches) == 1
    assert track.counters.invalid_packets == 5


def test_key_frames_are_found_in_video_only(stage: Any) -> None:
    track, sink = heard(stage)
    source = stage.video()
    track.write(source.picture(2) + source.picture(3, key=True))
    track.write(source.picture(2))
    assert [batch.key_frame_index for batch in sink.batches] == [2, NO_KEY_FRAME]
    assert track.counters.key_frames == 1
    assert track.has_key_frames
    audio, audio_sink = heard(stage, "m=audio 0 RTP/AVP 97\na=rtpmap:97 opus/48000/2\n")
    audio.write([stage.audio().packet(b"\x65\x88")])
    assert audio_sink.batches[0].key_frame_index == NO_KEY_FRAME
    assert not audio.has_key_frames


def test_loss_is_counted_and_reported(stage: Any) -> None:
    track, _ = heard(stage)
    source = stage.video(seq=65_530)
    assert track.receiver_report(9, stage.now, "server") is None
    for _ in range(20):
        lost = source.picture(3)
        track.write(lost[:1] + lost[2:])
    # Nothing tells yet that the last picture's middle is missing… but its end has come.
    assert track.counters.lost_packets == 20
    report = track.receiver_report(9, stage.now, "server")
    assert report is not None
    first = parse_rtcp(report)[0]
    assert isinstance(first, ReceiverReport)
    assert first.ssrc == 9
    assert first.blocks[0].ssrc == source.ssrc
    assert first.blocks[0].cumulative_lost == 20
    assert first.blocks[0].highest_sequence == 65_530 + 59


def test_jitter_is_sampled_once_a_picture(stage: Any) -> None:
    track, _ = heard(stage)
    source = stage.video()
    track.write(source.picture(1))
    stage.advance(0.2)
    track.write(source.picture(1))
    assert track.jitter_s == 0.0
    source.timestamp += 3600
    track.write(source.picture(1))
    assert track.jitter_s == pytest.approx(0.16 / 16, abs=1e-4)


def test_the_tap_comes_before_the_readers_and_shared_encodings_are_let_go(stage: Any) -> None:
    track, sink = heard(stage)
    order: list[str] = []
    built: list[int] = []

    def tap(index: int, batch: PacketBatch) -> None:
        order.append(f"tap {index} {len(sink.batches)}")

    track.tap = tap
    track.write(stage.video().picture(2))
    assert order == ["tap 0 0"]
    batch = sink.batches[0]
    batch.shared("framed", lambda _: built.append(1))
    track.tap = None
    track.write(stage.video().picture(2))
    batch.shared("framed", lambda _: built.append(2))
    assert built == [1]
    track.tap = tap
    sink.send_batch = lambda batch: batch.shared("framed", lambda _: built.append(3))  # type: ignore[method-assign]
    track.write(stage.video().picture(2))
    assert built == [1, 3]


def test_the_end_of_a_track_is_behind_its_highest_packet(stage: Any) -> None:
    track, _ = heard(stage)
    assert (track.position, track.ssrc) == (None, None)
    source = stage.video(seq=65_534, timestamp=777)
    first, second, third = source.picture(3)
    track.write([first, third, second])
    end = track.position
    assert end is not None
    assert (end.ssrc, end.next_seq) == (source.ssrc, 1)
    assert (end.clock.timestamp, end.clock.arrived_s) == (777, stage.now)


def test_sender_reports_reach_readers_and_those_who_come_later(stage: Any) -> None:
    track, sink = heard(stage)
    source = stage.video(timestamp=4000)
    track.write(source.picture(1))
    report = source.report(NTP)
    track.write_rtcp([report])
    assert sink.rtcp == [report]
    assert track.last_report == report
    assert track.counters.rtcp_packets == 1
    end = track.position
    assert end.clock.report is not None
    assert (end.clock.report.ntp, end.clock.report.timestamp) == (NTP, 4000)
    block = report_block(track.receiver_report(9, stage.now + 1.0, "s"))
    assert block.last_sr == NTP >> 16 & 0xFFFFFFFF
    assert block.delay_since_last_sr == 65_536


def test_a_report_without_wall_clock_is_passed_on_but_not_relied_on(stage: Any) -> None:
    track, sink = heard(stage)
    source = stage.video()
    track.write(source.picture(1))
    track.write_rtcp([source.report(0)])
    assert len(sink.rtcp) == 1
    assert track.last_report is None
    assert track.position.clock.report is None


def test_goodbyes_go_no_further(stage: Any) -> None:
    track, sink = heard(stage)
    source = stage.video()
    track.write(source.picture(1))
    goodbye = bye([source.ssrc], cname="camera")
    track.write_rtcp([goodbye])
    assert sink.rtcp == []
    report = source.report(NTP)
    track.write_rtcp([report + goodbye[-8:]])
    assert sink.rtcp == [report]
    empty = receiver_report(source.ssrc, cname="camera")
    track.write_rtcp([empty])
    assert sink.rtcp == [report, empty]


def test_rtcp_that_cannot_be_read_is_counted_only(stage: Any) -> None:
    track, sink = heard(stage)
    track.write_rtcp([b"\x80\xc8\xff\xff"])
    assert sink.rtcp == []
    assert track.counters.invalid_rtcp_packets == 1


def test_the_rtcp_tap_hears_what_readers_hear(stage: Any) -> None:
    track, _ = heard(stage)
    taken: list[tuple[int, list[bytes]]] = []
    track.rtcp_tap = lambda index, batch: taken.append((index, batch.packets))
    report = stage.video().report(NTP)
    track.write_rtcp([report])
    assert taken == [(0, [report])]


def test_several_sources_pass_as_they_are_before_a_splice(stage: Any) -> None:
    track, sink = heard(stage)
    one, two = stage.video(), stage.video(ssrc=0x9999, seq=7)
    mixed = [one.packet(), two.packet(), one.packet(), two.packet()]
    track.write(list(mixed))
    track.write([one.packet(), two.packet()])
    assert sink.packets[:4] == mixed
    assert track.counters.lost_packets == 0


def test_after_a_splice_packets_and_reports_continue(stage: Any) -> None:
    track, sink = heard(stage)
    old = stage.video(timestamp=90_000)
    track.write(old.picture(3))
    track.write_rtcp([old.report(NTP)])
    splice = Splice({0: track.position})
    stage.advance(5.0)
    new = stage.video(ssrc=0x7777, seq=30_000, timestamp=123)
    track.continue_with(stage.presentation().media[0], splice)
    track.write_rtcp([new.report(0)])
    track.write_rtcp([new.report(NTP + (9 << 32))])
    assert len(sink.rtcp) == 1
    track.write(new.picture(2, key=True))
    track.write(new.picture(2))
    after = sink.packets[3:]
    assert [sequence_number(packet) for packet in after] == [103, 104, 105, 106]
    assert {ssrc(packet) for packet in after} == {old.ssrc}
    assert {timestamp(packet) for packet in after} == {90_000 * 6}
    (moved,) = sink.rtcp[1:]
    sender = parse_rtcp(moved)[0]
    assert isinstance(sender, SenderReport)
    assert (sender.ssrc, sender.rtp_timestamp) == (old.ssrc, 90_000 * 6)
    assert sender.ntp == NTP + (5 << 32)
    assert track.last_report == moved
    assert track.counters.splices == 1
    assert track.counters.lost_packets == 0
    assert sink.batches[1].key_frame_index == 0
    # Reports to the new publisher speak of its own source.
    block = report_block(track.receiver_report(9, stage.now, "s"))
    assert block.ssrc == new.ssrc


def test_rtcp_without_a_sender_after_a_splice_passes(stage: Any) -> None:
    track, sink = heard(stage)
    old = stage.video()
    track.write(old.picture(1))
    track.continue_with(stage.presentation().media[0], Splice({0: track.position}))
    new = stage.video(ssrc=0x7777)
    track.write(new.picture(1))
    application = b"\x80\xcc\x00\x02" + new.ssrc.to_bytes(4, "big") + b"name"
    track.write_rtcp([application])
    assert sink.rtcp == [application]


def test_an_outlet_that_raises_is_told_of(stage: Any, caplog: pytest.LogCaptureFixture) -> None:
    failures: list[str] = []
    presentation = stage.presentation()
    from headwater.media.tracks.track import Track

    track = Track(
        0,
        presentation.media[0],
        clock=stage.clock,
        on_outlet_error=lambda outlet, error: failures.append(str(error)),
    )

    class Broken(Sink):
        def send_batch(self, batch: PacketBatch) -> None:
            raise OSError("broken")

        def outlet_failed(self, error: Exception) -> None:
            pass

    good = Sink()
    track.fan_out.add(Broken())
    track.fan_out.add(good)
    with caplog.at_level(logging.CRITICAL):
        track.write(stage.video().picture(1))
    assert failures == ["broken"]
    assert len(good.batches) == 1


def test_a_report_of_another_clock_does_not_move_the_clock(stage: Any) -> None:
    track, sink = heard(stage)
    track.write(stage.video().picture(1))
    track.write([stage.video(ssrc=0x9999, seq=40_000).packet()])
    other = sender_report(5, ntp=NTP, rtp_timestamp=10**9, packets=0, octets=0, cname="x")
    track.write_rtcp([other])
    assert sink.rtcp == [other]
    assert track.position.clock.report is None


def test_a_track_stands_where_its_main_source_does(stage: Any) -> None:
    track, _ = heard(stage)
    main, other = stage.video(), stage.video(ssrc=0x9999, seq=40_000)
    track.write(main.picture(5))
    stage.advance(0.01)
    track.write([other.packet()])
    assert track.ssrc == main.ssrc
    assert (track.position.ssrc, track.position.next_seq) == (main.ssrc, 105)
    assert track.position.clock.arrived_s == stage.now - 0.01
    # A report of the other source is not of the main one's clock, nor does it hide one that is.
    track.write_rtcp([main.report(NTP)])
    track.write_rtcp([other.report(NTP + 5)])
    assert track.position.clock.report.ntp == NTP


def test_the_main_source_is_continued_though_another_sent_last(stage: Any) -> None:
    track, sink = heard(stage)
    track.write(stage.video().picture(5))
    track.write([stage.video(ssrc=0x9999, seq=40_000).packet()])
    stage.advance(1.0)
    new, beside = stage.video(ssrc=0x7777, seq=7), stage.video(ssrc=0x8888, seq=50_000)
    track.continue_with(stage.presentation().media[0], Splice({0: track.position}))
    assert (track.ssrc, track.position.next_seq) == (0x1111, 105)
    track.write([*new.picture(2), beside.packet()])
    track.write([beside.packet()])
    assert [(ssrc(each), sequence_number(each)) for each in sink.packets[6:]] == [
        (0x1111, 105),
        (0x1111, 106),
        (0x8888, 50_000),
        (0x8888, 50_001),
    ]
    assert (track.ssrc, track.position.next_seq) == (0x1111, 107)


def test_a_publisher_without_a_packet_leaves_the_end_of_the_one_before(stage: Any) -> None:
    track, sink = heard(stage)
    track.write(stage.video().picture(5))
    for _ in range(2):
        end = track.position
        track.continue_with(stage.presentation().media[0], Splice({0: end}))
        assert track.position == end
    track.write(stage.video(ssrc=0x7777, seq=7).picture(1))
    assert [(ssrc(each), sequence_number(each)) for each in sink.packets[5:]] == [(0x1111, 105)]


def test_a_replacement_comes_behind_the_picture_that_b_frames_refer_to(stage: Any) -> None:
    track, sink = heard(stage)
    old = stage.video()
    for order in (0, 4, 1, 2, 3, 8, 5):
        old.timestamp = order * 3600
        track.write(old.picture(1))
        stage.advance(0.04)
    track.continue_with(stage.presentation().media[0], Splice({0: track.position}))
    track.write(stage.video(ssrc=0x7777, seq=7, timestamp=55).picture(1))
    assert timestamp(sink.packets[-1]) > 8 * 3600


def test_rtcp_of_one_wake_up_is_fanned_out_once_and_a_flood_of_it_is_bounded(stage: Any) -> None:
    track, _ = heard(stage)
    source = stage.video()
    track.write(source.picture(1))
    batches: list[PacketBatch] = []
    track.rtcp_tap = lambda _, batch: batches.append(batch)
    reports = [source.report(NTP + number) for number in range(1000)]
    track.write_rtcp(reports)
    (batch,) = batches
    assert batch.packets == reports[-1:]
    assert track.last_report == reports[-1]
    assert track.counters.rtcp_packets == 1000
    assert track.counters.dropped_rtcp_packets == 999


class Incomparable(bytes):
    """A packet that is compared to no other: a thousand to a thousand would take long."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise AssertionError("packets are compared")


def test_rtp_among_much_rtcp_is_told_without_comparing_packets(stage: Any) -> None:
    track, sink = heard(stage)
    source = stage.video()
    picture = list(map(Incomparable, source.picture(3)))
    report = Incomparable(source.report(NTP))
    track.write_rtcp([packet for one in picture for packet in (one, report)])
    assert list(map(bytes, sink.packets)) == list(map(bytes, picture))
    assert track.counters.rtcp_packets == len(picture)


def test_rtcp_among_the_rtp_is_told_by_its_type_and_the_other_way_round(stage: Any) -> None:
    """RFC 5761: with a=rtcp-mux both come on one way, whatever the channel says."""
    track, sink = heard(stage)
    source = stage.video()
    picture, report = source.picture(3), source.report(NTP)
    short = receiver_report(source.ssrc, cname="c")[:8]
    track.write([picture[0], report, short, *picture[1:]])
    assert sink.packets == picture
    assert sink.rtcp == [report, short]
    more = source.picture(2)
    track.write_rtcp([more[0], report, more[1]])
    assert sink.packets == picture + more
    assert sink.rtcp == [report, short, report]
    assert track.counters.invalid_packets == track.counters.invalid_rtcp_packets == 0


@pytest.mark.parametrize("tail", [b"\x81\xca\x00\x09abc", b"\x00\x00", b"\x80"])
def test_a_good_report_with_a_broken_tail_is_relayed_without_it(stage: Any, tail: bytes) -> None:
    track, sink = heard(stage)
    source = stage.video()
    track.write(source.picture(1))
    report = source.report(NTP)[:28]
    track.write_rtcp([report + tail])
    assert sink.rtcp == [report]
    assert track.last_report == report
    assert track.counters.invalid_rtcp_packets == 1
    track.write_rtcp([source.report(NTP)[:24]])
    assert sink.rtcp == [report]
    assert track.counters.invalid_rtcp_packets == 2


def test_a_report_of_nobody_beside_retransmissions_is_of_the_media_or_is_not_relayed(
    stage: Any,
) -> None:
    track, sink = heard(
        stage, "m=video 0 RTP/AVP 96 97\na=rtpmap:96 H264/90000\na=rtpmap:97 rtx/90000\n"
    )
    track.write(stage.video().picture(3))
    track.continue_with(track.media, Splice({0: track.position}))
    new, again = stage.video(ssrc=0x7777, timestamp=10**9), stage.video(ssrc=0x9, payload_type=97)
    stage.advance(1.0)
    track.write([*new.picture(3), again.packet()])
    near = sender_report(5, ntp=NTP, rtp_timestamp=10**9, packets=0, octets=0, cname="x")
    far = sender_report(6, ntp=NTP, rtp_timestamp=5, packets=0, octets=0, cname="x")
    track.write_rtcp([near, far])
    (told,) = (parse_rtcp(compound)[0] for compound in sink.rtcp)
    assert isinstance(told, SenderReport)
    assert (told.ssrc, told.rtp_timestamp) == (0x1111, timestamp(sink.packets[3]))


def test_reports_of_many_nobodies_push_no_source_out(stage: Any) -> None:
    track, _ = heard(stage)
    source = stage.video()
    track.write(source.picture(3))
    for number in range(100):
        stray = sender_report(number, ntp=NTP, rtp_timestamp=0, packets=0, octets=0, cname="x")
        track.write_rtcp([stray])
    track.write(source.picture(3))
    report = parse_rtcp(track.receiver_report(9, stage.now, "s"))[0]
    assert isinstance(report, ReceiverReport)
    assert [(block.ssrc, block.highest_sequence) for block in report.blocks] == [(0x1111, 105)]
    assert report.blocks[0].last_sr == NTP >> 16 & 0xFFFFFFFF


def test_a_report_of_nobody_is_of_the_only_source_and_moves_with_it(stage: Any) -> None:
    """RootEncoder and smolrtsp wrote the source of their reports with its bytes swapped."""
    track, sink = heard(stage)
    old = stage.video()
    track.write(old.picture(1))
    stray = sender_report(5, ntp=NTP, rtp_timestamp=old.timestamp, packets=0, octets=0, cname="x")
    track.write_rtcp([stray])
    assert sink.rtcp == [stray] == [track.last_report]
    track.continue_with(stage.presentation().media[0], Splice({0: track.position}))
    new = stage.video(ssrc=0x7777, seq=30_000, timestamp=10**9)
    stage.advance(1.0)
    track.write(new.picture(1))
    stray = sender_report(5, ntp=NTP, rtp_timestamp=new.timestamp, packets=0, octets=0, cname="x")
    track.write_rtcp([stray])
    moved = parse_rtcp(sink.rtcp[-1])[0]
    assert isinstance(moved, SenderReport)
    assert moved.rtp_timestamp == timestamp(sink.packets[-1])


def test_a_source_for_each_group_goes_on_through_a_splice(stage: Any) -> None:
    """Uniview cameras: numbers and clock go on across sources, and so they do for readers."""
    track, sink = heard(stage)

    def groups(names: range, seq: int, at: int) -> None:
        for name in names:
            source = stage.video(ssrc=name, seq=seq, timestamp=at)
            for _ in range(5):
                track.write(source.picture(2))
                source.timestamp += 3600
                stage.advance(0.04)
            seq, at = source.seq, source.timestamp

    groups(range(0x1000, 0x1006), 100, 0)
    track.continue_with(stage.presentation().media[0], Splice({0: track.position}))
    groups(range(0x2000, 0x2006), 30_000, 10**9)
    numbers = [sequence_number(packet) for packet in sink.packets]
    assert numbers == list(range(100, 100 + len(numbers)))
    stamps = [timestamp(packet) for packet in sink.packets]
    assert all(0 <= later - earlier <= 12_600 for earlier, later in pairwise(stamps))


def run_of(packets: list[bytes], segment_bytes: int = 60) -> bytes:
    """The packets back to back, all but the last one filled up to one size."""
    whole = [packet.ljust(segment_bytes, b"\x07")[:segment_bytes] for packet in packets[:-1]]
    return b"".join((*whole, packets[-1][:segment_bytes]))


REPORT = sender_report(7, ntp=NTP, rtp_timestamp=0, packets=1, octets=1, cname="x")
RUNS: dict[str, Callable[[Any], bytes]] = {
    "one packet": lambda source: run_of(source.picture(1)),
    "a picture": lambda source: run_of(source.picture(5)),
    "a key frame behind a picture": lambda source: run_of(
        source.picture(2) + source.picture(3, key=True)
    ),
    "packets lost": lambda source: run_of(source.picture(6)[3:]),
    "a report among them": lambda source: run_of(
        [*source.picture(2), REPORT.ljust(60, b"\0"), b"\x80" * 12]
    ),
    "another version": lambda source: run_of([*source.picture(1), b"\x40" * 60, b"\x80" * 20]),
    "an end too short for RTP": lambda source: run_of([*source.picture(2), b"\x80" * 11]),
    "nothing but what is too short": lambda source: b"\x80" * 11,
}


def counted(track: Any) -> dict[str, float]:
    return {name: getattr(track.counters, name) for name in track.counters.__slots__}


@pytest.mark.parametrize("again", [False, True], ids=["first publisher", "next publisher"])
def test_a_run_is_written_as_its_packets_are(stage: Any, again: bool) -> None:
    tracks = [heard(stage), heard(stage)]
    sources = [stage.video(), stage.video()]
    for each in sources:
        each.ssrc = 77
    for number, run_from in enumerate(RUNS.values()):
        stage.advance(0.04)
        runs = [run_from(source) for source in sources]
        assert runs[0] == runs[1]
        (listed, _), (run, _) = tracks
        if again and number == 1:
            for track, _ in tracks:
                track.continue_with(track.media, Splice({0: track.position}))
        listed.write(cut_run(runs[0], 60))
        run.write_run(runs[1], min(len(runs[1]), 60))
    (listed, by_list), (run, by_run) = tracks
    assert by_run.packets == by_list.packets
    assert len(by_run.packets) > 15
    assert [(each.key_frame_index, each.arrived_s, each.size_bytes) for each in by_run.batches] == [
        (each.key_frame_index, each.arrived_s, each.size_bytes) for each in by_list.batches
    ]
    assert counted(run) == counted(listed)
    assert run.counters.lost_packets
    assert run.counters.invalid_packets
    assert run.jitter_s == listed.jitter_s
    assert run.position == listed.position


def built_frames(batch: PacketBatch, channel: int) -> bytes:
    """The batch's frames, as an outlet that takes them on this channel gets them."""
    return batch.shared(FRAMES_KEYS[channel], lambda it: frame_interleaved(channel, it.packets))


@pytest.mark.parametrize("as_runs", [False, True])
def test_frames_go_out_as_they_came_on_the_channel_they_came_on(stage: Any, as_runs: bool) -> None:
    track, sink = heard(stage)
    source = stage.video()
    for number in range(3):
        packets = source.picture(3)
        frames = frame_interleaved(2, packets)
        if as_runs:
            track.write_run(b"".join(packets), len(packets[0]), frames)
        else:
            track.write(list(packets), frames)
        batch = sink.batches[number]
        assert built_frames(batch, 2) is frames
        assert built_frames(batch, 4) == frame_interleaved(4, packets)


def test_frames_of_packets_that_do_not_all_go_on_as_they_came_are_built_anew(stage: Any) -> None:
    track, sink = heard(stage)
    old = stage.video()
    packets = old.picture(2)
    among = [packets[0], old.report(NTP), packets[1]]
    track.write(list(among), frame_interleaved(0, among))
    assert built_frames(sink.batches[0], 0) == frame_interleaved(0, packets)
    track.continue_with(stage.presentation().media[0], Splice({0: track.position}))
    moved = stage.video(ssrc=0x7777, seq=30_000).picture(2)
    track.write(list(moved), frame_interleaved(0, moved))
    assert sink.batches[1].packets != moved
    assert built_frames(sink.batches[1], 0) == frame_interleaved(0, sink.batches[1].packets)
