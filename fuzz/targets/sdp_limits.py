"""Descriptions that are large in number: lines, tracks, formats and their parameters."""

from __future__ import annotations

from fuzz.target import Target, check_blame
from fuzz.targets.sdp_words import SDP_WORDS
from headwater.protocol.errors import LimitExceeded, ProtocolError
from headwater.protocol.sdp import SessionDescription
from headwater.protocol.wire_limits import DescriptionLimits

LIMITS = DescriptionLimits(max_lines=24, max_tracks=3, max_items=8)
_WRITTEN_BYTES = 200
"""What the server adds to a session's lines, with an address and a control."""
_WRITTEN_TRACK_BYTES = 150


def run(data: bytes) -> None:
    text = data[1:] * (1 + data[0] % 16) if data else b""
    try:
        presentation = SessionDescription.parse(text, limits=LIMITS)
    except LimitExceeded as error:
        assert error.status == 413
        assert error.limit in DescriptionLimits.__slots__
        return
    except ProtocolError as error:
        check_blame(error)
        return
    assert len(presentation.media) <= LIMITS.max_tracks
    lines = len(presentation.lines) + sum(len(media.lines) for media in presentation.media)
    assert lines <= LIMITS.max_lines + 1
    for media in presentation.media:
        assert sum(len(values) for values in media.fmtp.values()) <= LIMITS.max_items
        assert len(media.formats) <= max(LIMITS.max_items, lines)
    # Bytes that are no UTF-8 are kept as they came: what is kept is never more than what was sent.
    assert presentation.size_bytes <= len(text)
    relayed = presentation.relayed(address="192.0.2.1")
    most = len(text) + _WRITTEN_BYTES + lines + _WRITTEN_TRACK_BYTES * len(presentation.media)
    assert len(relayed) <= most, (len(relayed), most)


TARGET = Target(
    invariant="a description is within its limits in number or refused by name; what is kept and "
    "what is relayed are no larger than what was sent",
    run=run,
    words=(*SDP_WORDS, b"a=fmtp:96 a;b;c;d\r\n", b"\n\n\n\n", b"m=video 0 RTP/AVP 96 97 98 99 0\n"),
    max_bytes=512,
)
