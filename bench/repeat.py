"""Several runs of one step as one: medians, and sums of whatever must never be averaged away."""

import statistics
from collections.abc import Sequence

from bench.stage import Figures

SUMMED = frozenset(
    {
        "camera_errors",
        "broken",
        "damaged_packets",
        "delivered_packets",
        "expected_packets",
        "generator_overruns",
        "ingest_drops",
        "joins",
        "joins_without_key_frame",
        "lost_packets",
        "packets_missing_since_first",
        "readers_closed",
        "refused",
        "repeated_packets",
        "sequence_breaks",
        "sessions",
    }
)


def as_one(runs: Sequence[Figures]) -> Figures:
    """The figures of all runs together.

    Counts of packets, sessions and faults are added up, loss is that of all runs together,
    every other number is the median. Words stand when one run has them.
    """
    one: Figures = {}
    for name in dict.fromkeys(name for run in runs for name in run):
        values = [run[name] for run in runs if name in run]
        numbers = [value for value in values if not isinstance(value, str)]
        if len(numbers) < len(values):
            one[name] = next(value for value in values if isinstance(value, str))
        elif name in SUMMED:
            one[name] = sum(numbers)
        else:
            one[name] = statistics.median(numbers)
    costs = [float(run["us_per_packet"]) for run in runs if "us_per_packet" in run]
    if len(costs) > 1:
        one["us_per_packet_range"] = f"{min(costs):.2f}–{max(costs):.2f}"
    if "lost_percent" in one:
        expected = float(one["expected_packets"])
        one["lost_percent"] = 100 * float(one["lost_packets"]) / expected if expected else 0.0
    return one
