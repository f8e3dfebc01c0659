import pytest

from headwater.protocol.payload.h264 import has_recovery_point

RECOVERY, TIMING = b"\x06\x01\xc4", b"\x01\x02ab"


@pytest.mark.parametrize(
    ("messages", "found"),
    [
        (RECOVERY, True),
        (TIMING + RECOVERY, True),
        (TIMING + TIMING + RECOVERY, True),
        (TIMING, False),
        (b"\x05\xff\x10abc" + RECOVERY, False),
        (b"\xff\x01\x01a" + RECOVERY, False),
        (b"\x05\x09abc" + RECOVERY, False),
        (b"\x06", False),
        (b"", False),
    ],
)
def test_recovery_points_among_sei_messages(messages: bytes, found: bool) -> None:
    unit = b"\x06" + messages + b"\x80"
    assert has_recovery_point(unit, 1, len(unit)) is found
    # In a packet that goes on behind the unit: what follows is not its own.
    packet = b"..." + unit + RECOVERY
    assert has_recovery_point(packet, 4, 3 + len(unit)) is found
