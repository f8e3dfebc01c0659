"""Numbers with so many digits that count."""

import pytest

from headwater.control.board.card import rounded


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, 0), (0.4, 0), (7.9, 7), (99.0, 99), (123.0, 120), (1_987_654.3, 2_000_000)],
)
def test_rounded(value: float, shown: int) -> None:
    assert rounded(value) == shown
