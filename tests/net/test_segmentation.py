"""Runs carry every packet once, in order, within what the kernel takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.net.segmentation import MAX_RUN_BYTES, MAX_SEGMENTS, Run, plan_runs


def shape(runs: list[Run]) -> list[tuple[int, int]]:
    return [(run.segment_bytes, run.count) for run in runs]


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([], []),
        ([0, 0], []),
        ([10], [(10, 1)]),
        ([10, 10, 10], [(10, 3)]),
        ([10, 10, 4], [(10, 3)]),
        ([10, 10, 4, 4], [(10, 3), (4, 1)]),
        ([10, 10, 4, 10], [(10, 3), (10, 1)]),
        ([4, 10, 10], [(4, 1), (10, 2)]),
        ([10, 0, 10], [(10, 1), (10, 1)]),
        ([100] * 65, [(100, 64), (100, 1)]),
        ([1200] * 60, [(1200, 54), (1200, 6)]),
        ([65_507, 65_507], [(65_507, 1), (65_507, 1)]),
        ([70_000, 10], [(70_000, 1), (10, 1)]),
    ],
)
def test_shapes(sizes: list[int], expected: list[tuple[int, int]]) -> None:
    packets = [bytes([index % 251]) * size for index, size in enumerate(sizes)]
    assert shape(plan_runs(packets)) == expected


def test_one_segment_a_run() -> None:
    packets = [b"aa", b"bb", b"c"]
    assert plan_runs(packets, max_segments=1) == [Run(p, len(p), 1) for p in packets]


def test_a_run_of_one_shares_the_packet() -> None:
    packet = bytes(500)
    (run,) = plan_runs([packet])
    assert run.buffer is packet
    assert run.packets()[0] is packet


@given(
    st.lists(st.sampled_from([0, 1, 7, 100, 100, 100, 1400, 30_000]), max_size=150),
    st.integers(1, 64),
)
def test_every_packet_once_in_order_within_the_limits(sizes: list[int], segments: int) -> None:
    packets = [bytes([index % 256]) * size for index, size in enumerate(sizes)]
    runs = plan_runs(packets, max_segments=segments)
    assert [p for run in runs for p in run.packets()] == [p for p in packets if p]
    for run in runs:
        assert 1 <= run.count <= min(segments, MAX_SEGMENTS)
        assert len(run.buffer) <= MAX_RUN_BYTES
        assert len(run.packets()) == run.count
