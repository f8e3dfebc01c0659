from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.media.sources import MOST_SOURCES, SourceTable


def packet(seq: int, ssrc: int = 1, timestamp: int = 0) -> bytes:
    return pack(">BBHII", 0x80, 96, seq & 0xFFFF, timestamp, ssrc)


def packets(*seqs: int, ssrc: int = 1) -> list[bytes]:
    return [packet(seq, ssrc) for seq in seqs]


def test_a_track_that_heard_nothing_has_nothing_to_report() -> None:
    table = SourceTable(90_000)
    assert (table.current, table.lost, table.jitter_s) == (None, 0, 0.0)
    assert table.report_blocks(0.0) == []
    table.sample(packet(0), 1.0)
    table.receive_sender_report(1, 1 << 40, 1.0)
    assert table.report_blocks(0.0) == []


def test_packets_in_a_row_are_a_smooth_run() -> None:
    table = SourceTable(90_000)
    assert table.receive(packets(65_530, 65_531))
    assert not table.receive(packets(*range(65_532, 65_540)))
    assert not table.receive(packets(65_540))
    assert (table.current, table.lost) == (1, 0)
    (block,) = table.report_blocks(0.0)
    assert block.highest_sequence == 65_540
    assert (block.ssrc, block.cumulative_lost, block.fraction_lost) == (1, 0, 0)


def test_gaps_are_loss_and_late_packets_take_it_back() -> None:
    table = SourceTable(90_000)
    table.receive(packets(0, 1, 2))
    assert table.receive(packets(5, 6))
    assert table.lost == 2
    assert table.receive(packets(3))
    assert table.lost == 1
    assert not table.receive(packets(7))
    (block,) = table.report_blocks(0.0)
    assert block.cumulative_lost == 1
    assert block.fraction_lost == 256 // 8


def test_a_gap_inside_a_batch_is_seen() -> None:
    table = SourceTable(90_000)
    table.receive(packets(0))
    assert table.receive(packets(1, 2, 4))
    assert table.lost == 1


def test_long_runs_are_told_in_parts() -> None:
    table = SourceTable(90_000)
    for start in range(0, 200_000, 50):
        table.receive(packets(*range(start, start + 50)))
    (block,) = table.report_blocks(0.0)
    assert block.highest_sequence == 199_999
    assert table.lost == 0


def test_several_sources_in_one_batch_are_told_apart() -> None:
    table = SourceTable(90_000)
    for start in (0, 2):
        mixed = packets(start, start + 1, ssrc=1) + packets(900 + start, 901 + start, ssrc=2)
        table.receive([mixed[0], mixed[2], mixed[1], mixed[3]])
    assert table.lost == 0
    assert table.current == 2
    blocks = {block.ssrc: block for block in table.report_blocks(0.0)}
    assert blocks[1].highest_sequence == 3
    assert blocks[2].highest_sequence == 903


def test_a_change_of_source_is_no_loss() -> None:
    table = SourceTable(90_000)
    table.receive(packets(10, 11))
    assert table.receive(packets(5000, 5001, ssrc=9))
    assert table.receive(packets(12, ssrc=1))
    assert table.lost == 0


def test_the_source_that_came_first_makes_room() -> None:
    table = SourceTable(90_000)
    table.receive(packets(0, 2))
    for ssrc in range(2, MOST_SOURCES + 2):
        table.receive(packets(0, 2, ssrc=ssrc))
    assert len(table.report_blocks(0.0)) == MOST_SOURCES
    assert {block.ssrc for block in table.report_blocks(0.0)} == set(range(2, MOST_SOURCES + 2))
    assert table.lost == MOST_SOURCES + 1


def test_forgetting_keeps_the_count_of_losses() -> None:
    table = SourceTable(90_000)
    table.receive(packets(0, 2))
    table.forget()
    assert (table.current, table.lost) == (None, 1)
    assert table.receive(packets(40_000, 40_001))
    assert table.lost == 1


def test_reports_name_the_last_sender_report() -> None:
    table = SourceTable(90_000)
    table.receive(packets(0))
    table.receive_sender_report(1, 0x0000_1234_5678_0000, 10.0)
    (block,) = table.report_blocks(10.5)
    assert block.last_sr == 0x1234_5678
    assert block.delay_since_last_sr == 32_768


def test_jitter_is_of_the_present_source() -> None:
    table = SourceTable(90_000)
    table.receive(packets(0))
    table.sample(packet(0, timestamp=0), 0.0)
    assert table.jitter_s == 0.0
    table.receive(packets(1))
    table.sample(packet(1, timestamp=3600), 0.2)
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
            table.receive(packets(*(start + number for number in there[at : at + size])))
        at += size
    assert table.lost == there[-1] - there[0] + 1 - len(there)
