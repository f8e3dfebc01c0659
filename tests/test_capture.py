"""A capture gives the newest frame, goes on when the camera comes back, and never hangs."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import UTC, datetime
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("av")

from pyav_player import pictures_of

from headwater.capture import FPS, FRAME_HEIGHT, FRAME_WIDTH, VideoCapture
from headwater.testing import FakeCamera, number_of

LATE_S = 20.0


def number_in(picture: NDArray[np.uint8] | None) -> int:
    assert picture is not None
    return number_of(picture[:, :, 0].tobytes())


@pytest.mark.parametrize("codec", ["h264", "h265", "mjpeg"])
def test_each_read_gives_a_newer_frame(codec: str) -> None:
    with FakeCamera(codec=codec) as camera, VideoCapture(camera.url, timeout_s=LATE_S) as capture:
        assert capture.isOpened()
        numbers = []
        for _ in range(10):
            there, picture = capture.read()
            assert there
            numbers.append(number_in(picture))
        assert numbers == sorted(set(numbers))
        assert (capture.get(FRAME_WIDTH), capture.get(FRAME_HEIGHT)) == (320, 240)
        assert capture.get(FPS) == pytest.approx(25, abs=0.5)
        assert capture.gap == 0


def test_a_busy_program_gets_the_newest_frame_and_is_told_what_it_missed() -> None:
    with FakeCamera() as camera, VideoCapture(camera.url, timeout_s=LATE_S) as capture:
        capture.read()
        pictures_of(camera.url, 40)  # more than a second passes
        capture.read()
        assert capture.skipped > 5
        assert capture.timestamp is not None
        assert abs((datetime.now(UTC) - capture.timestamp).total_seconds()) < LATE_S


@pytest.mark.parametrize("place", ["thread", "process"])
def test_it_goes_on_when_the_camera_is_back(place: Literal["thread", "process"]) -> None:
    with (
        FakeCamera() as camera,
        VideoCapture(camera.url, timeout_s=LATE_S, decode_in=place) as capture,
    ):
        assert capture.read()[0]
        camera.restart()
        played = len(camera.seen("PLAY"))
        camera.wait_for("PLAY", played + 1, timeout_s=LATE_S)
        assert capture.read()[0]
        assert capture.isOpened()


def test_without_a_camera_it_says_so_in_time() -> None:
    with FakeCamera() as gone:
        url = gone.url
    with VideoCapture(url, timeout_s=0.5) as capture:
        assert not capture.isOpened()
        assert capture.read() == (False, None)


def test_silence_is_an_answer_and_no_wait_for_ever() -> None:
    with FakeCamera() as camera, VideoCapture(camera.url, timeout_s=3.0) as capture:
        assert capture.read()[0]
        camera.fall_silent()
        answers = [capture.read()[0] for _ in range(4)]
        assert answers[-1] is False
        assert capture.isOpened()


def test_a_release_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    with FakeCamera() as camera:
        capture = VideoCapture(camera.url, timeout_s=LATE_S)
        capture.release()
        capture.release()
        assert camera.wait_for("TEARDOWN", timeout_s=LATE_S)
    left = {thread.name for thread in set(threading.enumerate()) - before}
    assert not {name for name in left if name.startswith("the capture")}


def test_a_program_that_forgets_to_release_it_ends_all_the_same() -> None:
    code = (
        "import sys; from headwater.capture import VideoCapture\n"
        "capture = VideoCapture(sys.argv[1], 1900); print(capture.read()[0])"
    )
    with FakeCamera() as camera:
        told = subprocess.run(
            [sys.executable, "-c", code, camera.url], capture_output=True, text=True, timeout=60
        )
    assert (told.stdout, told.stderr, told.returncode) == ("True\n", "", 0)


def test_a_url_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="RTSP"):
        VideoCapture("http://camera/live")
