"""Memory: what a parser holds of an unfinished stream stays within its limits."""

from __future__ import annotations

from fuzz.target import Target
from fuzz.targets.wire_events import LIMITS, WORDS
from headwater.protocol.connection_parser import WireParser
from headwater.protocol.errors import ProtocolError

_MOST_HELD_BYTES = 65_535 + 4 + LIMITS.max_header_bytes + LIMITS.max_body_bytes


def run(data: bytes) -> None:
    parser = WireParser(limits=LIMITS)
    repeats = 1 + data[0] if data else 1
    for _ in range(repeats):
        parser.receive_data(data[1:])
        while True:
            try:
                if parser.next_event() is None:
                    break
            except ProtocolError as error:
                if error.fatal:
                    assert parser.next_event() is None, "events after the end"
                    return
        held = (getattr(parser, name) for name in parser.__slots__)
        held_bytes = sum(len(part) for part in held if isinstance(part, bytes | bytearray))
        assert held_bytes <= _MOST_HELD_BYTES + len(data), held_bytes


TARGET = Target(
    invariant="a parser never holds more than one frame, or its limits of head and body",
    run=run,
    words=WORDS,
    max_bytes=512,
)
