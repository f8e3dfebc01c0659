"""Making one publisher's packets continue another's, so that readers do not notice. Pure.

At a splice each track goes on with the next sequence number, the same SSRC, and a timestamp moved
by the time that passed. The tracks must keep step with each other although their first packets
come one after the other: the first of them sets the instant at which the presentation goes on,
and the others are placed by the new publisher's own relation between its tracks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headwater.media.tracks.timeline import (
    MOST_DISAGREEMENT_S,
    NTP_SECOND,
    SenderClock,
    Timeline,
    TrackClock,
    anchor_of,
    is_same_clock,
    signed_32,
)
from headwater.protocol.rtcp import SENDER_REPORT
from headwater.protocol.rtcp_build import rewrite_sender_report
from headwater.protocol.rtp import payload_type, rewrite, sequence_number, ssrc, timestamp

if TYPE_CHECKING:
    from headwater.protocol.sdp import MediaDescription

LEAST_GAP_S = 0.1
"""Between the last instant before a splice and the first after it: packets of the tracks overlap
by less, and timestamps must not go back."""

_LEAST_STEP_S = 0.001

MOST_HELD = 4
"""Sources of one track whose reports wait for its first packet."""

BESIDE_THE_MEDIA = frozenset(
    {"RTX", "ULPFEC", "PARITYFEC", "FLEXFEC", "FLEXFEC-03", "1D-INTERLEAVED-PARITYFEC"}
)
"""Encodings that repeat or protect other packets of their `m=` line, often from a source of their
own (RFC 4588 §4, RFC 5109 §14, RFC 8627 §5): they tell nothing of where the media goes on."""

_NTP_MASK = (1 << 64) - 1
# RFC 3550 §6.4.1: the NTP time stamp follows the header and the sender's SSRC.
_NTP_START, _NTP_END = 8, 16

GoesOn = Callable[[bytes], bool]
"""Whether a source, named as in packets, goes on where another stood."""

RelayedRtcp = tuple[bytes, SenderClock | None]
"""A compound packet as readers get it, and the sender report in it."""


def payload_types_beside(media: MediaDescription) -> frozenset[int]:
    """Return the payload types of a track that are never the media itself.

    Where all of its formats are such, they are what it consists of (RFC 4588 §5).
    """
    beside = frozenset(
        number
        for number, mapping in media.rtpmap.items()
        if mapping.encoding.upper() in BESIDE_THE_MEDIA
    )
    return beside if beside < set(media.formats) else frozenset()


def _nobody(_source: bytes) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class TrackPosition:
    """Where a track stood, in what readers saw, when its publisher left.

    Attributes:
        ssrc: the source that readers know.
        next_seq: sequence number that readers expect next.
        clock: its last packet and report.
        highest_timestamp: of its last pictures, which come out of order where there are B-frames.
        late_units: how far its clock, averaged, was ahead of its last packet when that came; below
            0 where it was behind.
    """

    ssrc: int
    next_seq: int
    clock: TrackClock
    highest_timestamp: int
    late_units: int = 0

    @property
    def steady_clock(self) -> TrackClock:
        """The clock, averaged over the last packets: which of them came last says nothing."""
        timestamp = self.clock.timestamp + self.late_units & 0xFFFFFFFF
        return replace(self.clock, timestamp=timestamp)

    @property
    def ahead_s(self) -> float:
        """How far its highest timestamp is ahead of the averaged clock, in seconds."""
        units = signed_32(self.highest_timestamp - self.steady_clock.timestamp)
        return units / self.clock.clock_rate_hz


@dataclass(frozen=True, slots=True)
class FirstPacket:
    """A track's first packet of the new publisher, and its last report where one came already."""

    ssrc: int
    seq: int
    clock: TrackClock


@dataclass(frozen=True, slots=True)
class Offsets:
    """What turns the new publisher's packets of one track into the old one's continuation.

    Attributes:
        source: SSRC of the packets that are rewritten; others pass as they are.
        ssrc: what it becomes.
        seq_delta: added to sequence numbers.
        ts_delta: added to timestamps.
    """

    source: int
    ssrc: int
    seq_delta: int
    ts_delta: int

    @property
    def changes_packets(self) -> bool:
        """Whether any packet comes out different."""
        return bool(self.seq_delta or self.ts_delta or self.source != self.ssrc)

    def rewritten(self, packets: list[bytes], goes_on: GoesOn) -> list[bytes]:
        """Return the packets as readers get them.

        Those of sources that went on where another stood are moved as well, under their own name.
        """
        seq_delta, ts_delta, main = self.seq_delta, self.ts_delta, self.ssrc
        source = self.source.to_bytes(4, "big")
        written: list[bytes] = []
        for packet in packets:
            name = packet[8:12]
            if name == source:
                written.append(rewrite(packet, seq_delta, ts_delta, main))
            elif goes_on(name):
                written.append(rewrite(packet, seq_delta, ts_delta, ssrc(packet)))
            else:
                written.append(packet)
        return written

    def rewritten_rtcp(self, compound: bytes, ntp_delta: int, sender: int) -> bytes:
        """Return a compound that comes from `source` or one on its clock, as readers get it.

        Args:
            compound: what the publisher sent; a sender report, where there is one, comes first.
            ntp_delta: added to its NTP time, in 1/2^32 s.
            sender: whose it is.

        Raises:
            ProtocolError: it cannot be read.
        """
        known_as = self.ssrc if sender == self.source else sender
        written = rewrite_sender_report(compound, self.ts_delta, known_as)
        if not ntp_delta or written[1] != SENDER_REPORT:
            return written
        ntp = int.from_bytes(written[_NTP_START:_NTP_END], "big") + ntp_delta & _NTP_MASK
        return written[:_NTP_START] + ntp.to_bytes(8, "big") + written[_NTP_END:]

    def moves(self, sender: int, goes_on: GoesOn) -> bool:
        """Return whether what comes of this source is moved."""
        return sender == self.source or goes_on(sender.to_bytes(4, "big"))

    def moved(self, report: SenderClock, ntp_delta: int) -> SenderClock:
        """Return a report of the new publisher as readers get it."""
        return SenderClock(
            report.ntp + ntp_delta & _NTP_MASK, report.timestamp + self.ts_delta & 0xFFFFFFFF
        )


class Splice:
    """Places the tracks of a new publisher where the old one's ended."""

    __slots__ = (
        "_earliest_s",
        "_lead_before_s",
        "_ntp_delta",
        "_placed",
        "_positions",
        "_reference",
        "_timeline",
        "lead_s",
    )

    def __init__(self, positions: Mapping[int, TrackPosition], lead_s: float = 0.0) -> None:
        """Continue tracks that ended so; those that never carried a packet are left out.

        `lead_s` is how far splices before this one have put the presentation ahead of the time
        that passed. It is taken back where there is room, and never grows beyond `LEAST_GAP_S`.
        """
        self._positions = positions
        self._lead_before_s = lead_s
        self.lead_s = lead_s
        clocks = {index: position.steady_clock for index, position in positions.items()}
        self._timeline = Timeline(clocks, anchor_of(clocks)) if clocks else None
        self._earliest_s = float("-inf")
        if self._timeline is not None:
            last_s = max(
                self._timeline.instants[index] + position.ahead_s
                for index, position in positions.items()
            )
            self._earliest_s = last_s + max(_LEAST_STEP_S, LEAST_GAP_S - lead_s)
        # First packets by track, each with the instant it was given.
        self._placed: dict[int, tuple[FirstPacket, float]] = {}
        self._reference: tuple[int, FirstPacket, float] | None = None
        self._ntp_delta: int | None = None

    def place(self, track_index: int, first: FirstPacket) -> Offsets:
        """Return the offsets of a track, from its first packet."""
        instant_s = self._instant_for(first)
        self._placed[track_index] = first, instant_s
        if self._reference is None:
            self._reference = track_index, first, instant_s
        position = self._positions.get(track_index)
        if position is None or self._timeline is None:
            return Offsets(first.ssrc, first.ssrc, 0, 0)
        timestamp = self._timeline.timestamp_at(track_index, instant_s)
        if signed_32(timestamp - position.highest_timestamp) <= 0:
            timestamp = position.highest_timestamp + 1
        return Offsets(
            source=first.ssrc,
            ssrc=position.ssrc,
            seq_delta=position.next_seq - first.seq,
            ts_delta=timestamp - first.clock.timestamp,
        )

    def ntp_delta(self, track_index: int, report: SenderClock) -> int:
        """Return what to add to the NTP time of the new publisher's reports, in 1/2^32 s.

        Readers that place packets by reports would jump by the difference of the two publishers'
        wall clocks. It is the same for all tracks, told by the first report of a placed track.
        """
        if self._reference is not None and self._reference[0] == track_index:
            # A report that came after the first packet still tells how the others relate to it.
            _, first, instant_s = self._reference
            first = replace(first, clock=replace(first.clock, report=report))
            self._reference = track_index, first, instant_s
        if self._ntp_delta is None:
            self._ntp_delta = self._ntp_delta_by(track_index, report)
        return self._ntp_delta

    def _ntp_delta_by(self, track_index: int, report: SenderClock) -> int:
        if self._timeline is None:
            return 0
        first, instant_s = self._placed[track_index]
        units = signed_32(report.timestamp - first.clock.timestamp)
        expected = self._timeline.ntp_at(instant_s + units / first.clock.clock_rate_hz)
        return 0 if expected is None else expected - report.ntp

    def _instant_for(self, first: FirstPacket) -> float:
        arrived_s = first.clock.arrived_s
        if self._reference is None:
            instant_s = max(arrived_s - self._lead_before_s, self._earliest_s)
            self.lead_s = max(0.0, self._lead_before_s + instant_s - arrived_s)
            return instant_s
        _, other, other_instant_s = self._reference
        by_arrival_s = other_instant_s + arrived_s - other.clock.arrived_s
        mine = first.clock.ntp_at(first.clock.timestamp)
        theirs = other.clock.ntp_at(other.clock.timestamp)
        if mine is None or theirs is None:
            return by_arrival_s
        by_report_s = other_instant_s + (mine - theirs) / NTP_SECOND
        if abs(by_report_s - by_arrival_s) > MOST_DISAGREEMENT_S:
            return by_arrival_s
        return by_report_s


class Continuation:
    """One track of a new publisher on its way out, from the splice on.

    The track's main source is what continues: packets and reports of others pass as they are.
    Until its first packet nothing can be said of its clock: the last report of each source that
    came before it waits. It also tells `Splice` how this track relates to the others.
    """

    __slots__ = ("_beside", "_clock_rate_hz", "_held", "_offsets", "_splice", "_track_index")

    def __init__(self, splice: Splice, track_index: int, media: MediaDescription) -> None:
        self._splice = splice
        self._track_index = track_index
        self._clock_rate_hz = media.clock_rate_hz
        self._beside = payload_types_beside(media)
        self._offsets: Offsets | None = None
        self._held: dict[int, tuple[bytes, SenderClock]] = {}

    @property
    def placed(self) -> bool:
        """Whether the main source's first packet came."""
        return self._offsets is not None

    def place(self, packets: list[bytes], now: float) -> list[RelayedRtcp]:
        """Fix the offsets by the main source's first packet, the first one of whoever sent most.

        Returns the RTCP that waited for it. Nothing is fixed where all packets are of payload
        types that only go beside the media.
        """
        if self._beside:
            packets = [each for each in packets if payload_type(each) not in self._beside]
            if not packets:
                return []
        (main, _), *_ = Counter(map(ssrc, packets)).most_common(1)
        first = next(packet for packet in packets if ssrc(packet) == main)
        held = self._meant(set(map(ssrc, packets)), main, timestamp(first))
        _, report = held.get(main, (b"", None))
        if report is not None and not report.ntp:
            report = None
        clock = TrackClock(self._clock_rate_hz, timestamp(first), now, report)
        self._offsets = self._splice.place(
            self._track_index, FirstPacket(main, sequence_number(first), clock)
        )
        return [
            relayed
            for sender, (compound, of_sender) in held.items()
            for relayed in self.rtcp(compound, sender, of_sender, _nobody)
        ]

    def _meant(
        self, sources: set[int], main: int, stands: int
    ) -> dict[int, tuple[bytes, SenderClock]]:
        """Return the RTCP that waited, by the source it is about; the rest is left out.

        A report of nobody, but of the main source's clock, is about that.
        """
        held, self._held = self._held, {}
        meant = {sender: each for sender, each in held.items() if sender in sources}
        for sender, each in held.items():
            _, report = each
            if sender not in sources and is_same_clock(
                report.timestamp, stands, self._clock_rate_hz
            ):
                meant.setdefault(main, each)
        return meant

    def position_of(self, position: TrackPosition, goes_on: GoesOn) -> TrackPosition:
        """Return where a source stands for readers, by where it stands for its publisher.

        The clock's report is the one that readers got already.
        """
        offsets = self._offsets
        if offsets is None or not offsets.moves(position.ssrc, goes_on):
            return position
        stands = position.clock.timestamp + offsets.ts_delta & 0xFFFFFFFF
        return TrackPosition(
            ssrc=offsets.ssrc if position.ssrc == offsets.source else position.ssrc,
            next_seq=position.next_seq + offsets.seq_delta & 0xFFFF,
            clock=replace(position.clock, timestamp=stands),
            highest_timestamp=position.highest_timestamp + offsets.ts_delta & 0xFFFFFFFF,
            late_units=position.late_units,
        )

    def rewritten(self, packets: list[bytes], goes_on: GoesOn) -> list[bytes]:
        """Return the packets as readers get them; as they came before the main source is placed."""
        offsets = self._offsets
        if offsets is None or not offsets.changes_packets:
            return packets
        return offsets.rewritten(packets, goes_on)

    def rtcp(
        self,
        compound: bytes,
        sender: int | None,
        report: SenderClock | None,
        goes_on: GoesOn,
    ) -> list[RelayedRtcp]:
        """Return a compound of `sender` and its sender report, if any, as readers get them."""
        offsets = self._offsets
        if offsets is None:
            room = sender in self._held or len(self._held) < MOST_HELD
            if report is not None and sender is not None and room:
                self._held[sender] = compound, report
            return []
        if sender is None or not offsets.moves(sender, goes_on):
            return [(compound, None)]
        if report is None:
            return [(offsets.rewritten_rtcp(compound, 0, sender), None)]
        ntp_delta = self._splice.ntp_delta(self._track_index, report) if report.ntp else 0
        written = offsets.rewritten_rtcp(compound, ntp_delta, sender)
        return [(written, offsets.moved(report, ntp_delta))]
