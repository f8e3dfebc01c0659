"""A source's wall clock, by its sender reports."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from headwater.protocol.rtcp import SenderReport, parse_rtcp

_NTP_TO_UNIX_S: Final = 2_208_988_800
_ARRIVAL_ERROR_S: Final = 0.002
"""How unevenly reports come in a local network; a way with more of it drifts more in appearance."""
_LEAST_SPAN_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class _Seen:
    ntp_s: float
    arrived_s: float


class SenderClockMeter:
    """Compares the wall clock in sender reports with this machine's.

    Attributes:
        reports: how many came.
        offset_s: how far the source is ahead, by the last one; None before.
    """

    def __init__(self) -> None:
        self.reports = 0
        self.offset_s: float | None = None
        self._first: _Seen | None = None
        self._last: _Seen | None = None

    def take(self, compound: bytes, arrived_s: float) -> None:
        """Take a compound RTCP packet, which was found readable before."""
        for packet in parse_rtcp(compound):
            # RFC 3550 §6.4.1: a sender without a clock sends zero.
            if not isinstance(packet, SenderReport) or not packet.ntp:
                continue
            self.reports += 1
            ntp_s = packet.ntp / (1 << 32)
            self.offset_s = ntp_s - _NTP_TO_UNIX_S - time.time()
            self._last = _Seen(ntp_s, arrived_s)
            # The first may be an old one, which servers repeat for who joins.
            if self.reports == 2:
                self._first = self._last

    @property
    def _span_s(self) -> float:
        if self._first is None or self._last is None:
            return 0.0
        return self._last.arrived_s - self._first.arrived_s

    @property
    def drift_ppm(self) -> float | None:
        """How much faster the source's clock runs; None below three reports, or too near ones."""
        if self._first is None or self._last is None or self._span_s < _LEAST_SPAN_S:
            return None
        return ((self._last.ntp_s - self._first.ntp_s) / self._span_s - 1) * 1e6

    @property
    def drift_error_ppm(self) -> float | None:
        """How far `drift_ppm` may be wrong because reports come unevenly."""
        return None if self.drift_ppm is None else _ARRIVAL_ERROR_S / self._span_s * 1e6
