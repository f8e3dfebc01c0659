"""What the caches of all mounts keep together: bounded, counted, the largest give way."""

from __future__ import annotations

import gc
import tracemalloc
from typing import Any

import pytest

from headwater.media.cache_budget import CacheBudget
from headwater.media.gop_cache import GopCache
from headwater.media.tracks.packet_batch import PacketBatch

UNLIMITED = 1 << 40


def cache(budget: CacheBudget) -> GopCache:
    return GopCache(max_bytes=UNLIMITED, max_s=1e9, video=(0,), budget=budget)


def fill(log: GopCache, count: int, size: int = 1000) -> None:
    log.add(0, PacketBatch([bytes(size)], 0.0, 0))
    for _ in range(count):
        log.add(0, PacketBatch([bytes(size)], 0.0))


def test_it_counts_what_caches_hold_and_let_go() -> None:
    budget = CacheBudget(UNLIMITED)
    logs = [cache(budget) for _ in range(3)]
    for log in logs:
        fill(log, 10)
    assert budget.held_bytes == sum(log.held_bytes for log in logs) > 33_000
    fill(logs[0], 0)
    assert budget.held_bytes == sum(log.held_bytes for log in logs)
    logs[0].forget()
    logs[1].give_way()
    assert (budget.held_bytes, budget.left_bytes) == (logs[2].held_bytes, 0)
    left_bytes = logs[2].held_bytes
    logs[2].forget_publisher()
    assert (budget.held_bytes, budget.left_bytes) == (0, left_bytes)
    assert [log.overflows for log in logs] == [0, 1, 0]


def test_the_largest_give_way_and_make_room_for_a_while() -> None:
    budget = CacheBudget(100_000)
    small, large, growing = cache(budget), cache(budget), cache(budget)
    fill(small, 10)
    fill(large, 50)
    grown = 0
    growing.add(0, PacketBatch([bytes(1000)], 0.0, 0))
    while not budget.overflows:
        growing.add(0, PacketBatch([bytes(1000)], 0.0))
        grown += 1
        assert grown < 100
    assert [log.overflows for log in (small, large, growing)] == [0, 1, 0]
    assert len(small.entries) == 11
    assert budget.held_bytes <= 100_000 * 7 / 8
    # The one that gave way begins again with its next key frame.
    assert large.place_for((0,)) is None
    fill(large, 1)
    assert large.place_for((0,)) is not None


def test_one_that_grows_without_end_costs_the_others_nothing() -> None:
    budget = CacheBudget(1_000_000)
    others = [cache(budget) for _ in range(5)]
    for other in others:
        fill(other, 20)
    kept_packets = sum(len(batch) for _, batch in others[0].entries)
    greedy = cache(budget)
    for _ in range(5):
        fill(greedy, 2000)
        assert budget.held_bytes <= 1_000_000
    assert greedy.overflows >= 5
    assert [sum(len(b) for _, b in other.entries) for other in others] == [kept_packets] * 5


def test_a_cache_that_is_gone_is_forgotten() -> None:
    budget = CacheBudget(100)
    log = cache(budget)
    del log
    gc.collect()
    budget.make_room()
    assert budget.held_bytes == 0


@pytest.mark.parametrize("size", [12, 100, 1300])
@pytest.mark.parametrize("packets", [1, 50])
def test_what_is_counted_is_about_what_memory_it_takes(size: int, packets: int) -> None:
    log = cache(CacheBudget(UNLIMITED))
    count = 10_000 // packets
    tracemalloc.start()
    try:
        before_bytes = tracemalloc.get_traced_memory()[0]
        for number in range(count):
            made = [bytes([number & 0xFF]) * size for _ in range(packets)]
            log.add(0, PacketBatch(made, float(number), -1 if number else 0))
        taken_bytes = tracemalloc.get_traced_memory()[0] - before_bytes
    finally:
        tracemalloc.stop()
    assert 0.8 <= taken_bytes / log.held_bytes <= 1.2


def test_mounts_share_the_budget_of_their_table(stage: Any) -> None:
    table = stage.table()
    table.cache_budget.most_bytes = 20_000
    source = stage.video()
    mounts = [
        table.open(path, stage.presentation(), stage.FakePublisher()) for path in ("/a", "/b")
    ]
    for mount in mounts:
        for number in range(12):
            mount.tracks[0].write(source.picture(1, key=not number, size=900))
    assert table.cache_budget.overflows
    assert table.cache_budget.held_bytes <= 20_000
    for mount in mounts:
        mount.close("over")
    assert table.cache_budget.held_bytes == 0
    assert table.cache_budget.left_bytes > 0


def test_as_many_give_way_as_are_needed() -> None:
    budget = CacheBudget(UNLIMITED)
    logs = [cache(budget) for _ in range(3)]
    for log in logs:
        fill(log, 10)
    budget.most_bytes = logs[0].held_bytes * 3 // 2
    budget.make_room()
    assert sorted(log.overflows for log in logs) == [0, 1, 1]
    assert budget.held_bytes == logs[0].held_bytes + logs[1].held_bytes + logs[2].held_bytes
    # Where all together cannot make room, all gave way, and those that hold nothing count none.
    budget.most_bytes = -8
    budget.make_room()
    assert [log.overflows for log in logs] == [1, 1, 1]
    assert budget.held_bytes == 0
