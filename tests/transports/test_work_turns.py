from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from headwater.net.urgent_sockets import urgent_sockets
from headwater.transports.work_turns import (
    BEGUN_IN_A_ROW,
    KNOWN_AFTER_S,
    MOST_KNOWN_PER_TURN,
    MOST_PER_TURN,
    READ_IN_A_ROW,
    WorkTurns,
)


class Loop:
    """Calls what is to come in the next turn when it is told to."""

    def __init__(self) -> None:
        self.soon: list[Callable[[], None]] = []
        self.now_s = 100.0

    def time(self) -> float:
        return self.now_s

    def call_soon(self, callback: Callable[[], None]) -> None:
        self.soon.append(callback)

    def turn(self) -> None:
        called, self.soon = self.soon, []
        for callback in called:
            callback()


def ask(turns: WorkTurns, done: list[int], number: int, *, known: bool = False) -> None:
    if turns.may_begin():
        done.append(number)
    else:
        turns.wait(lambda: done.append(number), known=known)


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


@pytest.mark.parametrize("known", [True, False])
def test_who_is_gone_is_forgotten_and_takes_no_turn(known: bool) -> None:
    loop, done = Loop(), list[int]()
    turns = WorkTurns(loop)  # type: ignore[arg-type]
    waiting = []
    for number in range(4 * MOST_PER_TURN):
        if not turns.may_begin():
            waiting.append(partial(done.append, number))
            turns.wait(waiting[-1], known=known)
    for work in waiting[:-1]:
        turns.forget(work)
    assert len(turns) == 1
    loop.turn()
    assert done == [4 * MOST_PER_TURN - 1]
    turns.forget(waiting[-1])
    assert not turns.full


@pytest.mark.parametrize("count", [3, MOST_PER_TURN])
def test_work_that_ends_the_peers_behind_it_leaves_their_turns_out(count: int) -> None:
    loop, done = Loop(), list[int]()
    turns = WorkTurns(loop)  # type: ignore[arg-type]
    while turns.may_begin():
        pass
    behind = [partial(done.append, number) for number in range(1, count)]

    def end_the_others() -> None:
        done.append(0)
        for work in behind:
            turns.forget(work)

    turns.wait(end_the_others, known=False)
    for work in behind:
        turns.wait(work, known=False)
    loop.turn()
    loop.turn()
    assert done == [0]
    assert not len(turns)
    assert not turns.full


def test_the_known_go_first_and_half_of_each_turn_is_for_the_others() -> None:
    loop, done = Loop(), list[int]()
    turns = WorkTurns(loop)  # type: ignore[arg-type]
    for _ in range(MOST_PER_TURN):
        ask(turns, [], 0)
    newcomers, known = range(20), range(100, 120)
    for number in newcomers:
        ask(turns, done, number)
    for number in known:
        ask(turns, done, number, known=True)
    portions = []
    while len(turns):
        before = len(done)
        loop.turn()
        portions.append(done[before:])
    half = MOST_KNOWN_PER_TURN
    assert portions[:3] == [
        [*known[n * half : (n + 1) * half], *newcomers[n * half : (n + 1) * half]] for n in range(3)
    ]
    assert portions[3] == [*known[18:], *newcomers[18:]]


@pytest.mark.parametrize("known", [False, True])
def test_where_nobody_else_waits_a_turn_is_whole(known: bool) -> None:
    loop, done = Loop(), list[int]()
    turns = WorkTurns(loop)  # type: ignore[arg-type]
    for _ in range(MOST_PER_TURN):
        ask(turns, [], 0)
    for number in range(MOST_PER_TURN):
        ask(turns, done, number, known=known)
    loop.turn()
    assert done == list(range(MOST_PER_TURN))


def test_nobody_becomes_known_by_waiting_however_long_the_crowd_lasts() -> None:
    loop, done = Loop(), list[int]()
    turns = WorkTurns(loop)  # type: ignore[arg-type]
    came_s = loop.now_s
    for number in range(5 * MOST_PER_TURN):
        ask(turns, done, number)
    for _ in range(5):
        assert turns.known_before_s == came_s - KNOWN_AFTER_S
        loop.now_s += 10 * KNOWN_AFTER_S
        loop.turn()
    assert len(done) == 5 * MOST_PER_TURN
    # To the next crowd they are known.
    for number in range(MOST_PER_TURN):
        ask(turns, done, number)
    assert came_s < turns.known_before_s


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


class Camera:
    """Sends to an urgent socket of a loop, and notes how much was done when that is read."""

    def __init__(self, loop: Loop, done: list[int]) -> None:
        self._near, self._far = socket.socketpair()
        self._done = done
        self.relayed_at: list[int] = []
        urgent_sockets(loop).add(self._near.fileno(), self._read)  # type: ignore[arg-type]

    def send(self) -> None:
        self._far.send(b"media")

    def close(self) -> None:
        self._near.close()
        self._far.close()

    def _read(self) -> None:
        self._near.recv(9)
        self.relayed_at.append(len(self._done))


@pytest.fixture
def camera() -> Iterator[Callable[[Loop, list[int]], Camera]]:
    made: list[Camera] = []

    def make(loop: Loop, done: list[int]) -> Camera:
        made.append(Camera(loop, done))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_live_packets_wait_for_a_few_of_a_thousand_requests(
    camera: Callable[[Loop, list[int]], Camera],
) -> None:
    loop, done = Loop(), list[int]()
    turns, sender = WorkTurns(loop), camera(loop, done)  # type: ignore[arg-type]
    for number in range(MOST_PER_TURN):
        ask(turns, done, number)
    sent_at: list[int] = []

    def work(number: int) -> None:
        done.append(number)
        if not number % 100:
            sent_at.append(len(done))
            sender.send()

    for number in range(1_000):
        turns.wait(partial(work, number), known=number % 2 > 0)
    while len(turns):
        loop.turn()
    assert len(sender.relayed_at) == len(sent_at) == 10
    waited = [relayed - sent for sent, relayed in zip(sent_at, sender.relayed_at, strict=True)]
    assert max(waited) < BEGUN_IN_A_ROW


def test_live_packets_wait_for_a_few_requests_that_are_only_read(
    camera: Callable[[Loop, list[int]], Camera],
) -> None:
    loop, read = Loop(), list[int]()
    turns, sender = WorkTurns(loop), camera(loop, read)  # type: ignore[arg-type]
    for number in range(MOST_PER_TURN):
        ask(turns, [], number)
    sender.send()
    for number in range(1_000):
        read.append(number)
        turns.wait(lambda: None, known=number % 2 > 0)
    assert sender.relayed_at == [READ_IN_A_ROW]
