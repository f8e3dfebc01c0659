from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.media.tracks.packet_batch import PacketBatch
from headwater.media.tracks.sources import MAIN_SILENCE_S, MOST_SOURCES, SourceTable


def packet(seq: int, ssrc: int = 1, timestamp: int = 0) -> bytes:
    return pack(">BBHII", 0x80, 96, seq & 0xFFFF, timestamp, ssrc)


def packets(*seqs: int, ssrc: int = 1) -> list[bytes]:
    return [packet(seq, ssrc) for seq in seqs]


def receive(table: SourceTable, came: list[bytes], at_s: float) -> bool:
    """Give a batch to a table; whether it was anything but a smooth continuation."""
    batch = PacketBatch(came, at_s)
    return not table.receive(batch) and table.receive(batch, apart=True)


def test_a_track_that_heard_nothing_has_nothing_to_report() -> None:
    table = SourceTable(90_000)
    assert (table.main, table.lost, table.jitter_s) == (None, 0, 0.0)
    assert table.report_blocks(0.0) == []
    table.receive_sender_report(1, 1 << 40, 1.0)
    assert table.report_blocks(0.0) == []


def test_packets_in_a_row_are_a_smooth_run() -> None:
    table = SourceTable(90_000)
    assert receive(table, packets(65_530, 65_531), 0.0)
    assert not receive(table, packets(*range(65_532, 65_540)), 0.0)
    assert not receive(table, packets(65_540), 0.0)
    assert (table.main, table.lost) == (1, 0)
    (block,) = table.report_blocks(0.0)
    assert block.highest_sequence == 65_540
    assert (block.ssrc, block.cumulative_lost, block.fraction_lost) == (1, 0, 0)


def test_gaps_are_loss_and_late_packets_take_it_back() -> None:
    table = SourceTable(90_000)
    receive(table, packets(0, 1, 2), 0.0)
    assert receive(table, packets(5, 6), 0.0)
    assert table.lost == 2
    assert receive(table, packets(3), 0.0)
    assert table.lost == 1
    assert not receive(table, packets(7), 0.0)
    (block,) = table.report_blocks(0.0)
    assert block.cumulative_lost == 1
    assert block.fraction_lost == 256 // 8


def test_a_gap_inside_a_batch_is_seen() -> None:
    table = SourceTable(90_000)
    receive(table, packets(0), 0.0)
    assert receive(table, packets(1, 2, 4), 0.0)
    assert table.lost == 1


@pytest.mark.parametrize(
    "sequence",
    [
        pytest.param([*range(100, 107), *range(20_000, 20_009)], id="a new beginning ahead"),
        pytest.param([*range(100, 107), *range(60_000, 60_009)], id="a new beginning behind"),
        pytest.param([*range(65_530, 65_540), 20_000, *range(65_540, 65_546)], id="a stray"),
    ],
)
@pytest.mark.parametrize("cut", range(1, 16))
def test_numbers_that_begin_anew_within_a_batch_are_no_loss(sequence: list[int], cut: int) -> None:
    table = SourceTable(90_000)
    receive(table, packets(*sequence[:cut]), 0.0)
    receive(table, packets(*sequence[cut:]), 0.04)
    receive(table, packets(*range(sequence[-1] + 1, sequence[-1] + 9)), 0.08)
    assert table.lost == 0
    (block,) = table.report_blocks(1.0)
    assert block.highest_sequence & 0xFFFF == sequence[-1] + 8 & 0xFFFF


def test_long_runs_are_told_in_parts() -> None:
    table = SourceTable(90_000)
    for start in range(0, 200_000, 50):
        receive(table, packets(*range(start, start + 50)), 0.0)
    (block,) = table.report_blocks(0.0)
    assert block.highest_sequence == 199_999
    assert table.lost == 0


def test_several_sources_in_one_batch_are_told_apart() -> None:
    table = SourceTable(90_000)
    for start in (0, 2):
        mixed = packets(start, start + 1, ssrc=1) + packets(900 + start, 901 + start, ssrc=2)
        receive(table, [mixed[0], mixed[2], mixed[1], mixed[3]], 0.0)
    assert table.lost == 0
    assert table.main == 1
    blocks = {block.ssrc: block for block in table.report_blocks(0.0)}
    assert blocks[1].highest_sequence == 3
    assert blocks[2].highest_sequence == 903


def test_a_change_of_source_is_no_loss() -> None:
    table = SourceTable(90_000)
    receive(table, packets(10, 11), 0.0)
    assert receive(table, packets(5000, 5001, ssrc=9), 0.0)
    assert receive(table, packets(12, ssrc=1), 0.0)
    assert table.lost == 0


def test_the_source_that_came_first_makes_room() -> None:
    table = SourceTable(90_000)
    receive(table, packets(0, 2), 0.0)
    for ssrc in range(2, MOST_SOURCES + 2):
        receive(table, packets(0, 2, ssrc=ssrc), 0.0)
    assert len(table.report_blocks(0.0)) == MOST_SOURCES
    assert {block.ssrc for block in table.report_blocks(0.0)} == set(range(2, MOST_SOURCES + 2))
    assert table.lost == MOST_SOURCES + 1


def test_forgetting_keeps_the_count_of_losses() -> None:
    table = SourceTable(90_000)
    receive(table, packets(0, 2), 0.0)
    table.forget()
    assert (table.main, table.lost) == (None, 1)
    assert receive(table, packets(40_000, 40_001), 0.0)
    assert table.lost == 1


def test_reports_name_the_last_sender_report() -> None:
    table = SourceTable(90_000)
    receive(table, packets(0), 0.0)
    table.receive_sender_report(1, 0x0000_1234_5678_0000, 10.0)
    (block,) = table.report_blocks(10.5)
    assert block.last_sr == 0x1234_5678
    assert block.delay_since_last_sr == 32_768


def test_jitter_is_of_the_present_source() -> None:
    table = SourceTable(90_000)
    receive(table, packets(0), 0.0)
    assert table.jitter_s == 0.0
    receive(table, [packet(1, timestamp=3600)], 0.2)
    assert table.jitter_s == pytest.approx(0.16 / 16, abs=1e-4)


@given(
    st.lists(st.integers(min_value=1, max_value=40), min_size=1, max_size=30),
    st.sets(st.integers(min_value=1, max_value=300)),
    st.integers(min_value=0, max_value=0xFFFF),
)
def test_loss_is_what_is_missing_however_it_is_cut(
    sizes: list[int], missing: set[int], start: int
) -> None:
    table = SourceTable(90_000)
    there = [number for number in range(sum(sizes)) if number not in missing]
    at = 0
    for size in sizes:
        if there[at : at + size]:
            receive(table, packets(*(start + number for number in there[at : at + size])), 0.0)
        at += size
    assert table.lost == there[-1] - there[0] + 1 - len(there)


def test_the_main_source_is_the_one_with_the_most_packets_whoever_came_last() -> None:
    table = SourceTable(90_000)
    receive(table, packets(40_000, ssrc=9), 1.0)
    receive(table, packets(10, 11, 12), 1.1)
    receive(table, packets(13), 1.2)
    receive(table, packets(40_001, ssrc=9), 1.3)
    assert table.main == 1
    end = table.position
    assert end is not None
    assert (end.ssrc, end.next_seq, end.arrived_s) == (1, 14, 1.2)


def test_a_source_that_fell_silent_is_not_the_main_one_any_more() -> None:
    table = SourceTable(90_000)
    receive(table, packets(*range(50)), 1.0)
    receive(table, packets(7, ssrc=9), 1.0 + MAIN_SILENCE_S)
    assert table.main == 1
    receive(table, packets(8, ssrc=9), 1.1 + MAIN_SILENCE_S)
    assert table.main == 9
    table.forget()
    assert [table.main, table.position] == [None, None]


def test_the_highest_timestamp_is_that_of_the_recent_pictures_across_the_wrap() -> None:
    table = SourceTable(90_000)
    # An intra picture, a predicted one, and the B-frames that are shown before that.
    for seq, timestamp in enumerate((0xFFFF_F000, 0x2000, 0xFFFF_FF00, 0x500)):
        one = packet(seq, timestamp=timestamp)
        receive(table, [one], float(seq))
    end = table.position
    assert end is not None
    assert (end.timestamp, end.highest_timestamp) == (0x500, 0x2000)


def test_pictures_that_change_order_within_the_last_batch_count() -> None:
    table = SourceTable(90_000)
    receive(table, [packet(seq, timestamp=at) for seq, at in enumerate((0, 9000, 3000))], 1.0)
    end = table.position
    assert end is not None
    assert (end.timestamp, end.highest_timestamp) == (3000, 9000)


def test_a_clock_that_begins_anew_far_back_is_believed() -> None:
    table = SourceTable(90_000)
    for seq, timestamp in enumerate((900_000_000, 5, 3005)):
        one = packet(seq, timestamp=timestamp)
        receive(table, [one], float(seq))
    end = table.position
    assert end is not None
    assert end.highest_timestamp == 3005


def test_jitter_is_each_sources_own() -> None:
    table = SourceTable(90_000)
    for seq in range(20):
        mixed = [packet(seq, timestamp=seq * 3600), packet(seq, ssrc=9, timestamp=5)]
        receive(table, mixed, seq * 0.04)
    assert table.jitter_s == 0.0
    assert table.main == 1


@pytest.mark.parametrize("count", [1, 2, 7])
@pytest.mark.parametrize("short_bytes", [0, 12, 40])
def test_a_run_is_received_as_its_packets_are(count: int, short_bytes: int) -> None:
    one_by_one, as_runs = SourceTable(90_000), SourceTable(90_000)
    for batch in (0, 1, 2, 2, 40_000, 3):
        came = [packet(batch * count + each, 5, batch * 3600) + bytes(48) for each in range(count)]
        came[-1] = came[-1][: short_bytes or None]
        run = PacketBatch.of_run(b"".join(came), 60, float(batch))
        told = not as_runs.receive(run) and as_runs.receive(run, apart=True)
        assert told == receive(one_by_one, came, float(batch))
        assert as_runs.position == one_by_one.position
    assert as_runs.lost == one_by_one.lost
    assert as_runs.jitter_s == one_by_one.jitter_s
    assert as_runs.report_blocks(9.0) == one_by_one.report_blocks(9.0)


@pytest.mark.parametrize("batches", [3, 16, 17, 100])
def test_it_does_not_matter_when_the_statistics_are_asked_for(batches: int) -> None:
    always, late = SourceTable(90_000), SourceTable(90_000)
    for batch in range(batches):
        came = [packet(2 * batch + each, timestamp=batch * 3600) for each in range(2)]
        at_s = batch * 0.04 + (batch % 7) * 0.003
        assert receive(always, came, at_s) == receive(late, came, at_s) == (batch == 0)
        assert always.position is not None
    assert always.jitter_s > 0
    assert late.jitter_s == always.jitter_s
    assert late.position == always.position
    assert late.report_blocks(9.0) == always.report_blocks(9.0)
