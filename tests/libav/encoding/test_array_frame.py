"""Arrays of pictures and sound: what fits is copied, what does not is refused with a remedy."""

from __future__ import annotations

from typing import Any

import av
import numpy as np
import pytest

from headwater.libav.encoding.array_frame import picture_of, samples_of

SHAPES = {
    "bgr24": (48, 64, 3),
    "rgb24": (48, 64, 3),
    "gray": (48, 64),
    "bgra": (48, 64, 4),
    "rgba": (48, 64, 4),
}


@pytest.mark.parametrize("name", SHAPES)
def test_an_array_is_copied_as_it_is(name: str) -> None:
    array = np.random.default_rng(1).integers(0, 255, SHAPES[name], np.uint8)
    before = array.copy()
    video = picture_of(array, 64, 48, name)
    array[:] = 0
    assert np.array_equal(video.to_ndarray(), before)


def test_an_array_may_be_a_view() -> None:
    array = np.random.default_rng(1).integers(0, 255, (48, 64, 3), np.uint8)
    video = picture_of(array[..., ::-1], 64, 48, "bgr24")
    assert np.array_equal(video.to_ndarray(), array[..., ::-1])


class Tensor:
    """An array of another library."""

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        self._array = array

    def __dlpack__(self, **arguments: Any) -> Any:
        return self._array.__dlpack__(**arguments)

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0


def test_arrays_of_other_libraries_are_taken_by_dlpack() -> None:
    array = np.full((48, 64, 3), 7, np.uint8)
    assert np.array_equal(picture_of(Tensor(array), 64, 48, "bgr24").to_ndarray(), array)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (np.zeros((48, 64, 3)), r"not \(48, 64, 3\) of float64; bring its values to 0 to 255"),
        (np.zeros((48, 64), np.uint8), r"say format='gray' to publish_frames"),
        (np.zeros((48, 64, 4), np.uint8), r"say format='bgra' or format='rgba'"),
        (np.zeros((48, 64, 2), np.uint8), r"leave out what is no colour"),
        (np.zeros((24, 32, 3), np.uint8), r"32x24 does not fit a stream of 64x48: resize it"),
        (np.zeros((9,), np.uint8), r"is an array of \(48, 64, 3\) of uint8, not \(9,\) of uint8"),
        (av.VideoFrame(32, 24, "yuv420p"), r"publish anew with size=\(32, 24\)"),
        ("picture.jpg", r"an array is needed, not str"),
        (None, r"an array is needed, not NoneType"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_remedy(given: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        picture_of(given, 64, 48, "bgr24")


def test_samples_may_be_integers_and_of_one_axis() -> None:
    whole = samples_of(np.array([0, 16_384, -32_768], np.int16), 1)
    assert whole.tolist() == [[0.0], [0.5], [-1.0]]
    assert samples_of(np.array([[2.0, -2.0]]), 2).tolist() == [[1.0, -1.0]]


@pytest.mark.parametrize(
    ("given", "channels", "said"),
    [
        (np.zeros(10, np.float32), 2, r"an array of \(samples, 2\), not \(10,\) of float32"),
        (np.zeros((10, 2), np.float32), 1, r"`channels` of publish_frames says how many"),
        (np.zeros((10, 1), np.uint8), 1, r"float from -1 to 1, or int16, not \(10, 1\) of uint8"),
    ],
)
def test_samples_that_do_not_fit_are_refused(given: object, channels: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        samples_of(given, channels)
