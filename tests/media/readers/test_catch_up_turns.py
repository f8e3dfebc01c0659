"""However many are on their way, others have their turn in between, and the last come first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


def play(stage: Any, mount: Any, readers: list[Any]) -> None:
    for reader in readers:
        stage.play(mount, reader, 0)


def states(mount: Any) -> list[str]:
    return [reader.state for reader in mount.snapshot().readers]


def slow(stage: Any, readers: list[Any], takes_s: float) -> list[tuple[float, str]]:
    """Have each send take time; return who got something when."""
    order: list[tuple[float, str]] = []
    for reader in readers:

        def spend(reader: Any = reader) -> None:
            order.append((stage.now, reader.id))
            stage.now += takes_s

        reader.on_batch = spend
    return order


def test_one_timer_serves_all(stage: Any) -> None:
    mount, _ = stage.kept()
    play(stage, mount, stage.companions(40))
    assert stage.waiting == 1
    stage.advance(2.0)
    assert states(mount) == ["live"] * 40
    assert stage.waiting == 0


def counted_turns(mount: Any, order: list[Any], before_each: Callable[[], None]) -> list[int]:
    """How much is sent in each turn that is begun from now on."""
    turns: list[int] = []
    call_later = mount._audience._turns._call_later

    def counted(delay: float, turn: Any) -> Any:
        def begin() -> None:
            before_each()
            before = len(order)
            turn()
            turns.append(len(order) - before)

        return call_later(delay, begin)

    mount._audience._turns._call_later = counted
    return turns


def test_a_turn_is_over_when_its_time_is_and_the_rest_comes_right_after(stage: Any) -> None:
    mount, video = stage.kept()
    readers = [stage.FakeReader(f"t{number}") for number in range(12)]
    order = slow(stage, readers, 0.0004)
    turns = counted_turns(mount, order, before_each=lambda: None)
    play(stage, mount, readers)
    stage.advance(1.0)
    assert states(mount) == ["live"] * 12
    for reader in readers:
        assert [packet for _, packet in reader.packets] == video.sent
    # Seven pieces of 64 KiB are 2.8 ms, more than a slice: one reader a turn, all but the first,
    # which was alone when it came.
    assert [count for count in turns if count] == [7] * 11


@pytest.mark.parametrize(("others_s", "sent"), [(0.003, 7), (0.012, 21), (0.03, 42), (5.0, 56)])
def test_where_turns_of_the_loop_are_long_they_have_their_part_of_each(
    stage: Any, others_s: float, sent: int
) -> None:
    mount, _ = stage.kept()
    readers = [stage.FakeReader(f"t{number}") for number in range(40)]
    order = slow(stage, readers, 0.0004)
    turns = counted_turns(mount, order, lambda: stage.advance_clock(others_s))
    play(stage, mount, readers)
    stage.advance(60.0)
    assert states(mount) == ["live"] * 40
    # The first slice is as short as ever; what nobody has to wait for is not counted behind it.
    assert [count for count in turns if count][:3] == [7, sent, sent]


def test_those_who_got_least_come_first(stage: Any) -> None:
    mount, _ = stage.kept(100)
    early, late = stage.companions(2, "early"), stage.companions(2, "late")
    order = slow(stage, [*early, *late], 0.004)
    play(stage, mount, early)
    stage.advance(0.08)
    assert all(reader.packets for reader in early)
    began = len(order)
    play(stage, mount, late)
    stage.advance(0.1)
    # Behind the one who was being served when they came, nobody is served before their first.
    waited = [name for _, name in order[began : began + 4]]
    assert set(waited) >= {reader.id for reader in late}


def test_those_who_meet_are_one_convoy(stage: Any) -> None:
    mount, video = stage.kept(100)
    readers = stage.companions(4)
    for reader in readers:
        play(stage, mount, [reader])
        stage.advance(0.02)
    # Three convoys or more, and then nobody has time for them but all have waited long enough.
    for reader in readers:
        reader.has_room = False
    stage.advance(0.5)
    for reader in readers:
        reader.has_room = True
    stage.advance(3.0)
    stage.picture(mount, video)
    assert states(mount) == ["live"] * 4
    for reader in readers:
        assert [packet for _, packet in reader.packets] == video.sent


def test_a_mount_that_closes_leaves_no_timer(stage: Any) -> None:
    mount, _ = stage.kept()
    readers = stage.companions(5)
    play(stage, mount, readers)
    mount.close("over")
    assert stage.waiting == 0
    assert all(reader.closed for reader in readers)


def test_live_packets_have_their_turn_between_two_steps(stage: Any) -> None:
    mount, _ = stage.kept()
    readers = [stage.FakeReader(f"t{number}") for number in range(12)]
    order = slow(stage, readers, 0.0004)
    looks: list[int] = []
    mount._audience._turns._relay_live = lambda: looks.append(len(order))
    play(stage, mount, readers)
    stage.advance(1.0)
    assert states(mount) == ["live"] * 12
    # The first, alone when it came, was sent all at once; each of the others takes one step.
    assert looks == [7 * number for number in range(2, 13)]


def test_what_live_packets_take_meanwhile_is_no_part_of_a_slice(stage: Any) -> None:
    mount, _ = stage.kept()
    readers = [stage.FakeReader(f"t{number}") for number in range(40)]
    order = slow(stage, readers, 0.0002)
    turns = counted_turns(mount, order, before_each=lambda: None)
    fan_outs = iter([0.0101])
    mount._audience._turns._relay_live = lambda: stage.advance_clock(next(fan_outs, 0.0))
    play(stage, mount, readers)
    stage.advance(60.0)
    assert states(mount) == ["live"] * 40
    # 2 ms are two readers; those 10 ms give 5 ms more, which are four.
    assert [count for count in turns if count][:3] == [42, 14, 14]
