"""Several runs as one: what is a median and what is added up."""

from __future__ import annotations

from bench.repeat import as_one
from bench.stage import Figures


def test_figures_are_medians() -> None:
    runs: list[Figures] = [
        {"us_per_packet": cost, "latency_p99_ms": cost * 10} for cost in (1.5, 1.2, 1.3)
    ]
    one = as_one(runs)
    assert one["us_per_packet"] == 1.3
    assert one["latency_p99_ms"] == 13.0
    assert one["us_per_packet_range"] == "1.20–1.50"


def test_a_single_run_stays_as_it_is() -> None:
    run: Figures = {"us_per_packet": 1.5, "delivered_packets": 7, "loss_uncertain": "why"}
    assert as_one([run]) == run


def test_the_loss_of_one_run_in_three_is_not_averaged_away() -> None:
    runs: list[Figures] = [
        {"expected_packets": 1000, "lost_packets": lost, "lost_percent": lost / 10}
        for lost in (0, 30, 0)
    ]
    one = as_one(runs)
    assert one["lost_packets"] == 30
    assert one["lost_percent"] == 1.0


def test_faults_are_added_up() -> None:
    one = as_one([{"damaged_packets": 1, "refused": 0}, {"damaged_packets": 0, "refused": 2}])
    assert one == {"damaged_packets": 1, "refused": 2}


def test_a_failure_among_good_runs_stays() -> None:
    one = as_one([{"us_per_packet": 1.5}, {"failed": "no answer"}])
    assert one["failed"] == "no answer"


def test_what_nobody_expected_is_no_loss() -> None:
    one = as_one([{"expected_packets": 0, "lost_packets": 0, "lost_percent": 0.0}] * 2)
    assert one["lost_percent"] == 0.0
