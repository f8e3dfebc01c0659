"""Asks the owner's hook which source a path has that no setting names."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Final

from headwater.hooks import HookRunner
from headwater.relay.finding import Wanted
from headwater.relay.relay import Relay
from headwater.sources.plan import PlannedSource
from headwater.sources.settings import SourceSettings

_KEPT_S: Final = 1.0
"""For so long an answer counts for those who ask for the same."""
_MOST_KEPT: Final = 1024

Question = tuple[str, str]
"""A path, and the query that a reader asks for it with."""


class SourceResolver:
    """Asks `on_mount_missing` once for all who come together."""

    def __init__(self, relay: Relay, hooks: HookRunner) -> None:
        self._relay = relay
        self._hooks = hooks
        self._asking: dict[Question, asyncio.Task[PlannedSource | None]] = {}
        self._answers: OrderedDict[Question, tuple[float, PlannedSource | None]] = OrderedDict()

    async def resolve(self, wanted: Wanted) -> PlannedSource | None:
        """Return the source that the hook names; None without a hook, or where it knows of none.

        Raises HookFailed, HookTimedOut.
        """
        if not self._hooks.has("on_mount_missing"):
            return None
        question = wanted.path, wanted.request.query
        until_s, planned = self._answers.get(question, (0.0, None))
        if self._relay.clock() < until_s:
            return planned
        task = self._asking.get(question)
        if task is None:
            loop = self._relay.loop.beneath
            task = self._asking[question] = loop.create_task(self._ask(question, wanted))
            task.add_done_callback(lambda done: self._asked(question, done))
        # Shielded: one reader that leaves is not all of them.
        return await asyncio.shield(task)

    async def aclose(self) -> None:
        """Ask no more."""
        tasks = tuple(self._asking.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _ask(self, question: Question, wanted: Wanted) -> PlannedSource | None:
        settings = await self._hooks.mount_missing(*question, wanted.request, _settings_of)
        planned = None if settings is None else PlannedSource(settings, by_readers=True)
        self._answers[question] = self._relay.clock() + _KEPT_S, planned
        self._answers.move_to_end(question)
        if len(self._answers) > _MOST_KEPT:
            self._answers.popitem(last=False)
        return planned

    def _asked(self, question: Question, task: asyncio.Task[PlannedSource | None]) -> None:
        del self._asking[question]
        if not task.cancelled():
            task.exception()  # logged by the hooks; readers may all have left


def _settings_of(answer: object) -> SourceSettings | None:
    """Return what the hook's answer means. Raises ValueError, which says what is allowed."""
    match answer:
        case None:
            return None
        case SourceSettings(source=url) if url:
            return answer
        case str() if answer:
            return SourceSettings(source=answer)
        case _:
            raise ValueError(
                f"returned a value of the type {type(answer).__name__}; allowed: None, a URL, or "
                "SourceSettings with a source"
            )
