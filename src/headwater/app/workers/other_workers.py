"""The other workers of a machine, asked by way of the supervisor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from headwater.app.others import Answers, Standing
from headwater.cluster.messages import Ask, Told
from headwater.cluster.questions import Questions
from headwater.config.applied import Applied
from headwater.control.status import Health

_DEADLINE_S: Final = 8.0
"""More than the supervisor gives the workers."""
_RELOAD_DEADLINE_S: Final = 90.0
"""To read the file, and to have all workers go by it."""
RELOAD: Final = "reload"
STANDING: Final = "standing"
HEALTH: Final = "health"
"""What the supervisor answers itself."""


class OtherWorkers:
    """Asks them; those that do not answer in time are left out."""

    def __init__(self, own_name: str, names: Sequence[str], tell: Callable[[Ask], None]) -> None:
        self.own_name = own_name
        self.names = names
        self._tell = tell
        self._questions = Questions()
        self._stopped = False

    def told(self, message: Told) -> None:
        """Take the answers to a question."""
        if message.error is None:
            self._questions.answer(message.number, message.answers)
        else:
            self._questions.fail(message.number, message.error)

    def stop(self) -> None:
        """Give up what was asked, and ask nothing more."""
        self._stopped = True
        self._questions.give_up(RuntimeError("the server stops"))

    async def ask(self, question: str, argument: object = None) -> Answers:
        """Ask all of them."""
        with suppress(RuntimeError):
            answers: Answers = await self._asked(question, argument)
            return answers
        return Answers()

    async def ask_one(self, name: str, question: str, argument: object = None) -> Any:
        """Ask one. Raises RuntimeError where it does not answer."""
        answers: Answers = await self._asked(question, argument, name)
        if name not in answers.by_name:
            raise RuntimeError(f"{name} does not answer")
        return answers.by_name[name]

    async def health(self) -> Health | None:
        """Return the health of all together; None where the supervisor does not answer."""
        with suppress(RuntimeError):
            health: Health = await self._asked(HEALTH)
            return health
        return None

    async def standing(self) -> Standing | None:
        """Return what the supervisor knows; None where it does not answer."""
        with suppress(RuntimeError):
            standing: Standing = await self._asked(STANDING)
            return standing
        return None

    async def reload(self) -> Applied:
        """Have the configuration read again, for all. Raises ValueError, OSError, RuntimeError."""
        applied: Applied = await self._asked(RELOAD, deadline_s=_RELOAD_DEADLINE_S)
        return applied

    async def _asked(
        self,
        question: str,
        argument: object = None,
        to: str = "",
        *,
        deadline_s: float = _DEADLINE_S,
    ) -> Any:
        if self._stopped:
            raise RuntimeError("the server stops")
        number, answer = self._questions.new(deadline_s)
        self._tell(Ask(number, question, argument, to))
        try:
            return await answer
        except TimeoutError:
            raise RuntimeError("the supervisor does not answer") from None


async def gathered(asked: Mapping[str, asyncio.Future[Any]]) -> dict[str, Any]:
    """Return what came of several questions, without those that failed."""
    if asked:
        await asyncio.wait(asked.values())
    return {name: each.result() for name, each in asked.items() if each.exception() is None}
