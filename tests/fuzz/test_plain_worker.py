"""The blind mutator: it counts what it ran, and stops at what breaks a target."""

import random
from pathlib import Path

import pytest
from fuzz.plain_worker import mutated, run_plain
from fuzz.target import Target

from fuzz import plain_worker


def with_target(monkeypatch: pytest.MonkeyPatch, target: Target) -> None:
    monkeypatch.setattr(plain_worker, "load", lambda _: target)
    monkeypatch.setattr(plain_worker, "seeds", lambda _: [])


def test_executions_are_counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ran: list[bytes] = []
    with_target(monkeypatch, Target(invariant="any", run=ran.append, max_bytes=9))

    result = run_plain("x", seconds=60, executions=500, seed=1, findings=tmp_path)

    assert result.executions == len(ran) == 500
    assert not result.finding
    assert max(map(len, ran)) <= 9
    assert len(set(ran)) > 100


def test_a_finding_is_kept_and_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def breaks(data: bytes) -> None:
        if b"boom" in data:
            raise IndexError("index out of range")

    with_target(monkeypatch, Target(invariant="any", run=breaks, words=(b"bo", b"boom")))

    result = run_plain("x", seconds=60, executions=10_000, seed=1, findings=tmp_path)

    assert "IndexError" in result.finding
    assert result.executions < 10_000
    (kept,) = tmp_path.iterdir()
    assert b"boom" in kept.read_bytes()


def test_a_seed_gives_the_same_inputs_again() -> None:
    target = Target(invariant="any", run=lambda _: None, words=(b"PLAY",))
    twice = [
        [mutated(draw, [b"abc", b"12345"], target) for _ in range(50)]
        for draw in (random.Random(7), random.Random(7))
    ]
    assert twice[0] == twice[1]
