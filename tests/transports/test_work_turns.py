from __future__ import annotations

from collections.abc import Callable

from headwater.transports.work_turns import MOST_PER_TURN, WorkTurns


class Loop:
    """Calls what is to come in the next turn when it is told to."""

    def __init__(self) -> None:
        self.soon: list[Callable[[], None]] = []

    def call_soon(self, callback: Callable[[], None]) -> None:
        self.soon.append(callback)

    def turn(self) -> None:
        called, self.soon = self.soon, []
        for callback in called:
            callback()


def ask(turns: WorkTurns, done: list[int], number: int) -> None:
    if turns.may_begin():
        done.append(number)
    else:
        turns.wait(lambda: done.append(number))


def test_a_crowd_is_served_in_portions_in_order() -> None:
    loop, done = Loop(), list[int]()
    turns = WorkTurns(loop)  # type: ignore[arg-type]
    count = 3 * MOST_PER_TURN + 1
    for number in range(count):
        ask(turns, done, number)
    assert len(done) == MOST_PER_TURN
    assert turns.full
    sizes = []
    while len(turns):
        before = len(done)
        loop.turn()
        sizes.append(len(done) - before)
    assert sizes == [MOST_PER_TURN, MOST_PER_TURN, 1]
    assert done == list(range(count))
    assert not turns.full


def test_what_comes_while_others_wait_is_behind_them() -> None:
    loop, done = Loop(), list[int]()
    turns = WorkTurns(loop)  # type: ignore[arg-type]
    for number in range(2 * MOST_PER_TURN):
        ask(turns, done, number)
    loop.turn()
    ask(turns, done, 99)
    assert 99 not in done
    loop.turn()
    assert done[-1] == 99
    assert not len(turns)


def test_a_request_now_and_then_costs_the_loop_nothing() -> None:
    loop, done = Loop(), list[int]()
    turns = WorkTurns(loop)  # type: ignore[arg-type]
    for number in range(MOST_PER_TURN - 1):
        ask(turns, done, number)
        loop.turn()
    assert loop.soon == []
    ask(turns, done, 50)
    assert turns.full
    loop.turn()
    ask(turns, done, 51)
    assert done[-2:] == [50, 51]
