"""Pictures that a test makes, each with its number in it: eight squares along the top."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headwater.testing import number_of

WIDTH, HEIGHT = 320, 240
SIZE = (WIDTH, HEIGHT)
_SQUARE = WIDTH // 8


def numbered(number: int, *, colour: tuple[int, int, int] = (90, 120, 60)) -> NDArray[np.uint8]:
    """A picture of (height, width, 3): its number above, and one colour below."""
    picture = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    picture[:] = colour
    for bit in range(8):
        white = number >> (7 - bit) & 1
        picture[:_SQUARE, bit * _SQUARE : (bit + 1) * _SQUARE] = 255 if white else 0
    return picture


def seen_number(luma: NDArray[np.uint8]) -> int:
    """The number that a decoded picture carries."""
    return number_of(np.ascontiguousarray(luma).tobytes())
