"""What decides about peers beside the users of the settings, as access sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Protocol

from headwater.access.decision import Action
from headwater.protocol.path_pattern import matches


class TokenRefusedError(Exception):
    """A token is no good; the message completes "the token …" and quotes nothing of it."""


class NoAnswerError(Exception):
    """The owner's server gave no usable answer, so that nothing can be decided; it is logged."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who showed a good token.

    Attributes:
        name: the user's name.
        patterns: the paths for which they have each right.
        expires_s: when the token ends, in seconds of the server's clock.
    """

    name: str
    patterns: Mapping[Action, tuple[str, ...]]
    expires_s: float

    def may(self, action: Action, path: str) -> bool:
        """Return whether the token's rights cover this."""
        return any(matches(pattern, path) for pattern in self.patterns.get(action, ()))


class TokenReader(Protocol):
    """Reads signed tokens."""

    def knows(self, token: str) -> bool:
        """Return whether a text has the form of such a token, good or not."""

    async def holder_of(self, token: str) -> Holder:
        """Return who shows a token. Raises TokenRefusedError, NoAnswerError."""


@dataclass(frozen=True, slots=True)
class Question:
    """What the owner's server is asked: who wants to do what, and from where."""

    action: Action
    path: str
    protocol: str
    address: str
    query: str = field(repr=False)
    user_agent: str
    username: str
    password: str = field(repr=False)
    token: str = field(repr=False)


class Said(Enum):
    """What the owner's server says to a question."""

    YES = auto()
    WHO_ARE_YOU = auto()
    NO = auto()


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the owner's server.

    Attributes:
        said: whether the peer may.
        username: what the owner calls the peer; "" where that stays as it is.
        for_s: after how long it must be asked again; None for never.
    """

    said: Said
    username: str = ""
    for_s: float | None = None


class Owner(Protocol):
    """The owner's server."""

    def remembered(self, question: Question) -> Reply | None:
        """Return what it said to the same question a short while ago; None where that is none."""

    async def ask(self, question: Question) -> Reply:
        """Return its answer. Raises NoAnswerError."""
