"""Waits between attempts."""

from headwater.client.back_off import BackOff


def test_waits_grow_to_a_minute_and_no_further() -> None:
    back_off = BackOff()
    assert [back_off.next_s(0, 0.0) for _ in range(9)] == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_first_and_longest_wait_can_be_chosen() -> None:
    back_off = BackOff(first_s=10, most_s=30)
    assert [back_off.next_s(0, 0.0) for _ in range(4)] == [10, 20, 30, 30]


def test_chance_takes_up_to_a_half() -> None:
    assert BackOff().next_s(0, 1.0) == 0.5
    assert all(0.5 <= BackOff().next_s(0) <= 1.0 for _ in range(100))


def test_a_good_run_makes_the_next_wait_short_again() -> None:
    back_off = BackOff()
    for _ in range(6):
        back_off.next_s(10.0, 0.0)
    assert back_off.next_s(59.0, 0.0) == 60
    assert back_off.next_s(60.0, 0.0) == 1


def test_many_failures_do_not_overflow() -> None:
    back_off = BackOff()
    assert max(back_off.next_s(0, 0.0) for _ in range(5000)) == 60
