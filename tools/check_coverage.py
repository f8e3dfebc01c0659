"""Hold the branches that the tests take to floors; reads the JSON report of a coverage run."""

import json
import sys
from pathlib import Path
from typing import Any

PACKAGE = "src/headwater/"
FLOORS_PERCENT = {"protocol/": 99.7, "media/": 98.0, "": 93.0}
"""The least share of branches taken in a room; no room stands for the whole package."""


def main(report: str) -> int:
    """Print the share of each room beside its floor; the exit code is 1 when one is below."""
    files: dict[str, Any] = json.loads(Path(report).read_text(encoding="utf-8"))["files"]
    failed = False
    for room, floor_percent in FLOORS_PERCENT.items():
        taken, branches = branches_of(files, PACKAGE + room)
        percent = 100.0 * taken / branches if branches else 0.0
        below = percent < floor_percent
        failed |= below
        verdict = "below its floor: test what is new" if below else "at or above its floor"
        sys.stdout.write(
            f"{PACKAGE}{room}: {taken} of {branches} branches taken, {percent:.2f} %: "
            f"{verdict} of {floor_percent} %\n"
        )
    return int(failed)


def branches_of(files: dict[str, Any], folder: str) -> tuple[int, int]:
    """How many branches of a folder were taken, and how many there are."""
    found = [each["summary"] for name, each in files.items() if name.startswith(folder)]
    taken = sum(summary["covered_branches"] for summary in found)
    return taken, sum(summary["num_branches"] for summary in found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
