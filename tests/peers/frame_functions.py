"""Functions over frames that tests hand to processes, which import them by their names."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headwater import Frame

DIED = "HEADWATER_TEST_DIED"
"""The variable with the name of a file that is there once a process has died."""


def inverted(frame: Frame) -> NDArray[np.uint8]:
    """The picture in its opposite colours."""
    return 255 - frame.array()


def dies_at_first(frame: Frame) -> NDArray[np.uint8]:
    """Takes its process with it, for the first frame that any of its processes gets."""
    mark = Path(os.environ[DIED])
    if not mark.exists():
        mark.touch()
        os._exit(1)
    return frame.array()
