"""Give every parser its slice of time, count executions, keep what breaks one."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fuzz.plain_worker import INPUT_TIMEOUT_S, run_plain
from fuzz.registry import CORPUS, FOLDER, WORK, load, seeds

MEMORY_MIB = 1024
"""A target that grows beyond is a finding."""
KEPT_INPUTS = 24
"""How many inputs of a target's corpus `keep` leaves, and how long each may be."""
KEPT_BYTES = 1024
_EXECUTIONS = re.compile(rb"^stat::number_of_executed_units: (\d+)$", re.MULTILINE)
_PROGRESS = re.compile(rb"^#(\d+)\t", re.MULTILINE)
_NOISE = re.compile(rb"^(#\d+\t|INFO: |stat::|Done |NEW_FUNC|WARNING: no interesting)")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one target.

    Attributes:
        executions: how often it ran.
        seconds: wall time, start of the process included.
        finding: what libFuzzer or Python said of the input that broke it; empty for none.
    """

    name: str
    executions: int
    seconds: float
    finding: str = ""


def has_coverage() -> bool:
    """Whether atheris is there; without it inputs are mutated blindly."""
    return importlib.util.find_spec("atheris") is not None


def run_targets(
    names: Sequence[str], *, seconds: float, executions: int | None, seed: int, blind: bool
) -> Iterator[Outcome]:
    """Run the targets one after another, each for its share of the time (or executions).

    `blind` leaves coverage out: no process for each target, so more runs in a short time.
    """
    until = time.monotonic() + seconds
    runs = None if executions is None else -(-executions // len(names))
    for index, name in enumerate(names):
        share_s = (until - time.monotonic()) / (len(names) - index)
        run = _run_plain if blind or not has_coverage() else _run_covered
        yield run(name, share_s, runs, seed)


def _run_plain(name: str, seconds: float, runs: int | None, seed: int) -> Outcome:
    began = time.monotonic()
    result = run_plain(name, seconds=seconds, executions=runs, seed=seed, findings=WORK / name)
    return Outcome(name, result.executions, time.monotonic() - began, result.finding)


def _run_covered(name: str, seconds: float, runs: int | None, seed: int) -> Outcome:
    target = load(name)
    folder = WORK / name
    grown = folder / "corpus"
    grown.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    flags = [
        f"-max_len={target.max_bytes}",
        f"-max_total_time={max(1, int(seconds))}",
        f"-timeout={INPUT_TIMEOUT_S}",
        f"-rss_limit_mb={MEMORY_MIB}",
        f"-seed={seed}",
        f"-artifact_prefix={folder}/",
        "-print_final_stats=1",
    ]
    if target.words:
        words = folder / "words.dict"
        words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words))
        flags.append(f"-dict={words}")
    if runs is not None:
        flags.append(f"-runs={runs}")
    done = _libfuzzer(name, *flags, str(grown), str(CORPUS / name))
    counts = _EXECUTIONS.findall(done.stderr) or _PROGRESS.findall(done.stderr) or [b"0"]
    finding = ""
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if not _NOISE.match(line)]
        finding = b"\n".join((done.stdout, *lines[-60:])).decode(errors="replace")
    return Outcome(name, int(counts[-1]), time.monotonic() - began, finding)


def keep(names: Sequence[str]) -> None:
    """Take into the corpora some of the inputs that reached something new.

    Those that were put there by hand (`seed-…`) stay.
    """
    for name in names:
        grown, kept = WORK / name / "corpus", CORPUS / name
        if not grown.is_dir():
            continue
        known = {path.read_bytes() for path in seeds(name)}
        found = {path.read_bytes() for path in grown.iterdir()} - known
        fitting = sorted((data for data in found if len(data) <= KEPT_BYTES), key=len)
        room = max(0, KEPT_INPUTS - len(known))
        # libFuzzer keeps what reached something new: of that, some of every length.
        step = max(1, len(fitting) // room) if room else 1
        for index, data in enumerate(fitting[::-step][:room]):
            (kept / f"found-{len(known) + index:02d}").write_bytes(data)


def _libfuzzer(name: str, *flags: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "fuzz.coverage_worker", name, *flags]
    return subprocess.run(command, cwd=FOLDER.parent, capture_output=True)


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)
