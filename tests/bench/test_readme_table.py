"""README's small table: a line for each figure that was measured, a column for each server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from bench.readme_table import BEGIN, END, small_table, write_table

ROWS: list[dict[str, Any]] = [
    {"peer": "headwater", "step": "400 UDP readers at 4 Mb/s", "figures": {"us_per_packet": 1.204}},
    {
        "peer": "other",
        "step": "400 UDP readers at 4 Mb/s",
        "figures": {"us_per_packet": 5.2, "lost_percent": 0.49},
    },
    {"peer": "headwater", "step": "1000 TCP readers at 4 Mb/s", "figures": {"rss_mb": 44.4}},
    {"peer": "other", "step": "1000 TCP readers at 4 Mb/s", "figures": {"skipped": "overloaded"}},
]
TABLE = [
    "| | Headwater | other |",
    "|---|---:|---:|",
    "| CPU for each packet to 400 UDP readers | 1.20 µs | 5.20 µs, 0.5 % lost |",
    "| memory with 1,000 TCP readers | 44 MB | – |",
]


def test_what_was_measured_stands_side_by_side() -> None:
    assert list(small_table({"steps": ROWS})) == TABLE


def test_sessions_that_broke_off_cost_nothing_that_compares() -> None:
    step = "sessions per second over TCP"
    rows = [
        {"peer": peer, "step": step, "figures": {"ms_cpu_per_session": 0.5, "broken": broken}}
        for peer, broken in (("headwater", 0), ("go2rtc", 200))
    ]
    lines = list(small_table({"steps": rows}))
    assert lines[0] == "| | Headwater | go2rtc |"
    assert lines[2:] == ["| CPU for a reader that comes, plays and goes, TCP | 0.50 ms | – |"]


def test_only_what_is_between_the_marks_is_written_anew(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text(f"before\n{BEGIN}old\n{END}after\n")
    write_table({"steps": ROWS}, page)
    write_table({"steps": ROWS}, page)
    written = "\n".join(TABLE)
    assert page.read_text() == f"before\n{BEGIN}\n{written}\n\n{END}after\n"


def test_a_page_without_a_place_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text("no place\n")
    with pytest.raises(ValueError, match="has no place for the table"):
        write_table({"steps": ROWS}, page)
    assert page.read_text() == "no place\n"
