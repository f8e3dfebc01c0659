"""`python -m fuzz`: the parsers, then the live server; exit code 1 when anything was found."""

from __future__ import annotations

import argparse
import json
import random
import sys
import time

from fuzz.parsers import Outcome, has_coverage, keep, run_targets
from fuzz.registry import TARGET_NAMES, WORK, load

_LIVE_SHARE = 0.25
"""How much of the time the live server gets."""


def main() -> int:
    """Parse the options, run, and print a table of counts."""
    options = _options()
    if options.list:
        for name in TARGET_NAMES:
            print(f"{name:22} {load(name).invariant}")
        return 0
    names = options.only or TARGET_NAMES
    if options.keep:
        keep(names)
        return 0
    print(f"seed {options.seed}", flush=True)
    found = False
    seconds = options.seconds
    if not options.live_only:
        share = seconds if options.no_live else seconds * (1 - _LIVE_SHARE)
        found |= _fuzz_parsers(names, share, options)
    if not options.no_live:
        share = seconds if options.live_only else seconds * _LIVE_SHARE
        found |= _fuzz_live(share, options)
    return int(found)


def _fuzz_parsers(names: tuple[str, ...], seconds: float, options: argparse.Namespace) -> bool:
    if not has_coverage() and not options.blind:
        print("atheris is not installed (it has no wheel for every system): mutating blindly")
    outcomes: list[Outcome] = []
    runs = run_targets(
        names,
        seconds=seconds,
        executions=options.executions,
        seed=options.seed,
        blind=options.blind,
    )
    for outcome in runs:
        outcomes.append(outcome)
        verdict = "FINDING" if outcome.finding else "ok"
        rate = outcome.executions / outcome.seconds
        print(f"{outcome.name:22} {outcome.executions:>12,} {rate:>9,.0f}/s  {verdict}", flush=True)
        if outcome.finding:
            print(outcome.finding, flush=True)
    total = sum(outcome.executions for outcome in outcomes)
    findings = [outcome.name for outcome in outcomes if outcome.finding]
    print(f"{'parsers':22} {total:>12,} executions, {len(findings)} findings", flush=True)
    WORK.mkdir(exist_ok=True)
    counts = {outcome.name: outcome.executions for outcome in outcomes}
    report = {"seed": options.seed, "ended": time.time(), "executions": counts}
    with (WORK / "counts.jsonl").open("a") as log:
        log.write(json.dumps(report | {"findings": findings}) + "\n")
    return bool(findings)


def _fuzz_live(seconds: float, options: argparse.Namespace) -> bool:
    from fuzz.live.run import fuzz_server

    return fuzz_server(seconds=seconds, steps=options.steps, seed=options.seed)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    add = parser.add_argument
    add("--seconds", type=float, default=60.0, help="time for all of it")
    add("--executions", type=int, help="end the parsers after so many runs in all")
    add("--steps", type=int, help="how many steps the live server gets, whatever time they take")
    add("--seed", type=int, default=random.SystemRandom().randrange(1, 2**31), help="to repeat one")
    add("--only", nargs="+", metavar="TARGET", choices=TARGET_NAMES, help="these parsers alone")
    add("--blind", action="store_true", help="without coverage: more runs in a short time")
    add("--no-live", action="store_true", help="parsers alone")
    add("--live-only", action="store_true", help="the live server alone")
    add("--keep", action="store_true", help="take what was found into the corpora; runs nothing")
    add("--list", action="store_true", help="name the targets and what each holds to")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
