"""`python -m soak --minutes 30`: churn, samples, a picture and a verdict.

Writes `soak.csv`, `soak.svg` and `soak.json` into the folder of `--out` (default `build/soak`).
Exit code 0 when everything is flat, 1 when not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from steady_stream import SteadyStream

from soak.churn import Churn
from soak.picture import draw
from soak.samples import Sample, write_csv
from soak.verdict import RETURNING, Finding, flatness, returned
from soak.watched_server import WatchedServer

_SESSION_TIMEOUT_S = 30.0
_SETTLE_S = 15.0
"""How long everything may take to be gone beyond the sessions' time-out."""


class Latency:
    """The figures of the probe's last line."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.p50_ms = self.p99_ms = float("nan")
        self._reading = asyncio.get_running_loop().create_task(self._read())

    @classmethod
    async def start(cls, port: int, every_s: float) -> Latency:
        """Start the probe."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "soak.latency_probe", str(port), str(every_s),
            stdin=DEVNULL, stdout=PIPE,
        )  # fmt: skip
        return cls(process)

    async def stop(self) -> None:
        """End the probe."""
        self._process.terminate()
        await self._process.wait()
        await self._reading

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            figures = json.loads(line)
            self.p50_ms, self.p99_ms = figures["p50_ms"], figures["p99_ms"]


async def run(minutes: float, peers: int, every_s: float, seed: int, out: Path) -> list[Finding]:
    """One run; writes its files and returns what was found."""
    server = await WatchedServer.start({"sessions": {"timeout_s": _SESSION_TIMEOUT_S}})
    steady = await SteadyStream.start(server.port, out, publish_over="udp", play_over="tcp")
    latency = await Latency.start(server.port, every_s)
    await asyncio.sleep(every_s)
    before = await server.sample()
    churn = Churn(server.port, seed=seed)
    samples: list[Sample] = []
    began_s = time.monotonic()
    churning = asyncio.create_task(churn.run(peers))
    while time.monotonic() - began_s < minutes * 60 and not churning.done():
        await asyncio.sleep(every_s)
        samples.append(
            Sample(
                at_s=time.monotonic() - began_s,
                **counted(await server.sample()),
                latency_p50_ms=latency.p50_ms,
                latency_p99_ms=latency.p99_ms,
                frame_gap_s=steady.account.take_longest_gap_s(),
                frames=steady.account.frames,
                frames_lost=steady.account.lost + steady.account.damaged,
                lives=churn.lives.total(),
            )
        )
        write_csv(samples, out / "soak.csv")
    if churning.done():
        churning.result()
    churning.cancel()
    with suppress(asyncio.CancelledError):
        await churning
    after = await settled(server, before)
    alive, account = steady.alive, steady.account
    await latency.stop()
    await steady.stop()
    exit_code = await server.stop()
    findings = [
        *returned(before, after),
        *flatness(samples),
        Finding(
            "steady reader",
            "undisturbed",
            good=alive and account.learned and not account.lost and not account.damaged,
            words=f"{account.frames} frames, {account.lost} lost, {account.damaged} damaged, "
            f"{after['kernel_drops']} datagrams of its publisher dropped by the kernel",
        ),
        Finding(
            "peers",
            "undisturbed",
            good=not churn.failures,
            words=f"{churn.lives.total()} lives, {churn.failures.total()} met the unexpected",
        ),
        Finding(
            "server",
            "undisturbed",
            good=after["failures"] == 0 and exit_code == 0,
            words=f"{after['failures']} failures contained, exit code {exit_code}",
        ),
    ]
    result = {
        "minutes": minutes,
        "peers": peers,
        "before": before,
        "after": after,
        "lives": dict(churn.lives),
        "failures": dict(churn.failures),
        "findings": [asdict(finding) for finding in findings],
    }
    (out / "soak.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    title = f"{minutes:g} minutes of churn: {churn.lives.total()} lives, {peers} at a time"
    if not draw(samples, out / "soak.svg", title):
        print("no picture: matplotlib is not installed")
    return findings


def counted(held: dict[str, Any]) -> dict[str, Any]:
    """What of a look at the server makes part of a sample."""
    names = {field.name for field in fields(Sample)}
    return {name: value for name, value in held.items() if name in names}


async def settled(server: WatchedServer, before: dict[str, Any]) -> dict[str, Any]:
    """The server once all is back to what it was, or after every time-out has passed."""
    deadline_s = time.monotonic() + _SESSION_TIMEOUT_S + _SETTLE_S
    while True:
        after = await server.sample()
        if all(after[name] <= before[name] for name in RETURNING):
            return after
        if time.monotonic() > deadline_s:
            return after
        await asyncio.sleep(1.0)


def main() -> int:
    """Read the arguments, run, print the verdict."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="how long the churn lasts")
    parser.add_argument("--peers", type=int, default=40, help="peers at a time")
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two samples")
    parser.add_argument("--seed", type=int, default=1, help="of the peers' choices")
    parser.add_argument("--out", type=Path, default=Path("build/soak"), help="folder for files")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    findings = asyncio.run(
        run(options.minutes, options.peers, options.every, options.seed, options.out)
    )
    for finding in findings:
        mark = "ok " if finding.good else "NOT"
        print(f"{mark} {finding.question:12} {finding.figure:16} {finding.words}")
    bad = [finding for finding in findings if not finding.good]
    flat = all(finding.question == "undisturbed" for finding in bad)
    print(f"verdict: {'flat' if flat else 'NOT flat'}, {'disturbed' if bad else 'undisturbed'}")
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
