"""Converters are set up once for pictures of one kind, by each thread, and not for ever more."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from av import VideoFrame
from av.video.reformatter import VideoReformatter

from headwater.libav.decoding import conversion
from headwater.libav.decoding.conversion import MOST_KEPT, converted


@pytest.fixture
def set_up(monkeypatch: pytest.MonkeyPatch) -> list[VideoReformatter]:
    """The converters that are set up from now on."""
    made: list[VideoReformatter] = []

    def counted() -> VideoReformatter:
        made.append(VideoReformatter())
        return made[-1]

    monkeypatch.setattr(conversion, "VideoReformatter", counted)
    monkeypatch.setattr(conversion, "_kept", conversion._Kept())
    return made


def grey(level: int, size: tuple[int, int] = (64, 48)) -> VideoFrame:
    width, height = size
    return VideoFrame.from_ndarray(np.full((height, width), level, np.uint8), format="gray")


def test_pictures_of_one_kind_share_a_converter_and_not_what_comes_out(
    set_up: list[VideoReformatter],
) -> None:
    dark, light = (converted(grey(level), 32, 24, "bgr24") for level in (10, 200))
    assert len(set_up) == 1
    assert (dark.width, dark.height, dark.format.name) == (32, 24, "bgr24")
    assert dark.to_ndarray().max() < 20
    assert light.to_ndarray().min() > 190


def test_those_used_longest_ago_are_let_go(set_up: list[VideoReformatter]) -> None:
    for width in range(16, 16 + 2 * MOST_KEPT, 2):
        converted(grey(9), width, 24, "bgr24")
        converted(grey(9), 64, 48, "rgb24")
    assert len(set_up) == MOST_KEPT + 1, "what is used all the time stays"
    converted(grey(9), 16, 24, "bgr24")
    assert len(set_up) == MOST_KEPT + 2
    assert len(conversion._kept.by_key) == MOST_KEPT


def test_each_thread_has_its_own(set_up: list[VideoReformatter]) -> None:
    converted(grey(9), 32, 24, "bgr24")
    other = threading.Thread(target=converted, args=(grey(9), 32, 24, "bgr24"))
    other.start()
    other.join()
    assert len(set_up) == 2


def test_a_format_that_there_is_not_is_refused(set_up: list[VideoReformatter]) -> None:
    with pytest.raises(ValueError, match="no_such_format"):
        converted(grey(9), 64, 48, "no_such_format")
    assert conversion._kept.by_key == {}
    assert len(set_up) == 1
