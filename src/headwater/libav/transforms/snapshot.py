"""A transform as it is now."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TransformSnapshot:
    """How a function over the frames of a mount fares: a copy to keep.

    Attributes:
        source: the path whose frames the function is given.
        target: the path that shows what it returns.
        given: how many frames it was given.
        published: how many pictures of it were published.
        skipped: how many frames were passed over, since it was at work still.
        failures: how often it raised, or returned what cannot be published.
        problem: why nothing is published now, in words; None while something is, or may be.
    """

    source: str
    target: str
    given: int
    published: int
    skipped: int
    failures: int
    problem: str | None
