"""Range."""

from __future__ import annotations

from fuzz.target import Target, check_blame, text_of
from headwater.protocol.errors import ProtocolError
from headwater.protocol.header.range import parse_range


def run(data: bytes) -> None:
    text = text_of(data)
    try:
        header = parse_range(text)
    except ProtocolError as error:
        check_blame(error)
        return
    assert header.text == text.strip()
    assert parse_range(header.text) == header
    if isinstance(header.start, float) and isinstance(header.end, float):
        assert 0 <= header.start <= header.end


TARGET = Target(
    invariant="any text is a range that keeps its text and ends after it begins, or 457",
    run=run,
    words=tuple(
        b"npt= now- 0.000- 10.5 -20 1:02:03.5 clock= 19961108T143720.25Z smpte= smpte-25= "
        b"10:07:33:05.01 smpte-30-drop= ;time=19970123T153600Z = - ;".split()
    ),
)
