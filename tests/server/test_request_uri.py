"""What is said of a request's URL in the log."""

from __future__ import annotations

import pytest

from headwater.server.request_uri import loggable_uri


@pytest.mark.parametrize(
    ("uri", "logged"),
    [
        ("rtsp://h/cam", "rtsp://h/cam"),
        ("rtsp://h:8554/a@b/c", "rtsp://h:8554/a@b/c"),
        ("rtsps://[2001:db8::1]:8555/cam", "rtsps://[2001:db8::1]:8555/cam"),
        ("/cam/a@b", "/cam/a@b"),
        ("*", "*"),
        ("", ""),
        ("rtsp://ann:s3cret@h/cam?token=s3cret", "rtsp://h/cam"),
        ("rtsp://ann:s3@cret@h/cam", "rtsp://h/cam"),
        ("rtsp://ann:/s3cret@h/cam/trackID=0", "rtsp://h/cam/trackID=0"),
        ("rtsp://ann:s3cret/@h/cam", "rtsp://h/cam"),
        ("rtsp://ann:s3cret@[::1]/cam", "rtsp://[::1]/cam"),
        ("rtsp://ann:s3cret@[::x/cam", "rtsp://…/cam"),
        ("rtsp://ann:s3cret?@h/cam", "rtsp://…"),
        ("ann:s3cret@h/cam", "h/cam"),
        ("ann:s3cret@h/cam://", "h/cam://"),
        ("ann:s3cret", "…"),
    ],
)
def test_no_credential_and_no_query_is_logged(uri: str, logged: str) -> None:
    assert loggable_uri(uri) == logged
