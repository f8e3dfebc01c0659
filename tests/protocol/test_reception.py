import random

import pytest

from headwater.protocol.reception import ReceptionStatistics


def receive(statistics: ReceptionStatistics, *batches: tuple[int, int, int]) -> None:
    for first, last, count in batches:
        statistics.receive_batch(first, last, count)


def test_before_any_packet() -> None:
    statistics = ReceptionStatistics(90_000)
    assert (statistics.expected, statistics.received, statistics.lost) == (0, 0, 0)
    block = statistics.report_block(7, 100.0)
    assert (block.ssrc, block.fraction_lost, block.cumulative_lost) == (7, 0, 0)
    assert (block.highest_sequence, block.jitter, block.last_sr) == (0, 0, 0)
    assert block.delay_since_last_sr == 0


@pytest.mark.parametrize(
    ("batches", "expected", "received", "highest"),
    [
        ([(10, 10, 1)], 1, 1, 10),
        ([(10, 19, 10), (20, 29, 10)], 20, 20, 29),
        ([(10, 19, 10), (25, 29, 5)], 20, 15, 29),
        ([(10, 19, 8)], 10, 8, 19),
        ([(65530, 5, 12)], 12, 12, 65536 + 5),
        ([(65530, 65535, 6), (0, 5, 6)], 12, 12, 65536 + 5),
        ([(10, 12, 3), (14, 14, 1), (13, 13, 1), (15, 15, 1)], 6, 6, 15),
        ([(10, 12, 3), (12, 12, 1)], 3, 4, 12),
        ([(10, 8, 3), (11, 11, 1)], 2, 4, 11),
        ([(0, 0, 1), (2999, 2999, 1)], 3000, 2, 2999),
    ],
    ids=[
        "one",
        "in order",
        "gap between batches",
        "gap in a batch",
        "wrap in a batch",
        "wrap between batches",
        "late",
        "duplicate",
        "batch that ends before it began",
        "largest gap",
    ],
)
def test_expected_and_received(
    batches: list[tuple[int, int, int]], expected: int, received: int, highest: int
) -> None:
    statistics = ReceptionStatistics(90_000)
    receive(statistics, *batches)
    assert (statistics.expected, statistics.received) == (expected, received)
    assert statistics.highest_sequence == highest
    assert statistics.lost == max(0, expected - received)
    assert statistics.restarts == 0


def test_fraction_lost_is_of_the_time_between_reports() -> None:
    statistics = ReceptionStatistics(90_000)
    receive(statistics, (0, 99, 75))
    assert statistics.report_block(1, 0.0).fraction_lost == 64
    receive(statistics, (100, 199, 100))
    second = statistics.report_block(1, 0.0)
    assert (second.fraction_lost, second.cumulative_lost) == (0, 25)
    # Duplicates: a negative loss counts as none, but lowers the sum.
    receive(statistics, (200, 209, 40))
    third = statistics.report_block(1, 0.0)
    assert (third.fraction_lost, third.cumulative_lost) == (0, -5)
    assert statistics.lost == 0
    assert statistics.report_block(1, 0.0).fraction_lost == 0


def test_a_stray_packet_changes_nothing() -> None:
    statistics = ReceptionStatistics(90_000)
    receive(statistics, (100, 199, 100), (40_000, 40_000, 1), (200, 209, 10))
    assert (statistics.expected, statistics.received, statistics.restarts) == (110, 110, 0)


@pytest.mark.parametrize(
    "restart",
    [[(40_000, 40_000, 1), (40_001, 40_001, 1)], [(40_000, 40_009, 10)]],
    ids=["two single packets in sequence", "a batch"],
)
def test_a_restart_begins_anew_and_keeps_what_was_lost(restart: list[tuple[int, int, int]]) -> None:
    statistics = ReceptionStatistics(90_000)
    receive(statistics, (100, 199, 90), *restart)
    assert statistics.restarts == 1
    assert statistics.lost == 10
    assert statistics.expected == statistics.received
    assert statistics.report_block(1, 0.0).cumulative_lost == 0


def test_late_by_more_than_a_hundred_is_no_late_packet() -> None:
    statistics = ReceptionStatistics(90_000)
    receive(statistics, (1000, 1000, 1), (899, 899, 1))
    assert statistics.received == 1
    receive(statistics, (901, 901, 1))
    assert statistics.received == 2


def test_batches_say_the_same_as_single_packets() -> None:
    rng = random.Random(7)
    sequence = [number & 0xFFFF for number in range(65_000, 67_000) if rng.random() > 0.05]
    single = ReceptionStatistics(90_000)
    receive(single, *((number, number, 1) for number in sequence))
    batched = ReceptionStatistics(90_000)
    at = 0
    while at < len(sequence):
        batch = sequence[at : at + rng.randint(1, 40)]
        batched.receive_batch(batch[0], batch[-1], len(batch))
        at += len(batch)
    assert single.report_block(1, 0.0) == batched.report_block(1, 0.0)
    assert single.lost > 50


def test_jitter_as_the_rfc_reckons_it() -> None:
    # RFC 3550 §A.8 with floating point: J += (|D| - J) / 16.
    statistics = ReceptionStatistics(8_000)
    expected = 0.0
    transits = [0, 80, 0, 400, 400, 16]
    for index, transit in enumerate(transits):
        statistics.receive_timestamps([(index * 160, (index * 160 + transit) / 8_000)])
        if index:
            expected += (abs(transit - transits[index - 1]) - expected) / 16
    assert statistics.jitter == int(expected) > 0


def test_jitter_over_a_timestamp_wrap() -> None:
    statistics = ReceptionStatistics(90_000)
    for index in range(10):
        statistics.receive_timestamps([((2**32 - 9_000 + index * 3_000) % 2**32, 50 + index / 30)])
    assert statistics.jitter == 0


def test_samples_told_together_are_as_if_told_one_by_one() -> None:
    samples = [(1 << 32) - 9_000 + index * 3_000 + index % 3 * 400 for index in range(12)]
    came = [(each % (1 << 32), 50 + index / 30) for index, each in enumerate(samples)]
    came.insert(6, (900_000_000, 50.19))
    together, single = ReceptionStatistics(90_000), ReceptionStatistics(90_000)
    together.receive_timestamps(came[:5])
    together.receive_timestamps(came[5:])
    for sample in came:
        single.receive_timestamps([sample])
    assert together.jitter == single.jitter > 0
    assert together.steady_timestamp(51.0) == single.steady_timestamp(51.0)


def test_time_since_the_last_sender_report() -> None:
    statistics = ReceptionStatistics(90_000)
    statistics.receive_sender_report(0x1111222233334444, 10.0)
    block = statistics.report_block(1, 12.5)
    assert block.last_sr == 0x22223333
    assert block.delay_since_last_sr == int(2.5 * 65_536)
    assert statistics.report_block(1, 9.0).delay_since_last_sr == 0
    assert statistics.report_block(1, 1e9).delay_since_last_sr == 0xFFFFFFFF


def test_the_steady_timestamp_lies_between_pictures_that_come_out_of_order() -> None:
    statistics = ReceptionStatistics(90_000)
    assert statistics.steady_timestamp(1.0) is None
    order = [0] + [first + place for first in range(1, 61, 3) for place in (2, 0, 1)]
    for number, place in enumerate(order):
        statistics.receive_timestamps([(0xFFFFF000 + place * 3600 & 0xFFFFFFFF, number * 0.04)])
        steady = statistics.steady_timestamp(number * 0.04)
        assert steady is not None
        expected = 0xFFFFF000 + number * 3600
        assert abs((steady - expected + 0x8000 & 0xFFFFFFFF) - 0x8000) < 900


def test_a_clock_that_begins_anew_is_steady_from_its_first_picture() -> None:
    statistics = ReceptionStatistics(90_000)
    statistics.receive_timestamps([(0, 0.0)])
    statistics.receive_timestamps([(900_000_000, 0.04)])
    assert statistics.steady_timestamp(0.04) == 900_000_000
    assert statistics.steady_timestamp(1.04) == 900_090_000
