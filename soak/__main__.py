"""`python -m soak --minutes 30`: unrest, samples, a picture and a verdict.

The unrest is peers that come and go, or with `--cameras` cameras that die and come back.

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
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import median
from typing import Any

from steady_stream import SteadyStream

from soak.churn import Churn
from soak.churn_of_nodes import ChurnOfNodes
from soak.dying_cameras import DyingCameras
from soak.picture import draw
from soak.samples import Sample, write_csv
from soak.unrest import Unrest
from soak.verdict import RETURNING, Finding, flatness, returned
from soak.watched_server import WatchedServer

_SETTLE_S = 45.0
"""How long everything may take to be gone: the sessions' time-out, and some more."""
_KILL_EVERY_S = 60.0


class Latency:
    """The figures of the probe's last line."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.p50_ms = self.p99_ms = float("nan")
        self._reading = asyncio.get_running_loop().create_task(self._read())

    @classmethod
    async def start(cls, port: int, every_s: float, *, returns: bool) -> Latency:
        """Start the probe; it begins anew where its worker is killed if it `returns`."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "soak.latency_probe", str(port), str(every_s),
            *("returns",) * returns,
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


@dataclass(frozen=True, slots=True)
class Plan:
    """How long a run takes, and of what.

    Attributes:
        minutes: how long the unrest lasts.
        every_s: the time between two samples.
        workers: how many processes serve.
        kill_every_s: the time between two kills of a worker; 0 for none.
        out: the folder for files.
    """

    minutes: float
    every_s: float
    workers: int
    kill_every_s: float
    out: Path


class Kills:
    """Has a worker killed now and then, and keeps how long it took until another served.

    Attributes:
        replaced_s: each of these times.
        passed_over: how often no worker could be killed without the steady stream.
    """

    def __init__(self, server: WatchedServer, every_s: float) -> None:
        self.replaced_s: list[float] = []
        self.passed_over = 0
        self._server = server
        self._every_s = every_s
        self._last_s = time.monotonic()

    async def look(self, unrest: Unrest) -> None:
        """Have one killed where it is time for it."""
        if not self._every_s or time.monotonic() - self._last_s < self._every_s:
            return
        self._last_s = time.monotonic()
        unrest.note_kill()
        replaced_s = await self._server.kill_worker()
        unrest.note_kill()
        if replaced_s is None:
            self.passed_over += 1
        else:
            self.replaced_s.append(replaced_s)

    def findings(self, replaced_workers: int) -> list[Finding]:
        """Whether each was replaced, where any was to be killed."""
        if not self._every_s:
            return []
        times_s = self.replaced_s or [float("nan")]
        return [
            Finding(
                "workers",
                "undisturbed",
                good=replaced_workers == len(self.replaced_s) > 0,
                words=f"{len(self.replaced_s)} killed, {replaced_workers} replaced, within "
                f"{median(times_s):.2f} s (median), {max(times_s):.2f} s (longest); "
                f"{self.passed_over} times all had the steady stream",
            )
        ]


async def run(unrest: Unrest, plan: Plan) -> list[Finding]:
    """One run; writes its files and returns what was found."""
    out, every_s = plan.out, plan.every_s
    settings = await unrest.settings()
    server = await WatchedServer.start(settings | {"workers": {"count": plan.workers}})
    kills = Kills(server, plan.kill_every_s)
    steady = await SteadyStream.start(server.port, out, publish_over="udp", play_over="tcp")
    latency = await Latency.start(server.port, every_s, returns=bool(plan.kill_every_s))
    await unrest.begin(server.port)
    await asyncio.sleep(every_s)
    before = await server.sample()
    samples: list[Sample] = []
    began_s = time.monotonic()
    running = asyncio.create_task(unrest.run())
    while time.monotonic() - began_s < plan.minutes * 60 and not running.done():
        await asyncio.sleep(every_s)
        await kills.look(unrest)
        samples.append(
            Sample(
                at_s=time.monotonic() - began_s,
                **counted(await server.sample()),
                latency_p50_ms=latency.p50_ms,
                latency_p99_ms=latency.p99_ms,
                frame_gap_s=steady.account.take_longest_gap_s(),
                frames=steady.account.frames,
                frames_lost=steady.account.lost + steady.account.damaged,
                lives=unrest.lives.total(),
            )
        )
        write_csv(samples, out / "soak.csv")
    if running.done():
        running.result()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    await unrest.calm()
    after = await settled(server, before)
    await unrest.end()
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
            good=not unrest.failures,
            words=f"{unrest.lives.total()} lives, {unrest.failures.total()} met the unexpected",
        ),
        *kills.findings(after["replaced_workers"]),
        Finding(
            "sources",
            "returned",
            good=after["sources_live"] == before["sources_live"],
            words=f"{before['sources_live']} live before, {after['sources_live']} after",
        ),
        Finding(
            "server",
            "undisturbed",
            good=after["failures"] == 0 and exit_code == 0,
            words=f"{after['failures']} failures contained, exit code {exit_code}",
        ),
    ]
    result = {
        "minutes": plan.minutes,
        "workers": plan.workers,
        "replaced_s": kills.replaced_s,
        "before": before,
        "after": after,
        "lives": dict(unrest.lives),
        "failures": dict(unrest.failures),
        "findings": [asdict(finding) for finding in findings],
    }
    (out / "soak.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    title = f"{plan.minutes:g} minutes of unrest: {unrest.lives.total()} lives"
    if not draw(samples, out / "soak.svg", title):
        print("no picture: matplotlib is not installed")
    return findings


def counted(held: dict[str, Any]) -> dict[str, Any]:
    """What of a look at the server makes part of a sample."""
    names = {field.name for field in fields(Sample)}
    return {name: value for name, value in held.items() if name in names}


async def settled(server: WatchedServer, before: dict[str, Any]) -> dict[str, Any]:
    """The server once all is back to what it was, or after every time-out has passed."""
    deadline_s = time.monotonic() + _SETTLE_S
    while True:
        after = await server.sample()
        if after["sources_live"] == before["sources_live"] and all(
            after[name] <= before[name] for name in RETURNING
        ):
            return after
        if time.monotonic() > deadline_s:
            return after
        await asyncio.sleep(1.0)


def main() -> int:
    """Read the arguments, run, print the verdict."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="how long the unrest lasts")
    parser.add_argument(
        "--cameras",
        type=int,
        default=0,
        metavar="N",
        help="in place of peers that come and go: N cameras that the server fetches, which die and "
        "come back",
    )
    parser.add_argument(
        "--workers", type=int, default=1, help="how many processes serve, at each node"
    )
    parser.add_argument(
        "--kill-every",
        type=float,
        metavar="S",
        help="seconds between two kills of a worker or a node (default: 60)",
    )
    parser.add_argument(
        "--nodes",
        type=int,
        default=1,
        help="how many nodes of a cluster serve; all but the watched one are killed now and then",
    )
    parser.add_argument("--peers", type=int, default=40, help="peers at a time")
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two samples")
    parser.add_argument("--seed", type=int, default=1, help="of the peers' choices")
    parser.add_argument("--out", type=Path, default=Path("build/soak"), help="folder for files")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    unrest: Unrest = Churn(options.peers, seed=options.seed)
    if options.cameras:
        unrest = DyingCameras(options.cameras, seed=options.seed)
    several = options.workers != 1
    kill_every_s = _KILL_EVERY_S if options.kill_every is None else options.kill_every
    if options.nodes > 1:
        unrest = ChurnOfNodes(
            options.peers,
            nodes=options.nodes,
            kill_every_s=kill_every_s,
            seed=options.seed,
            out=options.out,
            workers=options.workers,
        )
    plan = Plan(
        minutes=options.minutes,
        every_s=options.every,
        workers=options.workers,
        kill_every_s=kill_every_s if several else 0.0,
        out=options.out,
    )
    findings = asyncio.run(run(unrest, plan))
    for finding in findings:
        mark = "ok " if finding.good else "NOT"
        print(f"{mark} {finding.question:12} {finding.figure:16} {finding.words}")
    bad = [finding for finding in findings if not finding.good]
    flat = all(finding.question == "undisturbed" for finding in bad)
    print(f"verdict: {'flat' if flat else 'NOT flat'}, {'disturbed' if bad else 'undisturbed'}")
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
