"""A short stream cut in two at every place, and into single bytes."""

from __future__ import annotations

from fuzz.target import Target
from fuzz.targets.wire_events import LIMITS, WORDS, events_of


def run(data: bytes) -> None:
    whole, parser = events_of([data], LIMITS)
    for cut in range(len(data) + 1):
        got, other = events_of([data[:cut], data[cut:]], LIMITS)
        assert got == whole, (cut, got, whole)
        assert other.garbage_bytes == parser.garbage_bytes, cut
    got, other = events_of([data[at : at + 1] for at in range(len(data))], LIMITS)
    assert got == whole, ("bytes", got, whole)
    assert other.garbage_bytes == parser.garbage_bytes


TARGET = Target(
    invariant="a stream gives the same events, errors and garbage count at every split point",
    run=run,
    words=WORDS,
    max_bytes=128,
)
