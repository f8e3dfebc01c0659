"""Waits between attempts."""

from headwater.cli.publish.backoff import Backoff


def test_waits_grow_to_half_a_minute_and_no_further() -> None:
    backoff = Backoff()
    assert [backoff.next_s(0, 0.0) for _ in range(8)] == [1, 2, 4, 8, 16, 30, 30, 30]


def test_chance_takes_up_to_a_half() -> None:
    assert Backoff().next_s(0, 1.0) == 0.5
    assert all(0.5 <= Backoff().next_s(0) <= 1.0 for _ in range(100))


def test_a_good_run_makes_the_next_wait_short_again() -> None:
    backoff = Backoff()
    for _ in range(5):
        backoff.next_s(10.0, 0.0)
    assert backoff.next_s(59.0, 0.0) == 30
    assert backoff.next_s(60.0, 0.0) == 1
