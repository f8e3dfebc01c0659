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
from headwater.libav.decoding.decode_thread import (
    FIRST_REST_S,
    LONGEST_REST_S,
    DecodeThread,
)
from headwater.libav.decoding.decoder import UnitDecoder
from headwater.libav.decoding.errors import DecoderDied

DEADLINE_S = 10.0


class Turnstile(UnitDecoder):
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
        self.undecoded: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.thread = DecodeThread(
            make,
            self._tell,
            name="of a test",
            clock=lambda: self.now,
        )

    def waits(self) -> bool:
        """Whether the next access unit that is taken is a key frame's."""
        return self.thread.waits_for_key_frame

    def _tell(self, decoded: Sequence[tuple[Any, CodedUnit]], undecoded: int) -> None:
        for frame, _ in decoded:
            self.undecoded.put(undecoded)
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
    assert stage.thread.undecoded_units == 1


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
    assert stage.thread.undecoded_units == 2
    assert [stage.undecoded.get(timeout=DEADLINE_S) for _ in range(5)] == [0, 0, 0, 0, 2]


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


class Mortal(UnitDecoder):
    """A decoder in a process, as it were: it dies with an access unit that has no bytes."""

    def __init__(self, opened: queue.SimpleQueue[Mortal]) -> None:
        self.closed = threading.Event()
        opened.put(self)

    def decode(self, coded: CodedUnit) -> Sequence[tuple[Any, CodedUnit]]:
        if not coded.size_bytes:
            raise DecoderDied("its process was ended by SIGSEGV")
        return [(coded.position, coded)]

    def close(self) -> None:
        self.closed.set()


def test_a_decoder_that_dies_is_made_anew_after_a_rest_that_doubles(
    stages: MakeStage, caplog: pytest.LogCaptureFixture
) -> None:
    opened: queue.SimpleQueue[Mortal] = queue.SimpleQueue()
    stage = stages(lambda: Mortal(opened))
    position, undecoded = 0, 0
    rest_s = FIRST_REST_S
    for _ in range(9):
        stage.put(position, key_frame=True)
        decoder = opened.get(timeout=DEADLINE_S)
        assert stage.out.get(timeout=DEADLINE_S) == position
        assert stage.undecoded.get(timeout=DEADLINE_S) == undecoded
        stage.put(position + 1, size_bytes=0)
        assert decoder.closed.wait(DEADLINE_S)
        # What comes before the rest is over is not decoded, be it a key frame.
        stage.put(position + 2, key_frame=True)
        stage.now += rest_s / 2
        stage.put(position + 3, key_frame=True)
        stage.now += rest_s / 2
        stage.put(position + 4)
        assert stage.waits()
        assert stage.thread.problem is None, "it is never given up"
        position, undecoded = position + 5, undecoded + 4
        rest_s = min(2 * rest_s, LONGEST_REST_S)
    assert rest_s == LONGEST_REST_S
    assert opened.empty(), "one for each life"
    assert "its process was ended by SIGSEGV" in str([vars(each) for each in caplog.records])


def test_the_rest_is_short_again_after_one_that_lived_long(stages: MakeStage) -> None:
    opened: queue.SimpleQueue[Mortal] = queue.SimpleQueue()
    stage = stages(lambda: Mortal(opened))
    for position in (0, 10, 20):
        stage.put(position, key_frame=True)
        assert stage.out.get(timeout=DEADLINE_S) == position
        stage.now += LONGEST_REST_S + 1
        stage.put(position + 1, size_bytes=0)
        assert opened.get(timeout=DEADLINE_S).closed.wait(DEADLINE_S)
        stage.put(position + 2, key_frame=True)
        stage.now += FIRST_REST_S


def test_what_waited_behind_a_failure_is_not_decoded_without_what_was_lost(
    stages: MakeStage,
) -> None:
    entered, go_on = threading.Event(), threading.Event()

    class Fails(UnitDecoder):
        def decode(self, coded: CodedUnit) -> Sequence[tuple[Any, CodedUnit]]:
            if coded.position == 1:
                entered.set()
                assert go_on.wait(DEADLINE_S)
                raise LookupError("broken")
            return [(coded.position, coded)]

    stage = stages(Fails)
    stage.put(0, key_frame=True)
    stage.put(1)
    assert entered.wait(DEADLINE_S)
    for position in (2, 3):
        stage.put(position)
    stage.put(4, key_frame=True)
    go_on.set()
    assert [stage.out.get(timeout=DEADLINE_S) for _ in range(2)] == [0, 4]
    assert [stage.undecoded.get(timeout=DEADLINE_S) for _ in range(2)] == [0, 3]


def test_a_decoder_is_closed_in_its_thread_when_nobody_wants_it(stages: MakeStage) -> None:
    opened: queue.SimpleQueue[Mortal] = queue.SimpleQueue()
    stage = stages(lambda: Mortal(opened))
    stage.put(0, key_frame=True)
    stage.out.get(timeout=DEADLINE_S)
    stage.thread.stop()
    assert opened.get(timeout=DEADLINE_S).closed.wait(DEADLINE_S)


def test_one_that_hangs_is_interrupted(stages: MakeStage) -> None:
    class Waits(Mortal):
        def decode(self, coded: CodedUnit) -> Sequence[tuple[Any, CodedUnit]]:
            began.set()
            assert interrupted.wait(DEADLINE_S)
            raise DecoderDied("killed")

        def interrupt(self) -> None:
            interrupted.set()

    began, interrupted = threading.Event(), threading.Event()
    opened: queue.SimpleQueue[Mortal] = queue.SimpleQueue()
    stage = stages(lambda: Waits(opened))
    stage.put(0, key_frame=True)
    assert began.wait(DEADLINE_S)
    stage.now = decode_thread.HANGS_AFTER_S
    stage.put(1)
    assert opened.get(timeout=DEADLINE_S).closed.wait(DEADLINE_S)
    # Neither the one that it was at nor the one that found it out.
    assert stage.thread.undecoded_units == 2
