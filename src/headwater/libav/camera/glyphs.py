"""Digits as dots, for a clock drawn without a font."""

import numpy as np
from numpy.typing import NDArray

ROWS = 7
COLUMNS = 5

_DOTS: dict[str, str] = {
    "0": ".###. #...# #..## #.#.# ##..# #...# .###.",
    "1": "..#.. .##.. ..#.. ..#.. ..#.. ..#.. .###.",
    "2": ".###. #...# ....# ...#. ..#.. .#... #####",
    "3": ".###. #...# ....# ..##. ....# #...# .###.",
    "4": "...#. ..##. .#.#. #..#. ##### ...#. ...#.",
    "5": "##### #.... ####. ....# ....# #...# .###.",
    "6": "..##. .#... #.... ####. #...# #...# .###.",
    "7": "##### ....# ...#. ..#.. .#... .#... .#...",
    "8": ".###. #...# #...# .###. #...# #...# .###.",
    "9": ".###. #...# #...# .#### ....# ...#. .##..",
    ":": "..... ..#.. ..#.. ..... ..#.. ..#.. .....",
    ".": "..... ..... ..... ..... ..... ..#.. ..#..",
    " ": "..... ..... ..... ..... ..... ..... .....",
}


def text_mask(text: str, dot_pixels: int) -> NDArray[np.bool_]:
    """Return the pixels of a text of digits, `:`, `.` and blanks, `dot_pixels` to a dot."""
    columns: list[NDArray[np.bool_]] = []
    for character in text:
        rows = _DOTS[character].split()
        columns.append(np.array([[dot == "#" for dot in row] for row in rows]))
        columns.append(np.zeros((ROWS, 1), dtype=np.bool_))
    mask: NDArray[np.bool_] = np.concatenate(columns[:-1], axis=1)
    return mask.repeat(dot_pixels, axis=0).repeat(dot_pixels, axis=1)
