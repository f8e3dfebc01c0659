"""The board drawn: everything in 80 columns, as many paths as fit, words of peers harmless."""

from __future__ import annotations

import io
from typing import Any

import pytest
from board_plain import TROUBLE, plain_card, seen_board
from rich.console import Console

from headwater.cli.top.seen import Order, SeenBoard
from headwater.cli.top.view import top_view

LONG = "/a-very-long-name/of-a-camera/in-a-building/that-nobody/can-remember"


def drawn(seen: SeenBoard, order: Order = Order.NAME, *, width: int = 80, **more: Any) -> list[str]:
    out = io.StringIO()
    console = Console(file=out, width=width)
    console.print(top_view(seen, order, width=width, **more))
    lines = out.getvalue().splitlines()
    assert all(len(line) <= width for line in lines)
    return lines


def test_all_that_matters_fits_into_eighty_columns() -> None:
    text = "\n".join(drawn(seen_board(plain_card(LONG, readers=12), plain_card("/b"))))
    for word in ("headwater 1 running", "up 2 min", "live 2", "in 2 Mb/s", "out 6 Mb/s"):
        assert word in text
    line = next(line for line in text.splitlines() if "/a-very" in line)
    for word in ("live", "1 Mb/s", "12", "2.0s", "0.0%", "20 s"):
        assert word in line


def test_warnings_say_what_to_do() -> None:
    text = "\n".join(drawn(seen_board(plain_card("/a", troubles=[TROUBLE]), plain_card("/b"))))
    assert "! /a: no sender reports: sound may drift" in text
    assert TROUBLE["remedy"] in text


@pytest.mark.parametrize("height", [10, 24, 60])
@pytest.mark.parametrize("troubles", [0, 9])
def test_a_terminal_is_never_overfull(height: int, troubles: int) -> None:
    cards = [plain_card(f"/cam-{n:03}") for n in range(300)]
    for card in cards[:troubles]:
        card["troubles"] = [TROUBLE]
    lines = drawn(seen_board(*cards), height=height)
    if height >= 24:
        assert len(lines) <= height
    assert "q quit" in lines[-1]


def test_it_scrolls() -> None:
    cards = [plain_card(f"/cam-{n:03}") for n in range(300)]
    text = "\n".join(drawn(seen_board(*cards), height=24, first=100))
    assert "/cam-100" in text
    assert "/cam-099" not in text
    assert "101 to" in text
    assert "/cam-299" in "\n".join(drawn(seen_board(*cards), height=24, first=9999))


@pytest.mark.parametrize(
    ("state", "word"), [("down", "down"), ("waiting", "waiting"), ("idle", "on demand")]
)
def test_states(state: str, word: str) -> None:
    card = plain_card("/a", state=state, since_s=None, publisher=None)
    line = next(line for line in drawn(seen_board(card)) if "/a" in line)
    assert word in line
    assert "Mb/s" not in line


def test_where_there_is_room_it_says_who_publishes() -> None:
    source = {"url": "rtsp://cam/1", "on_demand": False, "error": ""}
    board = seen_board(plain_card("/a"), plain_card("/b", source=source))
    text = "\n".join(drawn(board, width=140))
    assert "ann 192.0.2.7:5000 encoder" in text
    assert "rtsp://cam/1" in text


def test_names_are_no_markup() -> None:
    text = "\n".join(drawn(seen_board(plain_card("/[bold red]x[/]"))))
    assert "/[bold red]x[/]" in text


def test_workers_and_troubles_of_the_server() -> None:
    workers = [{"name": "w1", "mounts": 3, "sessions": 9}]
    board = seen_board(workers=workers, troubles=[TROUBLE])
    text = "\n".join(drawn(board))
    assert "w1 3/9" in text
    assert "sound may drift" in text
    assert "nothing is live" in text


def test_who_may_not_see_the_server_sees_the_paths() -> None:
    board = SeenBoard(120.0, None, (plain_card("/a"),))
    assert "1 paths" in drawn(board)[0]
