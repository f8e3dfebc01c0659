"""RTCP that is missing, wrong, or comes when it should not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
class WrongClock(Fault):
    """Has a clock that runs too fast, is set wrong, or is set anew in the midst of a session."""

    ppm: float = 0.0
    """So many millionths too fast; media is taken by the same clock."""
    offset_s: float = 0.0
    step_s: float = 0.0
    """How far ahead it is set once `step_after` units of a track were sent."""
    step_after: int = 0

    def rate(self) -> float:
        """The seconds of this clock in a true second."""
        return 1 + self.ppm / 1e6

    def report(self, flow: Flow, report: SenderReport) -> Sequence[SenderReport | bytes]:
        """The report with the time that this clock shows."""
        ahead_s = self.offset_s + (self.step_s if flow.units_sent >= self.step_after else 0.0)
        return (replace(report, ntp=report.ntp + int(ahead_s * (1 << 32)) & (1 << 64) - 1),)


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
