"""A longer stream, cut as its own bytes say."""

from __future__ import annotations

from fuzz.target import Target
from fuzz.targets.wire_events import LIMITS, WORDS, events_of


def run(data: bytes) -> None:
    step = 1 + data[0] % 63 if data else 1
    stream = data[1:]
    whole, parser = events_of([stream], LIMITS)
    pieces = [stream[at : at + step] for at in range(0, len(stream), step)]
    got, other = events_of(pieces, LIMITS)
    assert got == whole, (step, got, whole)
    assert other.garbage_bytes == parser.garbage_bytes <= len(stream)
    # A request whose limits are the server's must not lose more than small limits lose.
    events_of([stream], type(LIMITS)())


TARGET = Target(
    invariant="any bytes are events or ProtocolErrors, the same ones in pieces as in one",
    run=run,
    words=WORDS,
    max_bytes=2048,
)
