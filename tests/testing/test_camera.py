"""The fake camera on its own thread, as scripts and tests without asyncio use it."""

from __future__ import annotations

import subprocess
import sys
import threading

import av
import pytest
from pyav_player import pictures_of

from headwater.testing import FakeCamera, Reply


def test_it_plays_and_tells_what_it_saw() -> None:
    with FakeCamera(codec="h264", audio="aac") as camera:
        assert [each.number for each in pictures_of(camera.url, 3)] == [0, 1, 2]
        assert camera.wait_for("TEARDOWN").method == "TEARDOWN"
        assert [request.method for request in camera.seen("SETUP")] == ["SETUP", "SETUP"]
        camera.wait_until(lambda: all(session.ended for session in camera.sessions))
        assert camera.units_sent >= 3
    assert [session.ended for session in camera.sessions] == ["TEARDOWN"]


def test_it_lets_in_whom_its_url_names() -> None:
    with FakeCamera(user="admin", password="p:a@s") as camera:
        assert "admin:p%3Aa%40s@" in camera.url
        assert len(pictures_of(camera.url, 1)) == 1


def test_faults_come_and_go_while_it_runs() -> None:
    with FakeCamera() as camera:
        camera.fault(Reply("DESCRIBE", 503))
        with pytest.raises(av.HTTPServerError):
            pictures_of(camera.url, 1)
        camera.fault()
        assert len(pictures_of(camera.url, 1)) == 1


def test_off_and_on_keep_the_port() -> None:
    with FakeCamera() as camera:
        port = camera.port
        camera.switch_off()
        with pytest.raises(OSError, match="refused"):
            pictures_of(camera.url, 1)
        camera.switch_on()
        camera.restart()
        assert (camera.port, len(pictures_of(camera.url, 1))) == (port, 1)


def test_a_cut_a_goodbye_and_silence_are_seen_by_who_plays() -> None:
    with FakeCamera() as camera:
        camera.fall_silent()
        playing = threading.Thread(target=pictures_of, args=(camera.url, 10_000))
        playing.start()
        camera.wait_for("PLAY")
        assert camera.units_sent == 0
        camera.speak()
        camera.renew()
        camera.say_bye()
        camera.cut()
        playing.join(30)
        assert not playing.is_alive()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"codec": "vp8"}, "h264, h265, mjpeg"),
        ({"audio": "mp3"}, "aac, opus, pcma, pcmu"),
        ({"codec": None}, "needs a codec"),
    ],
)
def test_what_there_is_no_sample_of_is_refused(options: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        FakeCamera(**options)  # type: ignore[arg-type]


def test_it_says_that_it_is_off() -> None:
    camera = FakeCamera()
    with pytest.raises(RuntimeError, match="start it"):
        camera.wait_for("PLAY")
    camera.stop()
    with camera, pytest.raises(RuntimeError, match="runs already"):
        camera.start()


def test_the_standard_library_is_enough() -> None:
    code = (
        "import sys; from headwater.testing import FakeCamera\n"
        "with FakeCamera(codec='h265', audio='opus') as camera: print(camera.url)\n"
        "print({'av', 'numpy', 'pydantic', 'pytest'} & set(sys.modules))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    url, loaded = shown.stdout.splitlines()
    assert url.startswith("rtsp://127.0.0.1:")
    assert loaded == "set()"
