import pytest

from headwater.media.key_frame.av1 import Av1KeyFrames

HEADER = bytes(12)
SEQUENCE, FRAME = b"\x08\x00\x00\x00", b"\x30\x10\x00"


@pytest.mark.parametrize(
    ("payload", "starts"),
    [
        (b"\x28\x04" + SEQUENCE + FRAME, True),
        (b"\x18" + FRAME, True),
        (b"\x10" + SEQUENCE, True),
        (b"\x20\x04" + SEQUENCE + FRAME, True),
        (b"\x00\x84\x00" + SEQUENCE, True),
        (b"\x10" + FRAME, False),
        (b"\x20\x03" + FRAME + SEQUENCE, False),
        (b"\x50" + FRAME, False),
        (b"\x90" + SEQUENCE, False),
        (b"", False),
        (b"\x10", False),
        (b"\x20", False),
        (b"\x20\x80\x80", False),
    ],
)
def test_sequence_starts(payload: bytes, starts: bool) -> None:
    assert Av1KeyFrames().starts(b"\x80" + HEADER[1:] + payload) is starts
    extended = b"\x90" + HEADER[1:] + b"\xbe\xde\x00\x01abcd" + payload
    assert Av1KeyFrames().find([b"\x80" + HEADER[1:] + b"\x10" + FRAME, extended]) == (
        1 if starts else -1
    )
