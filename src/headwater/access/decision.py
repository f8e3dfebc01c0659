"""What a request wants to do, and what access says to it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """What a request wants to do with a mount; the first two are named as the sides are."""

    PUBLISH = "publish"
    PLAY = "play"
    LOOK = "look"
    """See that it is there, who uses it, and how it does."""
    CONTROL = "control"
    """Close it, send peers away, change its settings."""


@dataclass(frozen=True, slots=True)
class Granted:
    """Go on. `username` is None when no credentials were needed.

    `until_s` is when the owner is asked again, `expires_s` when the right ends for good, both in
    seconds of the server's clock; None for never.
    """

    username: str | None
    until_s: float | None = None
    expires_s: float | None = None


@dataclass(frozen=True, slots=True)
class Challenge:
    """Answer 401 with these `WWW-Authenticate` values, one header each (RFC 2326 §12.44).

    `refused` tells an answer that was wrong from one that has not been given yet or was stale.
    `complaint` says why an answer was of no use whatever the password, "" where it was not so.
    `if_unanswered` says why a client that asks again without one may have none, "" where all can.
    """

    headers: tuple[str, ...]
    refused: bool = False
    complaint: str = ""
    if_unanswered: str = ""


@dataclass(frozen=True, slots=True)
class Forbidden:
    """Answer 403: the user is known and may not."""

    username: str


@dataclass(frozen=True, slots=True)
class Throttled:
    """Answer 503 with `Retry-After`; `cause` says of what there was too much."""

    retry_after_s: int
    cause: str = "too many wrong passwords"


Decision = Granted | Challenge | Forbidden | Throttled
