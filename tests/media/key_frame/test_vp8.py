import pytest

from headwater.media.key_frame.vp8 import Vp8KeyFrames

HEADER = bytes(12)
KEY, INTER = b"\x10\x02\x00\x9d\x01\x2a", b"\x11\x02\x00"


@pytest.mark.parametrize(
    ("payload", "starts"),
    [
        (b"\x10" + KEY, True),
        (b"\x30" + KEY, True),
        (b"\x10" + INTER, False),
        (b"\x00" + KEY, False),
        (b"\x11" + KEY, False),
        (b"\x90\x80\x01" + KEY, True),
        (b"\x90\x80\x01" + INTER, False),
        (b"\x90\x80\x81\x01" + KEY, True),
        (b"\x90\x80\x81\x00" + INTER, False),
        (b"\x90\xf0\x81\x01\x07\x20" + KEY, True),
        (b"\x90\x60\x07\x20" + INTER, False),
        (b"\x90\x10\x21" + KEY, True),
        (b"\x90\x00" + KEY, True),
        (b"", False),
        (b"\x10", False),
        (b"\x90", False),
        (b"\x90\x80", False),
        (b"\x90\x80\x81\x01", False),
    ],
)
def test_frame_starts(payload: bytes, starts: bool) -> None:
    assert Vp8KeyFrames().starts(b"\x80" + HEADER[1:] + payload) is starts
    extended = b"\x90" + HEADER[1:] + b"\xbe\xde\x00\x01abcd" + payload
    assert Vp8KeyFrames().find([b"\x80" + HEADER[1:] + b"\x10" + INTER, extended]) == (
        1 if starts else -1
    )
