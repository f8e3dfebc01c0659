"""Sends away whose right has ended, unless the owner's hook gives it anew."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace

from headwater.access.decision import Granted
from headwater.access.outside import NoAnswerError
from headwater.hooks import HookError
from headwater.log_pace import paced_logger
from headwater.relay.admission import Admission
from headwater.relay.end import End, Grant

logger = paced_logger(__name__)


class EndingGrants:
    """Looks at the grants that end, and asks again for each whose time is over."""

    def __init__(
        self,
        ends: Iterable[End],
        admission: Admission,
        close: Callable[[End, str], None],
    ) -> None:
        """`close` ends a publisher or reader, for a reason, and tells its peer."""
        self._ends = ends
        self._admission = admission
        self._close = close
        self._asking: set[asyncio.Task[None]] = set()

    def check(self, now: float) -> None:
        """Begin to ask for every grant that is over; called about once a second."""
        for end in self._ends:
            grant = end.grant
            if grant is None or grant.asking or not grant.is_over(now):
                continue
            grant.asking = True
            if grant.has_expired(now):
                self._close(end, "token expired")
                continue
            task = asyncio.get_running_loop().create_task(self._ask(end, grant))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    def stop(self) -> None:
        """Ask no more."""
        for task in self._asking:
            task.cancel()

    async def _ask(self, end: End, grant: Grant) -> None:
        try:
            verdict = await self._admission.ask_again(
                grant.request, end.username, grant.authorization
            )
        except (HookError, NoAnswerError):
            # Logged where it was raised. A check that fails lets nobody in, nor stay.
            verdict = None
        if end.closed:
            return
        if not isinstance(verdict, Granted):
            self._close(end, "grant ended")
            return
        granted = replace(verdict, expires_s=grant.granted.expires_s)
        end.grant = Grant.of(granted, grant.request, grant.authorization)
