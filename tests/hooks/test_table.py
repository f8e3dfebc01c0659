"""The table of hooks, and the page that prints it."""

from __future__ import annotations

from pathlib import Path

import pytest

from headwater.hooks.table import BOTH_SIDES, HOOK_BY_NAME, HOOKS, HookPoint
from headwater.side import Side

_PAGE = Path(__file__).parents[2] / "docs" / "hooks.md"


def _row(point: HookPoint) -> str:
    sides = "both" if point.sides == BOTH_SIDES else str(point.sides[0])
    refuses = f"yes: {point.answers}" if point.may_refuse else "no"
    return f"| `{point.name}({', '.join(point.payload)})` | {sides} | {refuses} | {point.doc} |"


@pytest.mark.parametrize("point", HOOKS, ids=lambda point: point.name)
def test_page_has_the_table(point: HookPoint) -> None:
    assert _row(point) in _PAGE.read_text().splitlines()


def test_page_has_no_other_rows() -> None:
    rows = [line for line in _PAGE.read_text().splitlines() if line.startswith("| `")]
    assert rows[: len(HOOKS)] == [_row(point) for point in HOOKS]


def test_only_the_questions_may_refuse() -> None:
    assert [p.name for p in HOOKS if p.may_refuse] == [
        *("authentication", "check_mount", "on_mount_missing"),
    ]


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ("session_opened", "session_closed"),
        ("mount_opened", "mount_closed"),
        ("publisher_started", "publisher_stopped"),
        ("reader_started", "reader_stopped"),
    ],
)
def test_pairs_share_payload_and_sides(opening: str, closing: str) -> None:
    begin, end = HOOK_BY_NAME[opening], HOOK_BY_NAME[closing]
    assert (begin.payload, begin.sides, begin.tells_an_end) == (end.payload, end.sides, False)
    assert end.tells_an_end
    assert Side.PUBLISH in begin.sides or Side.PLAY in begin.sides
