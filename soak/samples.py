"""One look at the server under churn."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Sample:
    """What the server held and how it served at one moment.

    `at_s` counts from the beginning of the churn. Latencies are those of packets sent once every
    40 ms through the server since the sample before, `frame_gap_s` is the longest wait of the
    steady reader between two frames, `lives` what peers have done in all.
    """

    at_s: float
    memory_bytes: int
    tasks: int
    threads: int
    descriptors: int
    udp_pairs: int
    connections: int
    sessions: int
    mounts: int
    objects: int
    latency_p50_ms: float
    latency_p99_ms: float
    frame_gap_s: float
    frames: int
    frames_lost: int
    lives: int


def write_csv(samples: Sequence[Sample], path: Path) -> None:
    """Write every sample as a line."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([field.name for field in fields(Sample)])
        writer.writerows(astuple(sample) for sample in samples)
