"""The camera's frames."""

from datetime import datetime

import numpy as np
import pytest

from headwater.libav.camera.picture import Picture

NOON = datetime(2026, 1, 1, 12, 0, 0, 0)


@pytest.mark.parametrize(("width", "height"), [(640, 360), (320, 240), (1280, 720)])
def test_a_frame_is_a_whole_yuv_picture(width: int, height: int) -> None:
    frame = Picture(width, height).draw(0, NOON)
    assert frame.shape == (height * 3 // 2, width)
    assert frame.dtype == np.uint8


def test_the_picture_moves() -> None:
    picture = Picture(640, 360)
    assert not np.array_equal(picture.draw(1, NOON), picture.draw(2, NOON))


def test_the_clock_runs() -> None:
    picture = Picture(640, 360)
    later = NOON.replace(microsecond=40_000)
    assert not np.array_equal(picture.draw(1, NOON), picture.draw(1, later))


def test_the_same_moment_is_the_same_picture() -> None:
    assert np.array_equal(Picture(640, 360).draw(7, NOON), Picture(640, 360).draw(7, NOON))


def test_the_ball_stays_in_the_picture() -> None:
    picture = Picture(320, 240)
    brightest = [
        int((picture.draw(number, NOON)[:240] == 235).sum()) for number in range(0, 600, 7)
    ]
    # Clock and ball are the only white things; what is behind the clock's box stays there.
    assert min(brightest) > 300
