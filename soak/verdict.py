"""Flat or not: the rule by which a run is judged.

Three questions, each asked of every figure it fits:

1. *Returned?* Once the churn has ended and every time-out has passed, descriptors, UDP pairs,
   connections, sessions, mounts and tasks are what they were before it began, to the unit.
2. *Flat?* The slope over time (Theil-Sen: the median of the slopes between all pairs of samples,
   which a few outliers do not move), taken over the samples behind the warm-up, must not let the
   figure grow by more than its allowance in the time that was measured.
3. *Undisturbed?* The steady reader missed no frame, and no peer met what it must not meet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from soak.samples import Sample

RETURNING = ("tasks", "descriptors", "udp_pairs", "connections", "sessions", "mounts")
WARM_UP_PART = 0.2
"""The part of a run, at its beginning, in which pools and tables may still fill."""
_MOST_SAMPLES = 400
_PAIRS_APART = 5


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much a figure may grow over the measured time: the larger of both."""

    absolute: float
    part_of_median: float


ALLOWANCES: Mapping[str, Allowance] = {
    "memory_bytes": Allowance(5e6, 0.0),
    "objects": Allowance(2000, 0.02),
    "tasks": Allowance(3, 0.25),
    "threads": Allowance(0.5, 0.0),
    "descriptors": Allowance(8, 0.25),
    "udp_pairs": Allowance(6, 0.25),
    "connections": Allowance(6, 0.25),
    "sessions": Allowance(8, 0.25),
    "mounts": Allowance(3, 0.25),
    "latency_p99_ms": Allowance(10.0, 0.5),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to one question about one figure."""

    figure: str
    question: str
    good: bool
    words: str


def slope(points: Sequence[tuple[float, float]]) -> float:
    """The Theil-Sen slope: the median of the slopes between points that are some steps apart."""
    step = max(1, len(points) // _MOST_SAMPLES)
    kept = points[::step]
    slopes = [
        (late[1] - early[1]) / (late[0] - early[0])
        for index, early in enumerate(kept)
        for late in kept[index + _PAIRS_APART :]
        if late[0] > early[0] and late[1] == late[1] and early[1] == early[1]
    ]
    return median(slopes) if slopes else 0.0


def flatness(samples: Sequence[Sample]) -> list[Finding]:
    """Whether each figure stayed level behind the warm-up."""
    if not samples:
        return [Finding("samples", "flat", good=False, words="there are none")]
    begin_s = samples[-1].at_s * WARM_UP_PART
    measured = [sample for sample in samples if sample.at_s >= begin_s]
    span_s = measured[-1].at_s - measured[0].at_s
    findings = []
    for name, allowance in ALLOWANCES.items():
        points = [(sample.at_s, float(getattr(sample, name))) for sample in measured]
        growth = slope(points) * span_s
        middle = median(value for _, value in points)
        allowed = max(allowance.absolute, allowance.part_of_median * middle)
        findings.append(
            Finding(
                name,
                "flat",
                good=growth <= allowed,
                words=f"median {middle:,.6g}, trend {growth:+,.4g} over {span_s / 60:.1f} min, "
                f"allowed {allowed:+,.4g}",
            )
        )
    return findings


def returned(before: Mapping[str, float], after: Mapping[str, float]) -> list[Finding]:
    """Whether each countable thing is back to where it was before the churn."""
    return [
        Finding(
            name,
            "returned",
            good=after[name] <= before[name],
            words=f"{before[name]:g} before, {after[name]:g} after",
        )
        for name in RETURNING
    ]
