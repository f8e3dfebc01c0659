"""`python -m bench`: measures one or more servers with the same load and writes the results."""

import argparse
import json
import os
import platform
import shlex
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from bench import peers, steps
from bench.bare_relay import NAME as BARE_RELAY
from bench.bare_relay import bare_relay
from bench.files import raise_file_limit
from bench.given_peers import given_peers
from bench.measure import OverloadedError, run_step
from bench.page import write_page
from bench.readme_table import write_table
from bench.repeat import as_one
from bench.report import one_line, write_results
from bench.stage import Figures, Window

RESULTS = Path(__file__).parent / "results"
SECONDS, QUICK_SECONDS, BARE_SECONDS, BARE_BESIDE_SECONDS = 8.0, 3.0, 3.0, 1.5
UNMEASURED = ("failed", "skipped")


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--peer",
        default="",
        help="comma-separated: headwater, node (rtsp-streaming-server from npm), bare-relay (a "
        "program in C that does nothing but relay: the floor under all of them), command; "
        "mediamtx, go2rtc, zlmediakit where $PEERS names their programs (PEERS='mediamtx=PATH "
        "go2rtc=PATH zlmediakit=PATH'); by default headwater, side by side with $PEER and all of "
        "$PEERS",
    )
    parser.add_argument(
        "--scenario",
        default="",
        help=f"comma-separated: {', '.join(steps.SCENARIOS)}, best load; all by default",
    )
    parser.add_argument("--step", default="", help="only steps whose name contains this text")
    parser.add_argument("--quick", action="store_true", help="few steps, short windows")
    parser.add_argument("--seconds", type=float, help="length of a measured window")
    parser.add_argument(
        "--repeat",
        type=int,
        default=1,
        metavar="N",
        help="measure each step of one-to-many, many-to-few, churn, storm and of all for browsers "
        "N times, the servers in turn: medians, and the whole of the loss",
    )
    parser.add_argument(
        "--sleeping-load",
        action="store_true",
        help="the load's readers sleep until the server's packets wake them, which is charged to "
        "the server; by default they poll, as if they were on machines of their own",
    )
    parser.add_argument("--cameras-over-tcp", action="store_true", help="in every scenario")
    parser.add_argument("--server-cpu", type=int, default=0)
    parser.add_argument("--load-cpu", type=int, default=1)
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder for the results")
    parser.add_argument("--docs", type=Path, help="write this page, and its picture beside it")
    parser.add_argument("--readme", type=Path, help="write the small table of this page as well")
    parser.add_argument(
        "--reuse", action="store_true", help="with --docs: measure nothing, take the last results"
    )
    parser.add_argument("--server-args", default="", help="added to a known peer's command line")
    custom = parser.add_argument_group("any server (--peer command)")
    custom.add_argument(
        "--command",
        default="",
        help="command line; {publish_port}, {play_port}, {rtp_port}, {rtp_count} are filled in",
    )
    custom.add_argument("--publish-url", default="rtsp://127.0.0.1:{publish_port}/{mount}")
    custom.add_argument("--play-url", default="rtsp://127.0.0.1:{play_port}/{mount}")
    custom.add_argument("--udp-only", action="store_true", help="the server has no RTP over TCP")
    custom.add_argument("--name", default="command", help="what the results call it")
    return parser.parse_args(arguments)


def _chosen_peers(options: argparse.Namespace) -> list[peers.Peer]:
    try:
        given = given_peers(os.environ.get("PEERS", ""))
    except ValueError as error:
        raise SystemExit(str(error)) from error
    chosen = []
    for name in options.peer.split(",") if options.peer else ("headwater", *_beside(given)):
        if name == "command" and options.command:
            chosen.append(
                peers.Peer(
                    options.name,
                    tuple(shlex.split(options.command)),
                    options.publish_url,
                    options.play_url,
                    over_tcp=not options.udp_only,
                )
            )
        elif name in given:
            chosen.append(given[name])
        elif name == BARE_RELAY:
            chosen.append(bare_relay())
        elif name in peers.KNOWN:
            chosen.append(peers.KNOWN[name](options.server_args))
        else:
            known = ", ".join((*peers.KNOWN, BARE_RELAY))
            raise SystemExit(f"unknown peer {name!r}: {known}, --command, or one of $PEERS")
    return chosen


def _beside(given: Iterable[str]) -> Iterator[str]:
    """Yield the servers that stand beside Headwater when none is chosen."""
    if peer := os.environ.get("PEER"):
        yield peer
    yield from given


def _chosen_steps(options: argparse.Namespace) -> list[steps.Step]:
    chosen = [*steps.STEPS, *steps.best_load_steps()]
    if options.scenario:
        wanted = options.scenario.split(",")
        if unknown := set(wanted) - {step.scenario for step in chosen}:
            raise SystemExit(f"unknown scenario: {', '.join(sorted(unknown))}")
        chosen = [step for step in chosen if step.scenario in wanted]
    if options.quick:
        chosen = [step for step in chosen if step.quick] or chosen
    if options.cameras_over_tcp:
        chosen = [replace(step, cameras_over_tcp=True) for step in chosen]
    return [step for step in chosen if options.step in step.name]


def _bare_loop(
    options: argparse.Namespace, seconds: float = BARE_SECONDS, *more: str
) -> dict[str, dict[str, float]]:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "bench.bare_loop", "--seconds", str(seconds), *more),
            *("--server-cpu", str(options.server_cpu), "--load-cpu", str(options.load_cpu)),
        ],
        capture_output=True,
        text=True,
        check=True,
        cwd=peers.ROOT,
    )
    costs: dict[str, dict[str, float]] = json.loads(done.stdout)
    return costs


def _machine(options: argparse.Namespace) -> dict[str, str]:
    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return {
        "processor": f"{model}, {os.cpu_count()} CPUs",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "server_cpu": str(options.server_cpu),
        "load_cpu": str(options.load_cpu),
        "runs_of_each_step": str(options.repeat),
        "readers_of_the_load": "sleep until woken" if options.sleeping_load else "poll",
        "taken": time.strftime("%Y-%m-%d %H:%M:%S %z"),
    }


def _run(step: steps.Step, peer: peers.Peer, options: argparse.Namespace) -> Figures:
    seconds = options.seconds or (QUICK_SECONDS if options.quick else SECONDS)
    window = Window(
        seconds * step.seconds_factor,
        options.server_cpu,
        options.load_cpu,
        polls=not options.sleeping_load,
    )
    if step.needs_web and peer.web is not None:
        peer = peer.for_browsers(peer.web)
    if step.fetched:
        peer = peers.fetching(peer, step)
    try:
        with peers.Server(peer, options.server_cpu, options.out / f"{peer.name}.log") as server:
            return run_step(step, server, window)
    except OverloadedError as error:
        return {"skipped": f"overloaded: {error}"}
    except (OSError, RuntimeError, ValueError) as error:
        return {"failed": str(error)}


def _run_beside_bare_loop(
    step: steps.Step, peer: peers.Peer, options: argparse.Namespace
) -> Figures:
    """One run and, where packets are what it costs, the bare loop right before and after it."""
    if step.needs_tcp and not peer.over_tcp:
        return {"skipped": "no RTP over TCP"}
    if step.needs_udp and not peer.over_udp:
        return {"skipped": "no RTP over UDP"}
    if step.needs_web and (
        peer.web is None or (step.kind is steps.Kind.MSE and not peer.web.mse_url)
    ):
        return {"skipped": f"it is not measured how it serves {step.scenario}"}
    if step.asks_api and (peer.web is None or not peer.web.has_api):
        return {"skipped": "its API is another one"}
    if step.fetched and not peer.fetches:
        return {"skipped": "how it fetches cameras is not set up here"}
    if not peer.over_udp:
        step = replace(step, cameras_over_tcp=True)
    if step.kind not in {steps.Kind.STREAM, steps.Kind.WHEP}:
        return _run(step, peer, options)

    def floor_us() -> float:
        return _bare_loop(options, BARE_BESIDE_SECONDS, "--udp-only")["udp"]["us"]

    before_us = floor_us()
    figures = _run(step, peer, options)
    if cost_us := float(figures.get("us_per_packet", 0.0)):
        figures["bare_loop_us"] = (before_us + floor_us()) / 2
        figures["of_bare_loop"] = cost_us / figures["bare_loop_us"]
    return figures


def _all_runs(
    step: steps.Step, chosen: Sequence[peers.Peer], options: argparse.Namespace, progress: str
) -> dict[str, list[Figures]]:
    """The runs of each server by its name, the servers in turn; one that fails is not repeated."""
    runs: dict[str, list[Figures]] = {peer.name: [] for peer in chosen}
    rounds = options.repeat if step.repeatable else 1
    for number in range(rounds):
        for peer in chosen:
            done = runs[peer.name]
            if done and any(word in done[-1] for word in UNMEASURED):
                continue
            text = f"{progress} {step.name}: {peer.name}, run {number + 1} of {rounds}"
            print(text, file=sys.stderr, flush=True)
            done.append(_run_beside_bare_loop(step, peer, options))
    return runs


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for; 1 when a step could not be measured."""
    options = _arguments(arguments)
    if options.reuse:
        return _write_page_anew(options)
    if options.server_cpu == options.load_cpu or (os.cpu_count() or 1) < 2:
        raise SystemExit("the server and the load need a CPU each")
    if options.repeat < 1:
        raise SystemExit("--repeat: at least 1")
    options.out.mkdir(parents=True, exist_ok=True)
    raise_file_limit()
    chosen_peers, chosen_steps = _chosen_peers(options), _chosen_steps(options)
    results: dict[str, object] = {"machine": _machine(options), "bare_loop": _bare_loop(options)}
    os.sched_setaffinity(0, {options.load_cpu})
    rows: list[dict[str, object]] = []
    results["steps"] = rows
    failed = False
    for number, step in enumerate(chosen_steps):
        progress = f"[{number + 1}/{len(chosen_steps)}]"
        for name, runs in _all_runs(step, chosen_peers, options, progress).items():
            figures = as_one(runs)
            failed |= "failed" in figures
            rows.append({"peer": name, "scenario": step.scenario, "step": step.name,
                         "udp_readers": step.udp_readers, "tcp_readers": step.tcp_readers,
                         "bits_per_s": step.picture.bits_per_s, "figures": figures,
                         "runs": runs})  # fmt: skip
            write_results(results, options.out)
            print(one_line(rows[-1]), flush=True)
    results["bare_loop_after"] = _bare_loop(options)
    written = write_results(results, options.out)
    if options.docs:
        written += write_page(results, options.docs)
    if options.readme:
        write_table(results, options.readme)
    for path in written:
        print(path)
    return 1 if failed else 0


def _write_page_anew(options: argparse.Namespace) -> int:
    if not options.docs:
        raise SystemExit("--reuse is for --docs")
    results = json.loads((options.out / "results.json").read_text())
    for path in write_page(results, options.docs):
        print(path)
    if options.readme:
        write_table(results, options.readme)
    return 0
