"""URLs as they are shown and given: passwords in no message."""

from pathlib import Path

import pytest

from headwater.libav.remux.urls import given, shown, without_secrets


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("rtsp://u:secret@host:554/a", "rtsp://host:554/a"),
        ("rtsp://u:se@cret@host/a", "rtsp://host/a"),
        ("rtsp://host/a?user=u&password=secret", "rtsp://host/a?…"),
        ("/videos/a@b?c.mp4", "/videos/a@b?c.mp4"),
        ("/dev/video0", "/dev/video0"),
        ("rtsp://[::1]:8554/a", "rtsp://[::1]:8554/a"),
        ("rtsp://[", "rtsp://["),
    ],
)
def test_a_url_is_shown_without_secrets(url: str, text: str) -> None:
    assert shown(url) == text


def test_a_message_of_a_library_is_shown_without_them() -> None:
    url = "rtsp://u:sec%2Fret@host/a"
    message = f"cannot open '{url}': sec/ret and sec%2Fret were refused"
    assert without_secrets(message, url, "rtsp://[") == (
        "cannot open 'rtsp://host/a': … and … were refused"
    )


def test_a_url_may_stand_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "camera.url"
    path.write_text("rtsp://u:secret@host/a\n")
    assert given(f"@{path}") == "rtsp://u:secret@host/a"
    assert given("rtsp://host/a") == "rtsp://host/a"


def test_an_empty_file_is_refused_and_one_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.touch()
    with pytest.raises(ValueError, match="the first line is empty"):
        given(f"@{path}")
    with pytest.raises(FileNotFoundError):
        given(f"@{path}.none")
