"""The operation that tells Prometheus the metrics."""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import Response

from headwater.access.decision import Action
from headwater.api.loop_lag import LoopLag
from headwater.api.metrics import CONTENT_TYPE, text_of
from headwater.api.operation import Call, Operation
from headwater.api.settings import ApiSettings
from headwater.api.sharing import SharedFigures
from headwater.control.figures import Timed


class Measuring:
    """Answers scrapes from the shared status, and measures how late the loop is.

    What takes time to measure is measured from the first scrape on: nobody else looks at it.

    Attributes:
        lag: what it measures.
        settings: how many mounts have a label of their own.
    """

    def __init__(
        self,
        shared: SharedFigures,
        lag: LoopLag,
        settings: ApiSettings,
        start_timings: Callable[[], None],
    ) -> None:
        """`start_timings` has the server measure how long things take."""
        self.lag = lag
        self._start_timings = start_timings
        self._begun = False
        self._late = Timed(
            "loop_lag_seconds", "How late the event loop came to what was due.", lag.histogram
        )
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
        if not self._begun:
            self._begun = True
            self.lag.start()
            self._start_timings()
        figures = await self._shared.figures()
        text = await text_of(figures, (self._late, *figures.timed), self.settings.metrics_mounts)
        return Response(text, headers={"Content-Type": CONTENT_TYPE})
