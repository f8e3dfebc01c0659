"""One target under random mutation, for machines without atheris: no coverage, same targets."""

from __future__ import annotations

import random
import signal
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from fuzz.registry import load, seeds
from fuzz.target import Target

INPUT_TIMEOUT_S = 5
"""A single input that takes longer is a finding."""


@dataclass(frozen=True, slots=True)
class PlainResult:
    """How often the target ran, and the traceback of its finding."""

    executions: int
    finding: str = ""


def run_plain(
    name: str, *, seconds: float, executions: int | None, seed: int, findings: Path
) -> PlainResult:
    """Mutate the target's corpus for a time, or so many times; stop at the first finding."""
    target = load(name)
    before = signal.signal(signal.SIGALRM, _too_long)
    try:
        return _run(target, seeds(name), seconds, executions, seed, findings)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _run(
    target: Target,
    corpus: Sequence[Path],
    seconds: float,
    executions: int | None,
    seed: int,
    findings: Path,
) -> PlainResult:
    draw = random.Random(seed)
    inputs = [b"", *(path.read_bytes() for path in corpus), *target.words]
    until = time.monotonic() + seconds
    count = 0
    armed_s = 0.0
    while executions is None or count < executions:
        now_s = time.monotonic()
        if now_s > until:
            break
        if now_s > armed_s + 1:
            signal.alarm(INPUT_TIMEOUT_S + 1)
            armed_s = now_s
        data = inputs[count] if count < len(inputs) else mutated(draw, inputs, target)
        count += 1
        try:
            target.run(data)
        except Exception:  # noqa: BLE001 - any exception is a finding
            findings.mkdir(parents=True, exist_ok=True)
            (findings / f"crash-{seed}-{count}").write_bytes(data)
            return PlainResult(count, traceback.format_exc())
    return PlainResult(count)


def _too_long(_number: int, _frame: FrameType | None) -> None:
    raise TimeoutError(f"one input takes longer than {INPUT_TIMEOUT_S} s")


def mutated(draw: random.Random, inputs: list[bytes], target: Target) -> bytes:
    """One of the inputs with some of its bytes changed, moved, doubled or cut."""
    data = bytearray(draw.choice(inputs))
    for _ in range(draw.randint(1, 6)):
        at = draw.randint(0, len(data))
        match draw.randrange(7):
            case 0 if data:
                data[at % len(data)] = draw.randrange(256)
            case 1 if data:
                data[at % len(data)] ^= 1 << draw.randrange(8)
            case 2:
                data[at:at] = draw.randbytes(draw.randint(1, 8))
            case 3:
                del data[at : at + draw.randint(1, 16)]
            case 4:
                data[at:at] = data[at : at + draw.randint(1, 32)]
            case 5:
                other = draw.choice(inputs)
                cut = draw.randint(0, len(other))
                data[at:] = other[cut:]
            case _ if target.words:
                data[at:at] = draw.choice(target.words)
    return bytes(data[: target.max_bytes])
