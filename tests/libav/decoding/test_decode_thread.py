"""The thread beside the loop: what is too much, what fails, and what never returns."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from headwater.codecs.access_unit import AccessUnit
from headwater.libav.decoding import decode_thread
from headwater.libav.decoding.coded_unit import CodedUnit
from headwater.libav.decoding.decode_thread import DecodeThread

DEADLINE_S = 10.0


class Turnstile:
    """A decoder that takes one access unit each time it is let; each comes out as its number."""

    def __init__(self) -> None:
        self.turns = threading.Semaphore(0)
        self.entered: queue.SimpleQueue[int] = queue.SimpleQueue()

    def decode(self, coded: CodedUnit) -> Sequence[tuple[Any, CodedUnit]]:
        self.entered.put(coded.position)
        assert self.turns.acquire(timeout=DEADLINE_S)
        return [(coded.position, coded)]


class Stage:
    """A thread with decoders of the test, on a clock of its own."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.now = 0.0
        self.out: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.thread = DecodeThread(
            make,
            self._tell,
            name="of a test",
            clock=lambda: self.now,
        )

    def waits(self) -> bool:
        """Whether the next access unit that is taken is a key frame's."""
        return self.thread.waits_for_key_frame

    def _tell(self, decoded: Sequence[tuple[Any, CodedUnit]]) -> None:
        for frame, _ in decoded:
            self.out.put(frame)

    def put(self, position: int, *, key_frame: bool = False, size_bytes: int = 10) -> None:
        unit = AccessUnit(position, (b"x",), key_frame)
        self.thread.put(CodedUnit(unit, position, 0.0, None, 0, size_bytes))


@pytest.fixture
def stages() -> Iterator[Callable[[Callable[[], Any]], Stage]]:
    made: list[Stage] = []

    def make(decoder: Callable[[], Any]) -> Stage:
        made.append(Stage(decoder))
        return made[-1]

    yield make
    for stage in made:
        stage.thread.stop()


MakeStage = Callable[[Callable[[], Any]], Stage]


def test_it_begins_with_a_key_frame(stages: MakeStage) -> None:
    decoder = Turnstile()
    decoder.turns.release(9)
    stage = stages(lambda: decoder)
    stage.put(1)
    assert stage.waits()
    stage.put(2, key_frame=True)
    stage.put(3)
    assert [stage.out.get(timeout=DEADLINE_S) for _ in range(2)] == [2, 3]
    assert stage.thread.overrun_units == 1


@pytest.mark.parametrize("bound", ["count", "bytes", "age"])
def test_what_is_too_much_is_thrown_away_up_to_the_next_key_frame(
    stages: MakeStage, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    monkeypatch.setattr(decode_thread, "MOST_WAITING", 3 if bound == "count" else 99)
    monkeypatch.setattr(decode_thread, "MOST_WAITING_BYTES", 30 if bound == "bytes" else 9999)
    decoder = Turnstile()
    stage = stages(lambda: decoder)
    stage.put(0, key_frame=True)
    assert decoder.entered.get(timeout=DEADLINE_S) == 0
    for position in (1, 2, 3):
        stage.put(position)
    if bound == "age":
        stage.now = decode_thread.LONGEST_WAIT_S + 0.1
    stage.put(4)
    assert stage.waits()
    decoder.turns.release(99)
    assert [stage.out.get(timeout=DEADLINE_S) for _ in range(4)] == [0, 1, 2, 3]
    stage.put(5)
    stage.put(6, key_frame=True)
    assert stage.out.get(timeout=DEADLINE_S) == 6
    assert stage.thread.overrun_units == 2


def test_a_decoder_that_never_returns_is_left_and_another_begins(
    stages: MakeStage, caplog: pytest.LogCaptureFixture
) -> None:
    hanging, working = Turnstile(), Turnstile()
    working.turns.release(9)
    decoders = iter([hanging, working])
    stage = stages(lambda: next(decoders))
    stage.put(0, key_frame=True)
    assert hanging.entered.get(timeout=DEADLINE_S) == 0
    stage.now = decode_thread.HANGS_AFTER_S - 0.1
    stage.put(1)
    assert not stage.waits(), "it may still return"
    stage.now = decode_thread.HANGS_AFTER_S
    stage.put(2)
    assert stage.waits()
    stage.put(3, key_frame=True)
    assert stage.out.get(timeout=DEADLINE_S) == 3
    assert "a decoder does not return" in caplog.text
    # What the one that was left gives after all is told to nobody.
    hanging.turns.release(9)
    stage.put(4)
    assert stage.out.get(timeout=DEADLINE_S) == 4
    assert stage.out.empty()


def test_decoders_that_hang_again_and_again_are_given_up(stages: MakeStage) -> None:
    opened: queue.SimpleQueue[Turnstile] = queue.SimpleQueue()
    hanging: list[Turnstile] = []

    def make() -> Turnstile:
        decoder = Turnstile()
        opened.put(decoder)
        return decoder

    stage = stages(make)
    for number in range(decode_thread.MOST_FAILURES):
        assert stage.thread.problem is None
        stage.put(number, key_frame=True)
        hanging.append(opened.get(timeout=DEADLINE_S))
        hanging[number].entered.get(timeout=DEADLINE_S)
        stage.now += decode_thread.HANGS_AFTER_S
        stage.put(100)
    assert stage.thread.problem == "its decoder did not return, 3 times"
    stage.put(101, key_frame=True)
    assert opened.empty(), "no other is tried"
    for decoder in hanging:
        decoder.turns.release(9)


def test_a_decoder_that_cannot_be_opened_is_given_up_with_the_reason(stages: MakeStage) -> None:
    tried: queue.SimpleQueue[int] = queue.SimpleQueue()

    def make() -> Turnstile:
        tried.put(1)
        raise LookupError("no such decoder")

    stage = stages(make)
    for number in range(decode_thread.MOST_FAILURES):
        stage.put(number, key_frame=True)
        tried.get(timeout=DEADLINE_S)
    waiting = threading.Event()
    for _ in range(1000):
        stage.put(9)
        if stage.thread.problem is not None:
            break
        waiting.wait(0.01)
    assert stage.thread.problem == "its decoder cannot be used: LookupError: no such decoder"
