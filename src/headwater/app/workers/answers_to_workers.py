"""What the supervisor answers to workers: what it knows, and what it asks others for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Any, Protocol

from headwater.app.others import Answers, Standing
from headwater.app.workers.other_workers import HEALTH, RELOAD, STANDING
from headwater.cluster.messages import Ask, Told
from headwater.cluster.questions import plain_error
from headwater.config.applied import Applied
from headwater.control.status import Health
from headwater.sources.plan import PlannedSource


class AskedFleet(Protocol):
    """The workers, as far as they are asked here."""

    def health(self) -> Health:
        """Return the little that a health command asks for."""

    def standing(self) -> Standing:
        """Return what no worker knows."""

    async def ask(
        self, question: str, argument: object, leaves_out: Collection[str] = (), only: str = ""
    ) -> Answers:
        """Ask workers; returns the answers of those that answer in time."""


class AnswersToWorkers:
    """Answers them.

    Attributes:
        added: the sources that the API was told, by path, for workers that begin.
        on_reload: reads the configuration again, and applies it; None where there is none.
    """

    def __init__(self, fleet: AskedFleet) -> None:
        self.added: dict[str, PlannedSource] = {}
        self.on_reload: Callable[[], Awaitable[Applied]] | None = None
        self._fleet = fleet

    async def told(self, name: str, asked: Ask) -> Told:
        """Return the answer to a worker of this name."""
        try:
            return Told(asked.number, await self._answer(name, asked))
        except Exception as error:  # noqa: BLE001 - told to whoever asked
            return Told(asked.number, error=plain_error(error))

    async def _answer(self, name: str, asked: Ask) -> object:
        argument: Any = asked.argument
        match asked.question:
            case question if question == STANDING:
                return self._fleet.standing()
            case question if question == HEALTH:
                return self._fleet.health()
            case question if question == RELOAD:
                if self.on_reload is None:
                    raise RuntimeError("the supervisor has no configuration to read")
                return await self.on_reload()
            case "set_sources":
                self.added.update(argument)
            case "set_source" if argument.planned is None:
                self.added.pop(argument.path, None)
            case "set_source":
                self.added[argument.path] = argument.planned
        return await self._fleet.ask(asked.question, argument, leaves_out=(name,), only=asked.to)
