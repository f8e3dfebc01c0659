"""The rule by which a soak run is judged."""

from __future__ import annotations

import random
from dataclasses import replace

from soak.samples import Sample
from soak.verdict import RETURNING, flatness, returned, slope

LEVEL = Sample(
    at_s=0.0,
    memory_bytes=30_000_000,
    tasks=3,
    threads=1,
    descriptors=80,
    udp_pairs=20,
    connections=30,
    sessions=100,
    mounts=12,
    objects=30_000,
    latency_p50_ms=0.5,
    latency_p99_ms=2.0,
    frame_gap_s=0.05,
    frames=0,
    frames_lost=0,
    lives=0,
)


def run(**growth_per_s: float) -> list[Sample]:
    """Half an hour of samples; the named figures grow, all of them are noisy."""
    noise = random.Random(1)
    samples = []
    for number in range(360):
        at_s = 5.0 * number
        values = {
            name: round(getattr(LEVEL, name) * noise.uniform(0.95, 1.05))
            for name in ("descriptors", "sessions", "connections")
        }
        for name, per_s in growth_per_s.items():
            values[name] = values.get(name, getattr(LEVEL, name)) + int(per_s * at_s)
        samples.append(replace(LEVEL, at_s=at_s, **values))
    return samples


def bad(samples: list[Sample]) -> set[str]:
    return {finding.figure for finding in flatness(samples) if not finding.good}


def test_a_level_run_is_flat() -> None:
    assert bad(run()) == set()


def test_what_grows_is_named() -> None:
    # 24 minutes are judged: 5 MB and a quarter of the descriptors are allowed in that time.
    assert bad(run(memory_bytes=6e6 / 1440, descriptors=40 / 1440)) == {
        "memory_bytes",
        "descriptors",
    }


def test_growth_within_its_allowance_passes() -> None:
    assert bad(run(memory_bytes=3e6 / 1440, descriptors=10 / 1440)) == set()


def test_growth_while_warming_up_is_not_judged() -> None:
    samples = [
        replace(sample, memory_bytes=30_000_000 + int(min(sample.at_s, 300) * 100_000))
        for sample in run()
    ]
    assert bad(samples) == set()


def test_outliers_do_not_move_the_slope() -> None:
    points = [(float(at), 10.0) for at in range(100)]
    points[90] = (90.0, 1e9)
    assert slope(points) == 0.0


def test_latency_that_is_unknown_is_passed_over() -> None:
    samples = run()
    samples[0] = replace(samples[0], latency_p99_ms=float("nan"))
    samples[200] = replace(samples[200], latency_p99_ms=float("nan"))
    assert bad(samples) == set()


def test_a_run_without_samples_is_not_flat() -> None:
    assert bad([]) == {"samples"}


def test_everything_must_return_to_the_unit() -> None:
    before = dict.fromkeys(RETURNING, 4.0)
    after = before | {"descriptors": 5.0, "sessions": 3.0}
    assert [finding.figure for finding in returned(before, after) if not finding.good] == [
        "descriptors"
    ]
