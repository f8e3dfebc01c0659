"""The page of the documentation: promises read off the results, and what it says of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from bench.page import BY_HAND, PROMISES, Results, page, part_by_hand
from bench.report import markdown

MACHINE = {
    "server_cpu": "0",
    "load_cpu": "1",
    "runs_of_each_step": "3",
    "readers_of_the_load": "poll",
}


def results(*rows: tuple[str, str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "machine": MACHINE,
        "bare_loop": {"udp": {"us": 0.6}, "tcp": {"us": 0.4}},
        "steps": [
            {"peer": peer, "scenario": "one-to-many", "step": step, "figures": figures}
            for peer, step, figures in rows
        ],
    }


UDP_400 = "400 UDP readers at 4 Mb/s"


def verdict(given: dict[str, Any], text: str) -> str:
    """The last cell of the line of the first promise with this text."""
    line = next(line for line in page(given, None).splitlines() if text in line)
    return line.split("|")[-2].strip()


@pytest.mark.parametrize(
    ("ours", "said"), [(1.5, "kept"), (1.501, "**missed**"), (9.0, "**missed**")]
)
def test_a_quarter_of_the_other_at_its_best_load(ours: float, said: str) -> None:
    given = results(
        ("headwater", UDP_400, {"us_per_packet": ours, "lost_percent": 0.0}),
        ("node", UDP_400, {"us_per_packet": 7.0, "lost_percent": 0.0}),
        ("node", "300 UDP readers at 4 Mb/s", {"us_per_packet": 6.0, "lost_percent": 0.05}),
        ("node", "350 UDP readers at 4 Mb/s", {"us_per_packet": 4.0, "lost_percent": 7.0}),
    )
    assert verdict(given, "at its best load") == said


@pytest.mark.parametrize(("lost", "said"), [(0.0, "kept"), (0.0001, "**missed**")])
def test_no_loss_means_none(lost: float, said: str) -> None:
    given = results(("headwater", UDP_400, {"us_per_packet": 1.0, "lost_percent": lost}))
    assert verdict(given, "lost %") == said


@pytest.mark.parametrize(("a_second", "said"), [(1000.0, "kept"), (999.0, "**missed**")])
def test_a_bound_from_below(a_second: float, said: str) -> None:
    step = "sessions per second over UDP"
    given = results(("headwater", step, {"sessions_per_s": a_second}))
    assert verdict(given, "torn down") == said


def test_a_promise_without_a_figure_is_left_out() -> None:
    text = page(results(), None)
    assert not any(promise.text in text for promise in PROMISES)


def test_the_best_of_a_server_that_is_not_there() -> None:
    assert Results(results()).other_best("us_per_packet") is None


def test_a_step_that_could_not_be_measured_says_why() -> None:
    given = results(("node", "1000 UDP readers at 4 Mb/s", {"skipped": "overloaded: 7 of 1000"}))
    assert "| overloaded: 7 of 1000 |" in markdown(given)


def test_the_method_names_how_the_load_reads() -> None:
    assert "the load's readers poll." in page(results(), None)


def test_what_was_measured_by_hand_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "benchmarks.md"
    assert part_by_hand(path) == ""
    kept = f"\n{BY_HAND}\n### Glass to glass\n"
    path.write_text(page(results(), None) + kept, encoding="utf-8")
    assert part_by_hand(path) == kept
