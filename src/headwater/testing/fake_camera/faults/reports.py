"""RTCP that is missing, wrong, or comes when it should not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headwater.testing.fake_camera.fault import Fault
from headwater.testing.fake_camera.rtp import SenderReport

if TYPE_CHECKING:
    from headwater.testing.fake_camera.exchange import Exchange
    from headwater.testing.fake_camera.flow import Flow


@dataclass(frozen=True)
class NoSenderReports(Fault):
    """Never says what time it is."""

    def report(self, flow: Flow, report: SenderReport) -> Sequence[SenderReport | bytes]:
        """Nothing."""
        return ()


@dataclass(frozen=True)
class ReportBytes(Fault):
    """RTCP that follows no rule, behind each sender report or instead of it."""

    rtcp: bytes
    instead: bool = False

    def report(self, flow: Flow, report: SenderReport) -> Sequence[SenderReport | bytes]:
        """The bytes, and the report where they do not take its place."""
        return (self.rtcp,) if self.instead else (report, self.rtcp)


@dataclass(frozen=True)
class ReportBeforePlayAnswer(Fault):
    """Sends a sender report of each track before the answer to PLAY."""

    async def deliver(self, exchange: Exchange, encoded: bytes) -> bytes:
        """The reports, then the answer."""
        if exchange.method == "PLAY" and exchange.session is not None:
            for flow in exchange.session.flows.values():
                flow.send_report(exchange.camera.clock.elapsed_s(), flow.rtptime)
        return encoded
