"""`python -m soak.links`: what players see of a cluster whose nodes and links fail, as a table.

Three nodes with the settings that they have by themselves, a registry and a camera, each in a
network namespace. Needs root; `--case NAME` runs some of the cases, `--runs N` each so often.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from statistics import median

from cluster_link_cases import CASES, Audience, Watched
from link_readers import Program, Seen
from linked_cluster import linked_cluster
from vlc_program import why_no_rtsp

GRACE_S = 10.0


async def run(case: str, programs: Sequence[Program]) -> Watched:
    """One case in a cluster of its own."""
    async with linked_cluster(GRACE_S) as cluster:
        audience = Audience(cluster, programs)
        await audience.begin()
        return await CASES[case](audience)


def rows(case: str, runs: Sequence[Watched]) -> list[str]:
    """Lines of the table: medians, and the largest in parentheses where it is another."""
    elsewhere_s = [each.elsewhere_s for each in runs if each.elsewhere_s is not None]
    moved = f"{spread(elsewhere_s)} s" if elsewhere_s else "stays"
    readers: list[tuple[str, list[Seen]]] = [("that node", [each.holder for each in runs])]
    readers += [("another", list(seen)) for seen in zip(*(each.edge for each in runs), strict=True)]
    readers += [("the third", [each.third for each in runs])]
    return [
        f"| {case} | {moved} | {seen[0].reader} at {place} "
        f"| {spread([each.gap_s for each in seen])} "
        f"| {spread([each.reconnects for each in seen], 0)} "
        f"| {spread([each.damaged for each in seen], 0)} |"
        for place, seen in readers
    ]


def spread(values: Sequence[float], digits: int = 1) -> str:
    """The median and, where some are larger, the largest."""
    middle, most = f"{median(values):.{digits}f}", f"{max(values):.{digits}f}"
    return middle if middle == most else f"{middle} ({most})"


async def main() -> None:
    """Run the cases in turn, and print a table as each is done."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--case", action="append", choices=list(CASES), default=[])
    parser.add_argument("--runs", type=int, default=1)
    asked = parser.parse_args()
    programs = [each for each in Program if each is not Program.VLC or why_no_rtsp() is None]
    print("| case | plays elsewhere after | reader | longest gap, s | reconnects | damaged |")
    print("|---|---|---|---|---|---|", flush=True)
    for case in asked.case or CASES:
        runs = [await run(case, programs) for _ in range(asked.runs)]
        print("\n".join(rows(case, runs)), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
