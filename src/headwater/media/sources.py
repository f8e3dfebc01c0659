"""Reception of every source that is heard on one track."""

from __future__ import annotations

from headwater.protocol.reception import ReceptionStatistics
from headwater.protocol.rtcp import ReportBlock
from headwater.protocol.rtcp_build import MOST_BLOCKS

MOST_SOURCES = 16
"""How many sources of one track are told apart at a time; the one that came first makes room."""

_LONGEST_RUN = 8192
"""Packets in a row that are told to the statistics as one batch: far from half the range of
sequence numbers, where forward and backward could no longer be told apart."""

_NO_SOURCE = b""


class SourceTable:
    """Loss and jitter by source. A track mostly has one source; some publishers send several.

    While one source's packets come without a gap they are only counted; the statistics are told
    of the whole run when it ends or when somebody asks.
    """

    __slots__ = (
        "_clock_rate_hz",
        "_lost_before",
        "_next_seq",
        "_run_first",
        "_run_packets",
        "_source",
        "_sources",
        "_statistics",
    )

    def __init__(self, clock_rate_hz: int) -> None:
        self._clock_rate_hz = clock_rate_hz
        self._sources: dict[bytes, ReceptionStatistics] = {}
        self._lost_before = 0
        # The run that is going on: its source as it stands in packets, and how far it came.
        self._source = _NO_SOURCE
        self._statistics: ReceptionStatistics | None = None
        self._run_first = 0
        self._run_packets = 0
        self._next_seq = -1

    def receive(self, packets: list[bytes]) -> bool:
        """Take in a batch; returns whether it was anything but a smooth continuation."""
        first, last = packets[0], packets[-1]
        first_seq = first[2] << 8 | first[3]
        if first_seq == self._next_seq and first[8:12] == self._source == last[8:12]:
            count = len(packets)
            end = (last[2] << 8 | last[3]) + 1
            if (end - first_seq) & 0xFFFF == count and self._run_packets < _LONGEST_RUN:
                self._run_packets += count
                self._next_seq = end & 0xFFFF
                return False
        self._receive_apart(packets)
        return True

    def sample(self, packet: bytes, arrived_s: float) -> None:
        """Take a sample of the jitter from a packet of the batch that was received last."""
        if self._statistics is not None:
            self._statistics.receive_timestamp(int.from_bytes(packet[4:8], "big"), arrived_s)

    def receive_sender_report(self, ssrc: int, ntp: int, arrived_s: float) -> None:
        """Note when a source's sender report came."""
        self._of(ssrc.to_bytes(4, "big")).receive_sender_report(ntp, arrived_s)

    def forget(self) -> None:
        """Begin anew for another publisher; what was lost stays counted."""
        self._lost_before = self.lost
        self._sources.clear()
        self._source = _NO_SOURCE
        self._statistics = None
        self._next_seq = -1

    @property
    def current(self) -> int | None:
        """The source of the last packet, None before the first."""
        return None if self._statistics is None else int.from_bytes(self._source, "big")

    @property
    def lost(self) -> int:
        """Packets lost of all sources."""
        self._end_run()
        return self._lost_before + sum(source.lost for source in self._sources.values())

    @property
    def jitter_s(self) -> float:
        """Interarrival jitter of the present source, in seconds."""
        if self._statistics is None:
            return 0.0
        return self._statistics.jitter / self._clock_rate_hz

    def report_blocks(self, now: float) -> list[ReportBlock]:
        """One block for each source that was heard; the fraction lost is since the last call."""
        self._end_run()
        return [
            statistics.report_block(int.from_bytes(source, "big"), now)
            for source, statistics in self._sources.items()
            if statistics.received
        ][:MOST_BLOCKS]

    def _receive_apart(self, packets: list[bytes]) -> None:
        self._end_run()
        by_source: dict[bytes, list[bytes]] = {}
        for packet in packets:
            by_source.setdefault(packet[8:12], []).append(packet)
        for source, group in by_source.items():
            first, last = group[0], group[-1]
            self._of(source).receive_batch(
                first[2] << 8 | first[3], last[2] << 8 | last[3], len(group)
            )
        self._source = packets[-1][8:12]
        self._statistics = self._of(self._source)
        self._next_seq = self._run_first = self._statistics.highest_sequence + 1 & 0xFFFF

    def _end_run(self) -> None:
        if self._statistics is None or not self._run_packets:
            return
        self._statistics.receive_batch(
            self._run_first, self._next_seq - 1 & 0xFFFF, self._run_packets
        )
        self._run_first = self._next_seq
        self._run_packets = 0

    def _of(self, source: bytes) -> ReceptionStatistics:
        statistics = self._sources.get(source)
        if statistics is None:
            if len(self._sources) == MOST_SOURCES:
                self._lost_before += self._sources.pop(next(iter(self._sources))).lost
            statistics = self._sources[source] = ReceptionStatistics(self._clock_rate_hz)
        return statistics
