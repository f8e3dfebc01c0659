"""The camera's picture: colour bars that drift, a ball that bounces, and the time of day."""

import itertools
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from headwater.libav.camera.glyphs import text_mask

Plane = NDArray[np.uint8]

# Luma and the two colour differences of the bars, ITU-R BT.601, 75 %.
_BARS = (
    (180, 128, 128),
    (162, 44, 142),
    (131, 156, 44),
    (112, 72, 58),
    (84, 184, 198),
    (65, 100, 212),
    (35, 212, 114),
)
_WHITE = 235
_BLACK = 16
_GREY = 128


class Picture:
    """Draws frames of one size as planar YUV 4:2:0, the form the encoder takes."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self._luma, self._blue, self._red = _bars(width, height)
        self._ball_pixels = height // 10 * 2
        self._ball = _disc(self._ball_pixels)

    def draw(self, frame_number: int, moment: datetime) -> Plane:
        """Return one frame: `height * 3 / 2` rows, luma above, the colour planes packed below."""
        shift = frame_number % self.width // 2 * 2
        luma = np.roll(self._luma, shift, axis=1)
        blue = np.roll(self._blue, shift // 2, axis=1)
        red = np.roll(self._red, shift // 2, axis=1)
        self._place_ball(luma, frame_number)
        self._place_clock((luma, blue, red), moment)
        quarter = self.height // 4
        frame = np.empty((self.height * 3 // 2, self.width), dtype=np.uint8)
        frame[: self.height] = luma
        frame[self.height : self.height + quarter] = blue.reshape(quarter, self.width)
        frame[self.height + quarter :] = red.reshape(quarter, self.width)
        return frame

    def _place_ball(self, luma: Plane, frame_number: int) -> None:
        size = self._ball_pixels
        left = _bounce(frame_number * 4, self.width - size)
        top = _bounce(frame_number * 3, self.height - size)
        luma[top : top + size, left : left + size][self._ball] = _WHITE

    def _place_clock(self, planes: tuple[Plane, Plane, Plane], moment: datetime) -> None:
        text = moment.strftime("%H:%M:%S.") + f"{moment.microsecond // 1000:03d}"
        # Twelve characters of six dots take two thirds of the width.
        mask = text_mask(text, max(1, self.width * 2 // 3 // (len(text) * 6)))
        rows, columns = mask.shape
        margin = rows // 4
        top = (self.height - rows) // 2
        left = (self.width - columns) // 2
        luma, *colours = planes
        luma[top - margin : top + rows + margin, left - margin : left + columns + margin] = _BLACK
        luma[top : top + rows, left : left + columns][mask] = _WHITE
        for colour in colours:
            colour[
                (top - margin) // 2 : (top + rows + margin) // 2,
                (left - margin) // 2 : (left + columns + margin) // 2,
            ] = _GREY


def _bars(width: int, height: int) -> tuple[Plane, Plane, Plane]:
    edges = np.linspace(0, width // 2, len(_BARS) + 1).astype(int) * 2
    luma = np.empty((height, width), dtype=np.uint8)
    blue = np.full((height // 2, width // 2), _GREY, dtype=np.uint8)
    red = blue.copy()
    for bar, (left, right) in zip(_BARS, itertools.pairwise(edges), strict=True):
        luma[:, left:right] = bar[0]
        blue[:, left // 2 : right // 2] = bar[1]
        red[:, left // 2 : right // 2] = bar[2]
    return luma, blue, red


def _disc(pixels: int) -> NDArray[np.bool_]:
    centre = (pixels - 1) / 2
    rows, columns = np.ogrid[:pixels, :pixels]
    disc: NDArray[np.bool_] = (rows - centre) ** 2 + (columns - centre) ** 2 <= centre**2
    return disc


def _bounce(travelled: int, room: int) -> int:
    """Return the position of something that runs to and fro over `room` pixels."""
    position = travelled % (2 * room)
    return position if position <= room else 2 * room - position
