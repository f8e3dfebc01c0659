"""The other processes that serve together with this one, as far as the API asks them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from headwater.control.figures import ServerFigures
from headwater.control.server_state import ServerState
from headwater.control.status import Health, SettingsStatus


@dataclass(frozen=True, slots=True)
class Standing:
    """What the supervisor alone knows of the server.

    Attributes:
        state: of all workers together.
        uptime_s: since the supervisor began.
        settings: when settings were last applied.
        replaced_workers: how many died and were replaced.
        pid: the supervisor's: it is the process that takes signals for the whole server.
    """

    state: ServerState
    uptime_s: float
    settings: SettingsStatus | None
    replaced_workers: int
    pid: int


@dataclass(frozen=True, slots=True)
class Answers:
    """What several processes answered to one question.

    Attributes:
        by_name: the answers.
        totals: what is to be added where answers are summed: what others have counted that do not
            answer, or have ended. None where that is nothing, or the question is of another kind.
    """

    by_name: Mapping[str, Any] = field(default_factory=dict)
    totals: ServerFigures | None = None


class Others(Protocol):
    """Asks them. Whoever does not answer in time is left out; nothing is raised for that."""

    own_name: str
    """What the others call this process; "" where there are none."""
    names: Sequence[str]
    """What they are called."""

    async def ask(self, question: str, argument: object = None) -> Answers:
        """Ask all of them."""

    async def ask_one(self, name: str, question: str, argument: object = None) -> Any:
        """Ask one. Raises RuntimeError where it does not answer."""

    async def health(self) -> Health | None:
        """Return the health of all together; None where there are no others."""

    async def standing(self) -> Standing | None:
        """Return what the supervisor knows; None where there is none."""


class Nobody:
    """There are no others."""

    own_name = ""
    names: Sequence[str] = ()

    async def ask(self, question: str, argument: object = None) -> Answers:  # noqa: ARG002
        """Return no answers."""
        return Answers()

    async def ask_one(self, name: str, question: str, argument: object = None) -> Any:  # noqa: ARG002
        """Raise RuntimeError."""
        raise RuntimeError(f"there is no {name}")

    async def health(self) -> None:
        """Return nothing: the own health is all."""

    async def standing(self) -> None:
        """Return nothing: there is no supervisor."""


NOBODY = Nobody()
