"""The operation that tells Prometheus the metrics."""

from __future__ import annotations

from starlette.responses import Response

from headwater.access.decision import Action
from headwater.api.kept_answers import KeptAnswers
from headwater.api.metrics import CONTENT_TYPE, text_of
from headwater.api.operation import Call, Operation
from headwater.api.settings import ApiSettings
from headwater.api.sharing import SharedFigures


class Measuring:
    """Answers scrapes from the shared figures.

    Attributes:
        settings: how many mounts have a label of their own.
    """

    def __init__(self, shared: SharedFigures, kept: KeptAnswers, settings: ApiSettings) -> None:
        self._kept = kept
        self.settings = settings
        self._shared = shared

    def operations(self) -> tuple[Operation, ...]:
        """Return the part of the table."""
        return (
            Operation(
                id="getMetrics",
                method="GET",
                address="/metrics",
                action=Action.LOOK,
                of_server=True,
                summary="Everything that is counted, for Prometheus.",
                run=self._metrics,
                answer="text/plain",
            ),
        )

    async def _metrics(self, _call: Call) -> Response:
        text = await self._kept.answer("metrics", self._text)
        return Response(text, headers={"Content-Type": CONTENT_TYPE})

    async def _text(self) -> str:
        figures = await self._shared.figures()
        return await text_of(figures, figures.timed, self.settings.metrics_mounts)
