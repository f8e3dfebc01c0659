"""The camera's sound: a quiet tone, and a beep on each full second of the picture's clock."""

import numpy as np
from numpy.typing import NDArray

TONE_HZ = 440
BEEP_HZ = 880
BEEP_S = 0.1
_TONE_LEVEL = 0.05
_BEEP_LEVEL = 0.3


def tone(first_sample: int, count: int, sample_rate_hz: int) -> NDArray[np.float32]:
    """`count` samples of one channel from `first_sample` on, counted from a full second."""
    seconds = (first_sample + np.arange(count)) / sample_rate_hz
    wave = _TONE_LEVEL * np.sin(2 * np.pi * TONE_HZ * seconds)
    beeping = seconds % 1.0 < BEEP_S
    wave += np.where(beeping, _BEEP_LEVEL * np.sin(2 * np.pi * BEEP_HZ * seconds), 0.0)
    return wave.astype(np.float32).reshape(1, count)
