"""Whether one publisher may go on where another left off."""

from __future__ import annotations

from fuzz.target import Target, fields
from fuzz.targets.sdp_words import SDP_WORDS
from headwater.protocol.errors import ProtocolError
from headwater.protocol.sdp import SessionDescription


def run(data: bytes) -> None:
    try:
        one, two = (SessionDescription.parse(part) for part in fields(data, 2))
    except ProtocolError:
        return
    assert one.compatible_with(one) is None
    assert two.compatible_with(two) is None
    there, back = one.compatible_with(two), two.compatible_with(one)
    assert (there is None) == (back is None)
    for reason in (there, back):
        assert reason is None or reason.encode()


TARGET = Target(
    invariant="every description fits itself, fitting goes both ways, and a reason can be logged",
    run=run,
    words=(*SDP_WORDS, b"\0"),
    max_bytes=1024,
)
