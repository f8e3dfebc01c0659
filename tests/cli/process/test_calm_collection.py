"""What a crowd brings causes no full collection, and what was loaded before is never looked at."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import gc
from headwater.cli.process.calm_collection import collect_in_calm_moments

gc.set_threshold(700, 10, 10)
if {calm}:
    collect_in_calm_moments()
    print(gc.get_freeze_count() > 1_000)
else:
    gc.collect()
    print(False)
before = gc.get_stats()[2]["collections"]
crowd = [[] for _ in range(300_000)]
print(gc.get_stats()[2]["collections"] - before)
"""


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="collects all generations little by little")
def test_a_crowd_causes_no_full_collection() -> None:
    calm, usual = (
        subprocess.run(
            [sys.executable, "-c", PROGRAM.format(calm=calm)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for calm in (True, False)
    )
    assert calm == ["True", "0"]
    assert int(usual[1]) > 0, "without it there are some"
