"""Public and Allow."""

from __future__ import annotations

from fuzz.target import Target, text_of
from headwater.protocol.header.method_list import format_methods, parse_methods


def run(data: bytes) -> None:
    methods = parse_methods(text_of(data))
    assert parse_methods(format_methods(methods)) == methods
    assert all(method and "," not in method for method in methods)


TARGET = Target(
    invariant="any text is a list of names that writes and reads the same",
    run=run,
    words=(b"OPTIONS", b"PLAY", b", ", b",,"),
    max_bytes=256,
)
