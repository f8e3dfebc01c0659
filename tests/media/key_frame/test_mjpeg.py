import pytest

from headwater.media.key_frame.mjpeg import MjpegKeyFrames

HEADER = bytes(12)


@pytest.mark.parametrize(
    ("payload", "starts"),
    [
        (b"\x00\x00\x00\x00\x01\xff\x28\x1edata", True),
        (b"\x07\x00\x00\x00\x41\xff\x28\x1e\x00\x04data", True),
        (b"\x00\x00\x04\x58\x01\xff\x28\x1edata", False),
        (b"\x00\x01\x00\x00\x01\xff\x28\x1edata", False),
        (b"\x00\x00\x00\x00", False),
        (b"", False),
    ],
)
def test_picture_starts(payload: bytes, starts: bool) -> None:
    assert MjpegKeyFrames().starts(b"\x80" + HEADER[1:] + payload) is starts
    extended = b"\x90" + HEADER[1:] + b"\xbe\xde\x00\x01abcd" + payload
    assert MjpegKeyFrames().find([b"\x80" + HEADER[1:] + b"\1" * 8, extended]) == (
        1 if starts else -1
    )
