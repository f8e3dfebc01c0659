"""Session descriptions."""

from __future__ import annotations

from fuzz.target import Target, check_blame, text_of
from fuzz.targets.sdp_words import SDP_WORDS
from headwater.protocol.errors import ProtocolError
from headwater.protocol.sdp import SessionDescription


def run(data: bytes) -> None:
    try:
        presentation = SessionDescription.parse(data)
    except ProtocolError as error:
        check_blame(error)
        return
    assert presentation.media
    for media in presentation.media:
        assert media.clock_rate_hz > 0
        assert media.format_names
        assert all(0 <= payload_type < 128 for payload_type in media.formats)
        assert media.port >= 0
        media.encoding.encode("utf-8", "replace")
    presentation.name.encode()
    assert SessionDescription.parse(data) == presentation
    try:
        SessionDescription.parse(text_of(data))
    except ProtocolError as error:
        check_blame(error)


TARGET = Target(
    invariant="any bytes are a description with at least one track or a ProtocolError",
    run=run,
    words=SDP_WORDS,
    max_bytes=1024,
)
