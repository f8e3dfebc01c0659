"""Functions over frames that tests hand to processes, which import them by their names."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from headwater import Frame


def inverted(frame: Frame) -> NDArray[np.uint8]:
    """The picture in its opposite colours."""
    return 255 - frame.array()


def dies_at_first(frame: Frame) -> NDArray[np.uint8]:
    """Takes its process with it, for the first frame."""
    if frame.index == 0:
        os._exit(1)
    return frame.array()
