"""Keys change how the board is looked at; what ends it is told."""

from __future__ import annotations

import io
from collections.abc import Iterator
from threading import Event

import pytest
from board_plain import plain_card, seen_board
from rich.console import Console

from headwater.cli.top.screen import View, show
from headwater.cli.top.seen import Order, SeenBoard

BOARD = seen_board(*(plain_card(f"/cam-{n:03}", bits_per_s=n) for n in range(100)))


@pytest.mark.parametrize(
    ("keys", "view"),
    [
        ("", View(Order.NAME)),
        ("r", View(Order.RATE)),
        ("s", View(Order.RATE)),
        ("sssss", View(Order.NAME)),
        ("jj", View(Order.NAME, 2)),
        ("jk", View(Order.NAME, 0)),
        ("k", View(Order.NAME, 0)),
        (" j", View(Order.NAME, 11)),
        ("           ", View(Order.NAME, 99)),
        (" g", View(Order.NAME, 0)),
        ("jjw", View(Order.WARNINGS, 0)),
        ("x", View(Order.NAME)),
        ("rq", View(Order.RATE, over=True)),
        ("\x03", View(Order.NAME, over=True)),
    ],
)
def test_keys(keys: str, view: View) -> None:
    now = View(Order.NAME)
    for key in keys:
        now = now.after(key, 100)
    assert now == view


def test_it_draws_until_it_is_told_to_end() -> None:
    ended = Event()

    def boards() -> Iterator[SeenBoard]:
        yield BOARD
        ended.wait(10)

    out = io.StringIO()
    console = Console(file=out, width=80, height=24, force_terminal=True)
    pressed = iter(["", "r", "", "q"])
    show(boards(), console, lambda _wait_s: next(pressed), Order.NAME)
    ended.set()
    assert "/cam-000" in out.getvalue()
    assert "/cam-099" in out.getvalue()


def test_a_server_that_goes_away_is_told() -> None:
    def boards() -> Iterator[SeenBoard]:
        yield BOARD
        raise OSError("it is gone")

    console = Console(file=io.StringIO(), width=80, height=24, force_terminal=True)
    with pytest.raises(OSError, match="it is gone"):
        show(boards(), console, lambda _wait_s: "", Order.NAME)
