import pytest

from headwater.media.key_frame.vp9 import Vp9KeyFrames

HEADER = bytes(12)
KEY, INTER = b"\x82\x49\x83\x42", b"\x86\x00\x40"
KEY_PROFILE_3, INTER_PROFILE_3 = b"\xb0\x49", b"\xb2\x49"
# Scalability structure of one layer with its size and two pictures of one and no reference.
STRUCTURE = b"\x18\x01\x40\x00\xf0\x02\x04\x01\x00"


@pytest.mark.parametrize(
    ("payload", "starts"),
    [
        (b"\x08" + KEY, True),
        (b"\x0c" + KEY, True),
        (b"\x08" + INTER, False),
        (b"\x08\x8a\x00", False),
        (b"\x08" + KEY_PROFILE_3, True),
        (b"\x08" + INTER_PROFILE_3, False),
        (b"\x08\x49\x83", False),
        (b"\x04" + KEY, False),
        (b"\x48" + KEY, False),
        (b"\x88\x01" + KEY, True),
        (b"\x88\x81\x02" + KEY, True),
        (b"\xa8\x81\x02\x00\x05" + KEY, True),
        (b"\xb8\x81\x02\x00" + KEY, True),
        (b"\xb8\x81\x02\x02" + KEY, False),
        (b"\x8a\xe2\x92" + STRUCTURE + KEY, True),
        (b"\x8a\xe2\x92" + STRUCTURE + INTER, False),
        (b"\x0a\x00" + KEY, True),
        (b"", False),
        (b"\x08", False),
        (b"\x88", False),
        (b"\xa8\x01", False),
        (b"\x0a\x18\x01", False),
        (b"\x0a\x08\xff\x00", False),
    ],
)
def test_frame_starts(payload: bytes, starts: bool) -> None:
    assert Vp9KeyFrames().starts(b"\x80" + HEADER[1:] + payload) is starts
    extended = b"\x90" + HEADER[1:] + b"\xbe\xde\x00\x01abcd" + payload
    assert Vp9KeyFrames().find([b"\x80" + HEADER[1:] + b"\x08" + INTER, extended]) == (
        1 if starts else -1
    )
