"""Rates of a mount from what it had counted at several moments."""

from __future__ import annotations

import pytest
from board_rig import MakeMount

from headwater.control.board.meter import Meter, Rates


def looks(make_mount: MakeMount, *moments: tuple[float, dict[str, int]]) -> Rates:
    """Return the rates after looks at these moments, of a mount that opened at 100 s."""
    meter = Meter(100.0)
    for at_s, counted in moments:
        rates = meter.look(make_mount(at_s, track=counted), at_s)
    return rates


def test_the_first_look_counts_from_the_opening(make_mount: MakeMount) -> None:
    rates = looks(make_mount, (110.0, {"bytes": 1_000_000, "packets": 990, "lost_packets": 10}))
    assert rates.bits_per_s == 800_000
    assert rates.lost_share == pytest.approx(0.01)
    assert rates.passed_s == 10.0


def test_what_comes_at_once_is_no_high_rate(make_mount: MakeMount) -> None:
    assert looks(make_mount, (100.1, {"bytes": 125_000})).bits_per_s == 1_000_000


def test_the_bit_rate_is_of_the_last_seconds(make_mount: MakeMount) -> None:
    still = [(100.0 + 2 * n, {"bytes": 1000}) for n in range(1, 20)]
    rates = looks(make_mount, *still, (140.0, {"bytes": 76_000}))
    assert rates.bits_per_s == pytest.approx(75_000 * 8 / 6)


def test_losses_are_of_the_last_half_minute(make_mount: MakeMount) -> None:
    old = [(100.0 + 2 * n, {"packets": 1000 * n, "lost_packets": 500}) for n in range(1, 40)]
    rates = looks(make_mount, *old)
    assert rates.lost_packets == 0
    assert 28.0 <= rates.passed_s <= 32.0


def test_packets_that_come_late_are_no_negative_loss(make_mount: MakeMount) -> None:
    rates = looks(
        make_mount, (102.0, {"lost_packets": 9}), (140.0, {"lost_packets": 9}), (141.0, {})
    )
    assert rates.lost_packets == 0


@pytest.mark.parametrize(
    ("frames", "distance_s"),
    [
        (lambda n: n, 2.0),
        (lambda n: 2 * n, 1.0),
        (lambda n: n // 3, 6.0),
        (lambda n: 1, None),
        (lambda n: 0, None),
    ],
)
def test_the_distance_of_key_frames(
    make_mount: MakeMount, frames: object, distance_s: float | None
) -> None:
    assert callable(frames)
    moments = [(100.0 + 2 * n, {"key_frames": frames(n)}) for n in range(1, 12)]
    assert looks(make_mount, *moments).key_frame_distance_s == distance_s


@pytest.mark.parametrize("frames", [30, 2])
def test_a_first_look_after_a_while_tells_the_distance_of_key_frames(
    make_mount: MakeMount, frames: int
) -> None:
    rates = looks(make_mount, (160.0, {"key_frames": frames}))
    assert rates.key_frame_distance_s == 60.0 / frames


def test_a_look_just_after_the_first_one_makes_no_short_distance(make_mount: MakeMount) -> None:
    rates = looks(make_mount, (160.0, {"key_frames": 30}), (160.1, {"key_frames": 31}))
    assert rates.key_frame_distance_s == pytest.approx(60.1 / 31)


def test_a_look_long_after_the_last_one_tells_the_distance_of_key_frames(
    make_mount: MakeMount,
) -> None:
    rates = looks(make_mount, (160.0, {"key_frames": 30}), (460.0, {"key_frames": 180}))
    assert rates.key_frame_distance_s == 2.0


def test_one_key_frame_since_the_opening_has_no_distance(make_mount: MakeMount) -> None:
    assert looks(make_mount, (160.0, {"key_frames": 1})).key_frame_distance_s is None
