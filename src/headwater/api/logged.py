"""The operation that tells the last lines of the log."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from headwater.access.decision import Action
from headwater.api.answers import answer
from headwater.api.operation import Call, Operation, Shape
from headwater.api.query import Parameter
from headwater.api.view import ServerView
from headwater.control.recent_lines import LogLine

_MOST_NUMBER = 1e15


@dataclass(frozen=True, slots=True)
class LogTold:
    """Lines of the log, the oldest first; `number` is what to give as `after` next time."""

    number: int
    lines: tuple[LogLine, ...]


class Logged:
    """Answers it. The log tells of all peers and paths, so it needs control over all of them."""

    def __init__(self, view: ServerView) -> None:
        self._view = view

    def operations(self) -> tuple[Operation, ...]:
        """Return the part of the table."""
        return (
            Operation(
                id="getLog",
                method="GET",
                address="/v1/log",
                action=Action.CONTROL,
                of_server=True,
                summary="The last lines of the log, 500 at most.",
                run=self._lines,
                parameters=(
                    Parameter(
                        name="after",
                        doc="Only lines behind the one of this number.",
                        kind=int,
                        default=0,
                        least=0,
                        most=_MOST_NUMBER,
                    ),
                ),
                answer=Shape(LogTold),
            ),
        )

    async def _lines(self, call: Call) -> Response:
        recent = await self._view.recent_lines()
        number = recent.number
        return answer(LogTold(number, tuple(recent.after(call.query["after"]))))
