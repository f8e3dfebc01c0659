"""Digits as dots."""

import pytest

from headwater.libav.camera.glyphs import COLUMNS, ROWS, text_mask


@pytest.mark.parametrize("character", list("0123456789:. "))
def test_every_character_of_a_clock_has_its_dots(character: str) -> None:
    mask = text_mask(character, 1)
    assert mask.shape == (ROWS, COLUMNS)
    assert mask.any() == (character != " ")


def test_digits_differ() -> None:
    assert len({text_mask(digit, 1).tobytes() for digit in "0123456789"}) == 10


def test_dots_grow() -> None:
    small, large = text_mask("1:2", 1), text_mask("1:2", 3)
    assert large.shape == (small.shape[0] * 3, small.shape[1] * 3)
    assert large.sum() == small.sum() * 9
