"""Reception of every source that is heard on one track."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct

from headwater.media.tracks.packet_batch import PacketBatch
from headwater.media.tracks.timeline import is_same_clock
from headwater.protocol.reception import MAX_DROPOUT, MAX_MISORDER, ReceptionStatistics
from headwater.protocol.rtcp import ReportBlock
from headwater.protocol.rtcp_build import MOST_BLOCKS

MOST_SOURCES = 16
"""How many sources of one track are told apart at a time; the one that came first makes room."""

_LONGEST_RUN = 8192
"""Packets in a row that are told to the statistics as one batch: far from half the range of
sequence numbers, where forward and backward could no longer be told apart."""

_MOST_MOMENTS = 16
"""Timestamps of a run that the statistics are told of at once: what these are kept in is scattered
over memory, and with hundreds of tracks that is far away."""

MAIN_SILENCE_S = 2.0
"""A source that was silent for so long while another was heard is not the main one any more: an
encoder that began anew has another source, while retransmissions come soon after what they
repeat."""

MOST_REORDER_S = 2.0
"""Pictures are sent out of their order (B-frames) by less; a timestamp further back is a new start
of the clock."""

_MOST_SEQ_AHEAD = 512
_MOST_SEQ_BEHIND = 16
"""How far a source that goes on where another stood may be from that one's next number."""

_NO_SOURCE = b""

_MASK_32 = 0xFFFFFFFF

_seq_timestamp_source = Struct(">2xHI4s").unpack_from
_seq_source = Struct(">2xH4x4s").unpack_from


@dataclass(frozen=True, slots=True)
class SourcePosition:
    """Where a source stands, as its publisher numbers it.

    Attributes:
        ssrc: the source.
        next_seq: one more than its highest sequence number of late.
        timestamp: of its last packet.
        highest_timestamp: of its recent packets; those of B-frames come after higher ones.
        arrived_s: when its last packet came.
        steady_timestamp: where its clock stood then, averaged over its recent packets.
    """

    ssrc: int
    next_seq: int
    timestamp: int
    highest_timestamp: int
    arrived_s: float
    steady_timestamp: int


class _Source:
    """One source: its statistics, how much came, and the last of it."""

    __slots__ = (
        "arrived_s",
        "goes_on",
        "highest_timestamp",
        "last_packets",
        "packets",
        "position",
        "position_packets",
        "statistics",
    )

    def __init__(self, clock_rate_hz: int) -> None:
        self.statistics = ReceptionStatistics(clock_rate_hz)
        self.packets = 0
        # Its packets of the last batch that had some; for the run that goes on the table has them.
        self.last_packets: list[bytes] = []
        self.arrived_s = 0.0
        self.highest_timestamp = 0
        # Whether it goes on where the source before it stood, in number and in time.
        self.goes_on = False
        # Where it stood when it was asked last, and how much had come: a crowd that joins between
        # two batches is told the same.
        self.position: SourcePosition | None = None
        self.position_packets = 0


class SourceTable:
    """Loss and jitter by source. A track mostly has one source; some publishers send several.

    While one source's packets come without a gap they are only counted; the statistics are told
    of the whole run when it ends or when somebody asks.
    """

    __slots__ = (
        "_clock_rate_hz",
        "_former",
        "_last",
        "_last_timestamp",
        "_lost_before",
        "_moments",
        "_most_ahead",
        "_next_seq",
        "_present",
        "_run_first",
        "_run_source",
        "_source",
        "_sources",
    )

    def __init__(self, clock_rate_hz: int) -> None:
        self._clock_rate_hz = clock_rate_hz
        self._most_ahead = int(MOST_REORDER_S * clock_rate_hz)
        self._sources: dict[bytes, _Source] = {}
        self._lost_before = 0
        # The source that went on last where another stood, and that other.
        self._present: _Source | None = None
        self._former: _Source | None = None
        # The run that is going on: its source as it stands in packets, and how far it came.
        self._source = _NO_SOURCE
        self._run_source: _Source | None = None
        self._last: PacketBatch | None = None
        self._run_first = 0
        self._next_seq = -1
        # Timestamps in it that the statistics were not told of yet, and when each came.
        self._moments: list[tuple[int, float]] = []
        # The timestamp of the first packet of the batch that was received last.
        self._last_timestamp = -1

    def receive(self, batch: PacketBatch, *, apart: bool = False) -> bool:
        """Take in a batch that goes on smoothly, or any batch where `apart` is set.

        Returns whether it was taken: what does not go on smoothly is to be looked at first.
        """
        run, count = batch.joined, batch.count
        if run is None:
            packets = batch.packets
            seq, timestamp, name = _seq_timestamp_source(packets[0])
            last_seq, last_name = _seq_source(packets[-1])
        else:
            seq, timestamp, name = _seq_timestamp_source(run)
            last_seq, last_name = _seq_source(run, (count - 1) * batch.segment_bytes)
        next_seq = last_seq + 1 & 0xFFFF
        if (
            seq == self._next_seq
            and next_seq - seq & 0xFFFF == count
            and name == self._source == last_name
        ):
            self._last = batch
            self._next_seq = next_seq
            if timestamp != self._last_timestamp:
                # Packets of one picture share a timestamp and say nothing new about jitter.
                self._last_timestamp = timestamp
                moments = self._moments
                moments.append((timestamp, batch.arrived_s))
                if len(moments) >= _MOST_MOMENTS:
                    self._tell_moments()
            if seq - self._run_first & 0xFFFF >= _LONGEST_RUN:
                self._end_run()
            return True
        if not apart:
            return False
        self._receive_apart(batch)
        source = self._sources.get(name)
        if timestamp != self._last_timestamp and source is not None:
            self._last_timestamp = timestamp
            self._receive_moments(source, [(timestamp, batch.arrived_s)])
        return True

    def receive_sender_report(self, ssrc: int, ntp: int, arrived_s: float) -> None:
        """Note when a source's sender report came; one of an unknown source is of the main one."""
        name = ssrc.to_bytes(4, "big")
        source = self._sources.get(name) or self._main or self._of(name)
        source.statistics.receive_sender_report(ntp, arrived_s)

    def forget(self) -> None:
        """Begin anew for another publisher; what was lost stays counted."""
        self._lost_before = self.lost
        self._sources.clear()
        self._present = self._former = None
        self._source = _NO_SOURCE
        self._run_source = None
        self._last = None
        self._moments.clear()
        self._last_timestamp = -1
        self._next_seq = -1

    @property
    def main(self) -> int | None:
        """The source that the track is about, None before the first packet.

        It is the one with the most packets of those that are still heard: others repeat or
        protect what it sends (RFC 4588, RFC 5109).
        """
        source = self._main
        return None if source is None else int.from_bytes(source.last_packets[0][8:12], "big")

    @property
    def only(self) -> int | None:
        """The one source that packets came of; None of several and of none."""
        heard = [name for name, source in self._sources.items() if source.packets]
        return int.from_bytes(heard[0], "big") if len(heard) == 1 else None

    @property
    def last_number(self) -> bytes:
        """SSRC and sequence number, as in packets, of what came last; empty for nothing."""
        if self._next_seq < 0:
            return b""
        return self._source + (self._next_seq - 1 & 0xFFFF).to_bytes(2, "big")

    @property
    def main_heard(self) -> tuple[int, float]:
        """How many packets of the main source came, and when the last one did."""
        main = self._main
        return (0, 0.0) if main is None else (main.packets, main.arrived_s)

    def knows(self, source: bytes) -> bool:
        """Return whether packets of a source, named as in packets, were taken in."""
        known = self._sources.get(source)
        return known is not None and known.packets > 0

    def continues(self, packet: bytes, arrived_s: float) -> bool:
        """Return whether a packet of another source goes on where the main one stands."""
        main = self._main
        return main is not None and self._follows(main, packet, arrived_s)

    def meant_by(self, ssrc: int, timestamp: int) -> int | None:
        """Return the source that a sender report is about; None if its clock is unknown here.

        RFC 3550 §6.4.1: it describes the source it names. One that names a source of which no
        packet came, but a time of the main one's clock, can only mean that: some encoders write
        their reports with another SSRC, or with its bytes swapped.
        """
        known = self._sources.get(ssrc.to_bytes(4, "big"))
        position = self.position
        if position is None or (known is not None and known.packets):
            return ssrc
        is_near = is_same_clock(timestamp, position.timestamp, self._clock_rate_hz)
        return position.ssrc if is_near else None

    def goes_on(self, source: bytes) -> bool:
        """Return whether a source, named as in packets, goes on where another stood.

        Uniview cameras take a new source for each group of pictures; numbers and clock go on.
        """
        known = self._sources.get(source)
        return known is not None and known.goes_on

    @property
    def position(self) -> SourcePosition | None:
        """Where the main source stands, None before the first packet."""
        source = self._main
        if source is None:
            return None
        if source.position is None or source.position_packets != source.packets:
            source.position, source.position_packets = self._position_of(source), source.packets
        return source.position

    def _position_of(self, source: _Source) -> SourcePosition:
        packets = source.last_packets
        last = packets[-1]
        last_seq = last[2] << 8 | last[3]
        # Packets that changed places on their way may leave the highest number before the last.
        ahead = max(
            [(packet[2] << 8 | packet[3]) - last_seq + 0x8000 & 0xFFFF for packet in packets]
        )
        highest = source.highest_timestamp
        for packet in packets:
            timestamp = int.from_bytes(packet[4:8], "big")
            if highest - timestamp & _MASK_32 > self._most_ahead:
                highest = timestamp
        timestamp = int.from_bytes(last[4:8], "big")
        steady = source.statistics.steady_timestamp(source.arrived_s)
        return SourcePosition(
            ssrc=int.from_bytes(last[8:12], "big"),
            next_seq=last_seq + ahead - 0x8000 + 1 & 0xFFFF,
            timestamp=timestamp,
            highest_timestamp=highest,
            arrived_s=source.arrived_s,
            steady_timestamp=timestamp if steady is None else steady,
        )

    @property
    def lost(self) -> int:
        """Packets lost of all sources."""
        self._end_run()
        return self._lost_before + sum(source.statistics.lost for source in self._sources.values())

    @property
    def jitter_s(self) -> float:
        """Interarrival jitter of the main source, in seconds."""
        source = self._main
        return 0.0 if source is None else source.statistics.jitter / self._clock_rate_hz

    def report_blocks(self, now: float) -> list[ReportBlock]:
        """Return a block for each source heard; the fraction lost is since the last call."""
        self._end_run()
        return [
            source.statistics.report_block(int.from_bytes(name, "big"), now)
            for name, source in self._sources.items()
            if source.statistics.received
        ][:MOST_BLOCKS]

    @property
    def _main(self) -> _Source | None:
        self._end_run()
        if len(self._sources) == 1:
            [source] = self._sources.values()
            return source if source.packets else None
        heard = [source for source in self._sources.values() if source.packets]
        if len(heard) < 2:
            return heard[0] if heard else None
        since_s = max(source.arrived_s for source in heard) - MAIN_SILENCE_S
        present = self._present
        if present is not None and present.packets and present.arrived_s >= since_s:
            return present
        return max(
            (source for source in heard if source.arrived_s >= since_s),
            key=lambda source: source.packets,
        )

    def _receive_apart(self, batch: PacketBatch) -> None:
        self._end_run()
        packets, arrived_s = list(batch.look()), batch.arrived_s
        by_source: dict[bytes, list[bytes]] = {}
        for packet in packets:
            by_source.setdefault(packet[8:12], []).append(packet)
        for name, group in by_source.items():
            first = group[0]
            source = self._of(name)
            _tell_of(group, source.statistics)
            if not source.packets:
                source.highest_timestamp = int.from_bytes(first[4:8], "big")
                self._place(source, first, arrived_s)
            elif source is self._former and self._present is not None:
                # Both are heard: the one that came later goes beside this one.
                self._present.goes_on, self._present = False, None
            source.packets += len(group)
            source.last_packets = group
            source.arrived_s = arrived_s
        self._source = packets[-1][8:12]
        self._run_source = source = self._of(self._source)
        self._next_seq = self._run_first = source.statistics.highest_sequence + 1 & 0xFFFF

    def _place(self, source: _Source, first: bytes, arrived_s: float) -> None:
        """See whether a new source goes on where the main one stands."""
        main = self._main
        if main is not None and self._follows(main, first, arrived_s):
            source.goes_on = True
            self._former, self._present = main, source

    def _follows(self, main: _Source, first: bytes, arrived_s: float) -> bool:
        last = main.last_packets[-1]
        seq = (first[2] << 8 | first[3]) - (last[2] << 8 | last[3]) - 1 + _MOST_SEQ_BEHIND & 0xFFFF
        if seq > _MOST_SEQ_BEHIND + _MOST_SEQ_AHEAD:
            return False
        passed = round((arrived_s - main.arrived_s) * self._clock_rate_hz)
        expected = int.from_bytes(last[4:8], "big") + passed
        ahead = int.from_bytes(first[4:8], "big") - expected + self._most_ahead & _MASK_32
        return ahead <= 2 * self._most_ahead

    def _end_run(self) -> None:
        source, batch = self._run_source, self._last
        if source is None or batch is None:
            return
        packets = self._next_seq - self._run_first & 0xFFFF
        source.statistics.receive_batch(self._run_first, self._next_seq - 1 & 0xFFFF, packets)
        self._tell_moments()
        source.packets += packets
        source.last_packets = list(batch.look())
        source.arrived_s = batch.arrived_s
        self._run_first = self._next_seq
        self._last = None

    def _tell_moments(self) -> None:
        if self._run_source is not None:
            self._receive_moments(self._run_source, self._moments)
        self._moments.clear()

    def _receive_moments(self, source: _Source, moments: Sequence[tuple[int, float]]) -> None:
        source.statistics.receive_timestamps(moments)
        highest, most_ahead = source.highest_timestamp, self._most_ahead
        for timestamp, _ in moments:
            if highest - timestamp & _MASK_32 > most_ahead:
                highest = timestamp
        source.highest_timestamp = highest

    def _of(self, name: bytes) -> _Source:
        source = self._sources.get(name)
        if source is None:
            if len(self._sources) == MOST_SOURCES:
                self._lost_before += self._sources.pop(next(iter(self._sources))).statistics.lost
            source = self._sources[name] = _Source(self._clock_rate_hz)
        return source


def _tell_of(group: list[bytes], statistics: ReceptionStatistics) -> None:
    """Tell the statistics of packets of their source that came together."""
    first, last = group[0][2] << 8 | group[0][3], group[-1][2] << 8 | group[-1][3]
    if len(group) + MAX_DROPOUT <= (last - first & 0xFFFF) <= 0x10000 - MAX_MISORDER:
        # Between two of them the source has begun anew, or one is a stray: as a batch that would be
        # thousands of packets lost.
        for packet in group:
            number = packet[2] << 8 | packet[3]
            statistics.receive_batch(number, number, 1)
    else:
        statistics.receive_batch(first, last, len(group))
