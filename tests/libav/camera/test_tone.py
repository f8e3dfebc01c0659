"""The camera's sound."""

import numpy as np

from headwater.libav.camera.tone import BEEP_HZ, TONE_HZ, tone

RATE_HZ = 48_000


def loudest_hz(samples: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> float:
    spectrum = np.abs(np.fft.rfft(samples[0]))
    return float(np.argmax(spectrum) * RATE_HZ / samples.shape[1])


def test_a_full_second_begins_with_a_beep() -> None:
    assert loudest_hz(tone(3 * RATE_HZ, RATE_HZ // 10, RATE_HZ)) == BEEP_HZ


def test_the_rest_is_the_tone() -> None:
    assert loudest_hz(tone(RATE_HZ // 2, RATE_HZ // 10, RATE_HZ)) == TONE_HZ


def test_pieces_join_without_a_step() -> None:
    whole = tone(0, 4096, RATE_HZ)
    pieces = np.concatenate([tone(first, 1024, RATE_HZ) for first in range(0, 4096, 1024)], axis=1)
    assert np.allclose(whole, pieces)


def test_nothing_is_clipped() -> None:
    assert float(np.abs(tone(0, RATE_HZ, RATE_HZ)).max()) < 1.0
