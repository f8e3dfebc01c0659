"""The brake on guessing passwords, by a clock moved by hand."""

from __future__ import annotations

from typing import Any

from headwater.access.brake import Brake, BrakeLimits, Proceed, Queue, Refuse, Wait


def _brake(**changes: float) -> Brake:
    values: dict[str, float] = {
        "window_s": 60.0,
        "address_limit": 3,
        "pause_s": 30.0,
        "user_limit": 5,
        "user_delay_s": 2.0,
    }
    max_entries = int(changes.pop("max_entries", 10_000))
    limits = BrakeLimits(**(values | changes))  # type: ignore[arg-type]
    return Brake(limits, max_entries=max_entries)


def _fail(
    brake: Brake, times: int, peer: str = "192.0.2.1", user: str = "u", now: float = 0.0
) -> bool:
    paused = False
    for _ in range(times):
        attempt = brake.begin(peer, user, now)
        paused = brake.failed(attempt, now)
        brake.end(attempt)
    return paused


def test_address_is_refused_for_the_pause_and_no_longer() -> None:
    brake = _brake()
    assert not _fail(brake, 2)
    assert brake.judge("192.0.2.1", "u", 1.0) == Proceed()
    assert _fail(brake, 1, now=1.0)
    assert brake.judge("192.0.2.1", "u", 1.0) == Refuse(30.0)
    assert brake.judge("192.0.2.1", "someone else", 30.5) == Refuse(0.5)
    assert brake.judge("192.0.2.1", "u", 31.0) == Proceed()
    assert not _fail(brake, 2, now=31.0)
    assert _fail(brake, 1, now=31.0)


def test_other_addresses_are_not_concerned() -> None:
    brake = _brake()
    _fail(brake, 3)
    assert brake.judge("192.0.2.2", "u", 0.0) == Proceed()


def test_failures_outside_of_the_window_are_forgotten() -> None:
    brake = _brake()
    _fail(brake, 2, now=0.0)
    assert not _fail(brake, 2, now=61.0)


def test_user_under_attack_waits_but_is_never_refused() -> None:
    brake = _brake()
    for number in range(100):
        _fail(brake, 1, peer=f"198.51.100.{number}")
    assert brake.judge("192.0.2.1", "u", 0.0) == Wait(2.0)
    assert brake.judge("192.0.2.1", "other", 0.0) == Proceed()
    assert brake.judge("192.0.2.1", "u", 61.0) == Proceed()


def test_address_that_knows_the_user_does_not_wait() -> None:
    brake = _brake()
    brake.succeeded("192.0.2.1", "u")
    for number in range(100):
        _fail(brake, 1, peer=f"198.51.100.{number}")
    assert brake.judge("192.0.2.1", "u", 0.0) == Proceed()


def test_an_address_is_known_by_any_of_its_users() -> None:
    brake = _brake()
    brake.succeeded("2001:db8::1", "u")
    assert brake.knows("2001:db8::2")
    assert brake.knows("2001:db8::2", "u")
    assert not brake.knows("2001:db8::2", "other")
    assert not brake.knows("2001:db8:0:1::1")


def test_wrong_player_behind_a_nat_does_not_stop_the_known_ones() -> None:
    brake = _brake()
    brake.succeeded("192.0.2.1", "known")
    _fail(brake, 3, user="broken")
    assert brake.judge("192.0.2.1", "broken", 0.0) == Refuse(30.0)
    assert brake.judge("192.0.2.1", "known", 0.0) == Proceed()


def test_known_users_password_cannot_be_guessed_without_end_either() -> None:
    brake = _brake()
    brake.succeeded("192.0.2.1", "known")
    assert _fail(brake, 3, user="known")
    assert brake.judge("192.0.2.1", "known", 0.0) == Refuse(30.0)
    assert brake.judge("192.0.2.1", "other", 0.0) == Proceed()


def test_success_forgives_nothing() -> None:
    brake = _brake()
    _fail(brake, 2, user="victim")
    brake.succeeded("192.0.2.1", "attacker")
    assert _fail(brake, 1, user="victim")


def test_limits_of_zero_switch_it_off() -> None:
    brake = _brake(address_limit=0, user_limit=0)
    assert not _fail(brake, 1000)
    assert brake.judge("192.0.2.1", "u", 0.0) == Proceed()


def test_tables_are_bounded_and_drop_the_oldest() -> None:
    brake = _brake(max_entries=10)
    for number in range(1000):
        _fail(brake, 3, peer=f"peer {number}", user=f"user {number}" * 1000)
        brake.succeeded(f"peer {number}", f"user {number}")
    assert brake.judge("peer 999", "x", 0.0) == Refuse(30.0)
    assert brake.judge("peer 0", "x", 0.0) == Proceed()
    for table in (brake._by_source, brake._by_user, brake._known, brake._known_blocks):
        assert len(table) == 10
        for key in table:
            parts: tuple[Any, ...] = key if isinstance(key, tuple) else (key,)
            assert all(len(part) <= 64 for part in parts)


def test_attempts_under_way_count_before_their_outcome_is_known() -> None:
    brake = _brake()
    under_way = [brake.begin("192.0.2.1", "u", 0.0) for _ in range(3)]
    assert brake.judge("192.0.2.1", "u", 0.0) == Queue("192.0.2.1")
    assert brake.judge("192.0.2.2", "u", 0.0) == Proceed()
    brake.end(under_way.pop())
    assert brake.judge("192.0.2.1", "u", 0.0) == Proceed()
    assert not brake.failed(under_way[0], 0.0)
    brake.end(under_way[0])
    under_way.append(brake.begin("192.0.2.1", "u", 0.0))
    assert brake.judge("192.0.2.1", "u", 0.0) == Queue("192.0.2.1")


def test_an_attempt_that_outlasts_the_window_keeps_its_place() -> None:
    brake = _brake(address_limit=1)
    attempt = brake.begin("192.0.2.1", "u", 0.0)
    assert brake.judge("192.0.2.1", "u", 1000.0) == Queue("192.0.2.1")
    assert brake.failed(attempt, 1000.0)
    brake.end(attempt)
    assert brake.judge("192.0.2.1", "u", 1000.0) == Refuse(30.0)
    assert brake.judge("192.0.2.1", "u", 1030.0) == Proceed()


def test_the_addresses_of_an_ipv6_site_count_as_one() -> None:
    brake = _brake()
    for number in range(3):
        _fail(brake, 1, peer=f"2001:db8::{number:x}")
    assert brake.judge("2001:db8::ffff", "u", 0.0) == Refuse(30.0)
    assert brake.judge("2001:db8:0:1::1", "u", 0.0) == Proceed()


def test_how_much_of_an_ipv6_address_counts_is_a_setting() -> None:
    brake = _brake(ipv6_prefix_bits=128)
    _fail(brake, 3, peer="2001:db8::1")
    assert brake.judge("2001:db8::2", "u", 0.0) == Proceed()
