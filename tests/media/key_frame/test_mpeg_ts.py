import pytest

from headwater.media.key_frame.mpeg_ts import MpegTsKeyFrames

HEADER = b"\x80\x21" + bytes(10)
VIDEO, SOUND, PMT = 0x100, 0x101, 0x1000


def ts(pid: int, payload: bytes = b"", *, start: bool = True, field: int | None = None) -> bytes:
    """A TS packet; `field` are the flags of its adaptation field."""
    head = bytes([0x47, (0x40 if start else 0) | pid >> 8, pid & 0xFF])
    if field is None:
        return head + b"\x10" + payload.ljust(184, b"\xff")
    return head + b"\x30\x07" + bytes([field]) + bytes(6) + payload.ljust(176, b"\xff")


def pes(stream_id: int, elementary: bytes = b"") -> bytes:
    return b"\0\0\1" + bytes([stream_id]) + b"\0\0\x80\x80\x05" + b"\x21\0\1\0\1" + elementary


AUD, SLICE = b"\0\0\0\1\x09\xf0", b"\0\0\0\1\x41\x9a"
PAT_PACKET, PMT_PACKET = ts(0, b"\0\0\xb0\x0d"), ts(PMT, b"\0\x02\xb0\x17")
KEY = ts(VIDEO, pes(0xE0, AUD), field=0x50)
DELTA = ts(VIDEO, pes(0xE0, AUD + SLICE), field=0x10)
MORE = ts(VIDEO, b"\xab" * 184, start=False)
SOUND_KEY = ts(SOUND, pes(0xC0), field=0x40)
NULL = ts(0x1FFF, start=False)


@pytest.mark.parametrize(
    ("packet", "starts"),
    [
        (KEY, True),
        (DELTA, False),
        (MORE, False),
        (SOUND_KEY, False),
        (PAT_PACKET + PMT_PACKET, False),
        (SOUND_KEY + MORE + KEY, True),
        # Marked without a picture's beginning.
        (ts(VIDEO, b"\xab" * 176, start=False, field=0x40), False),
        # Not marked: the elementary stream tells.
        (ts(VIDEO, pes(0xE0, AUD + b"\0\0\1\x67\x64\0\x1f")), True),
        (ts(VIDEO, pes(0xE0, b"\0\0\1\x65\x88")), True),
        (ts(VIDEO, pes(0xE0, AUD + SLICE)), False),
        (ts(VIDEO, pes(0xE0, b"\0\0\1\x46\x01\x10\0\0\1\x40\x01\x0c")), True),
        (ts(VIDEO, pes(0xE0, b"\0\0\1\x46\x01\x30\0\0\1\x02\x01\xd0")), False),
        (ts(VIDEO, pes(0xE0, b"\0\0\1\xb3\x14\0\xf0")), True),
        (ts(VIDEO, pes(0xE0, b"\0\0\1\0\0\x57")), False),
        # Broken: no sync byte, too short, an adaptation field longer than the packet.
        (b"\0" + KEY[1:], False),
        (KEY[:100], False),
        (KEY[:4] + b"\xff" + KEY[5:], False),
        (b"", False),
    ],
)
def test_picture_starts(packet: bytes, starts: bool) -> None:
    assert MpegTsKeyFrames().starts(HEADER + packet) is starts
    extended = b"\x90" + HEADER[1:] + b"\xbe\xde\x00\x01abcd" + packet
    assert MpegTsKeyFrames().find([HEADER + DELTA, extended]) == (1 if starts else -1)


@pytest.mark.parametrize(
    ("payloads", "found"),
    [
        ([MORE, PAT_PACKET + PMT_PACKET + KEY], 1),
        ([MORE, PAT_PACKET, PMT_PACKET, KEY], 1),
        ([MORE, PAT_PACKET + PMT_PACKET + SOUND_KEY, NULL + KEY], 1),
        ([PAT_PACKET + PMT_PACKET, DELTA + MORE, MORE + KEY], 2),
        ([PAT_PACKET, DELTA, PAT_PACKET, KEY, PAT_PACKET], 2),
        ([MORE, KEY, PAT_PACKET, KEY], 1),
        ([PAT_PACKET, DELTA], -1),
    ],
)
def test_tables_in_front_belong_to_the_key_frame(payloads: list[bytes], found: int) -> None:
    assert MpegTsKeyFrames().find([HEADER + payload for payload in payloads]) == found
