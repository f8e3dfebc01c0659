"""What a fuzz target is: a function that takes any bytes, and the sentence it holds to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from headwater.protocol.errors import Fault, ProtocolError


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One parser under fuzz.

    Attributes:
        invariant: what holds for every input, in one sentence.
        run: takes one input; any exception is a finding.
        words: what the mutator may put in: the words of the grammar.
        max_bytes: the longest input that is made.
    """

    invariant: str
    run: Callable[[bytes], None]
    words: tuple[bytes, ...] = ()
    max_bytes: int = 512


def text_of(data: bytes) -> str:
    """The bytes as header values are decoded: UTF-8, or Latin-1 when they are not."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def check_blame(error: ProtocolError) -> None:
    """What a parser says of a peer's text: the peer's fault, with a status that can be sent."""
    assert error.fault is Fault.REMOTE, f"{error}: blamed on {error.fault}"
    assert 400 <= error.status <= 599, f"{error}: status {error.status}"
    assert error.status < 500 or error.status in (501, 505, 551), f"{error}: {error.status}"
    assert str(error)
    str(error).encode()


def fields(data: bytes, count: int) -> list[bytes]:
    """Cut an input into `count` parts at its first NULs; missing parts are empty."""
    parts = data.split(b"\0", count - 1)
    return parts + [b""] * (count - len(parts))
