"""Require."""

from __future__ import annotations

from fuzz.target import Target, text_of
from headwater.protocol.header.require import unsupported_options


def run(data: bytes) -> None:
    values = [text_of(part) for part in data.split(b"\n")]
    tags = unsupported_options(values, {"known"})
    assert "known" not in tags
    for tag in tags:
        assert tag
        assert tag == tag.strip()
        assert "," not in tag
    assert unsupported_options([", ".join(tags)]) == tags
    assert not unsupported_options(values, set(tags) | {"known"})


TARGET = Target(
    invariant="any text is a list of option tags, each unsupported one named once per time it came",
    run=run,
    words=(b"known", b"play.basic", b",", b" ", b"\n"),
    max_bytes=256,
)
