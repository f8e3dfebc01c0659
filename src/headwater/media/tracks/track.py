"""One `m=` line of a presentation and the packets that flow through it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import filterfalse
from operator import itemgetter
from typing import TYPE_CHECKING

from headwater.media.clock import Clock
from headwater.media.counters import TrackCounters
from headwater.media.key_frame import key_frame_detector
from headwater.media.tracks.continuity import Continuation, RelayedRtcp, Splice, TrackPosition
from headwater.media.tracks.fan_out import FanOut, Outlet
from headwater.media.tracks.own_reports import OwnReports
from headwater.media.tracks.packet_batch import PacketBatch
from headwater.media.tracks.packet_kind import packet_kinds
from headwater.media.tracks.rtcp_pace import RtcpPace
from headwater.media.tracks.sources import SourceTable
from headwater.media.tracks.strays import Strays
from headwater.media.tracks.timeline import SenderClock, TrackClock, signed_32
from headwater.protocol.errors import ProtocolError
from headwater.protocol.rtcp import (
    GOODBYE,
    Bye,
    ReceiverReport,
    RtcpPacket,
    SenderReport,
    leading_sender_report,
    packet_bounds,
    parse_rtcp,
)
from headwater.protocol.rtcp_build import receiver_report, sender_report, sender_report_at
from headwater.protocol.rtp import HEADER_BYTES, cut_run, timestamp

if TYPE_CHECKING:
    from headwater.protocol.sdp import MediaDescription

_first_byte = itemgetter(0)
_second_byte = itemgetter(1)
_QUIET_S = 2.0
"""A track whose last packet is older has nothing to report."""
_VERSION_2_BYTES = bytes(range(0x80, 0xC0))
_VERSION_2 = frozenset(_VERSION_2_BYTES)


class Track:
    """A track of a mount: `write` is where every packet enters the data plane.

    Attributes:
        index: its place among the presentation's `m=` lines, from 0.
        media: its description.
        fan_out: where its packets go.
        counters: plain integers.
        tap: called with each batch before it is fanned out: the mount's cache and the readers
            that catch up.
        rtcp_tap: called with each batch of RTCP packets before it is fanned out.
    """

    __slots__ = (
        "_clock",
        "_continuation",
        "_continued_position",
        "_detector",
        "_kinds",
        "_on_key_frame_wanted",
        "_own_reports",
        "_report",
        "_rtcp_pace",
        "_sources",
        "_strays",
        "counters",
        "fan_out",
        "index",
        "last_report",
        "media",
        "rtcp_tap",
        "tap",
    )

    def __init__(
        self,
        index: int,
        media: MediaDescription,
        *,
        clock: Clock,
        on_outlet_error: Callable[[Outlet, Exception], None] | None = None,
        on_key_frame_wanted: Callable[[Track], None] | None = None,
    ) -> None:
        self.index = index
        self.media = media
        self.fan_out = FanOut(on_outlet_error)
        self.counters = TrackCounters()
        self.tap: Callable[[int, PacketBatch], None] | None = None
        self.rtcp_tap: Callable[[int, PacketBatch], None] | None = None
        self.last_report: bytes | None = None
        """The publisher's last sender report as readers got it, for those who come later."""
        self._clock = clock
        self._on_key_frame_wanted = on_key_frame_wanted
        self._detector = key_frame_detector(media.encoding)
        self._sources = SourceTable(media.clock_rate_hz)
        self._report: SenderClock | None = None
        self._rtcp_pace = RtcpPace()
        self._own_reports = OwnReports()
        self._kinds = packet_kinds(media)
        self._strays = Strays(media)
        self._continuation: Continuation | None = None
        # Where the publisher before ended, as readers see it, until the present one is placed.
        self._continued_position: TrackPosition | None = None

    def write(self, packets: list[bytes], frames: bytes | None = None) -> None:
        """Fan out what one wake-up brought, in order of arrival. The list is taken over.

        RTCP that a publisher sends on the same way (RFC 5761) is told by its packet type. What is
        neither (RFC 3550 §5.1: version 2, 12 bytes at least) is dropped and counted. `frames` are
        the packets as `$` frames of one channel, where they came so.
        """
        came = packets
        # The whole batch is checked by few calls that run in C, whatever its length.
        if (
            not packets
            or min(map(len, packets)) < HEADER_BYTES
            or not _VERSION_2.issuperset(map(_first_byte, packets))
            or not self._kinds.rtcp_types.isdisjoint(map(_second_byte, packets))
        ):
            packets = self._only_rtp(packets)
            if not packets:
                return
        batch = PacketBatch(packets, self._clock())
        if frames is not None and packets is came:
            batch.keep_frames(frames)
        self._send(batch)

    def write_run(self, run: bytes, segment_bytes: int, frames: bytes | None = None) -> None:
        """`write` packets of one size that lie back to back, the last maybe shorter.

        They go out as they are: they are neither cut nor joined where nobody needs it.
        """
        # The whole run is checked by few slices, whatever its length: of one that holds nothing
        # but what it may, nothing is left when that is stripped.
        if (
            segment_bytes < HEADER_BYTES
            or run[::segment_bytes].strip(_VERSION_2_BYTES)
            or run[1::segment_bytes].strip(self._kinds.rtp_bytes)
            or 0 < len(run) % segment_bytes < HEADER_BYTES
        ):
            self.write(cut_run(run, segment_bytes), frames)
            return
        batch = PacketBatch.of_run(run, segment_bytes, self._clock())
        if frames is not None:
            batch.keep_frames(frames)
        self._send(batch)

    def _send(self, batch: PacketBatch) -> None:
        if not self._sources.receive(batch):
            kept = self._received_apart(batch)
            if kept is None:
                return
            batch = kept
        if self._continuation is not None:
            batch = self._continued(self._continuation, batch)
        detector = self._detector
        if detector is not None:
            run = batch.joined
            if run is None:
                batch.key_frame_index = detector.find(batch.packets)
            else:
                batch.key_frame_index = detector.find_in_run(run, batch.segment_bytes)
        counters = self.counters
        counters.packets += batch.count
        counters.bytes += batch.size_bytes
        counters.batches += 1
        counters.last_packet_s = batch.arrived_s
        if batch.key_frame_index >= 0:
            counters.key_frames += 1
        tap = self.tap
        if tap is None:
            self.fan_out.send(batch)
            return
        tap(self.index, batch)
        self.fan_out.send(batch)
        # The cache may keep the batch for long; what readers shared of it is not needed again.
        batch.forget_shared()

    def write_kept(self, packets: list[bytes], arrived_s: float) -> None:
        """Fan out what came to another process at that time, which has kept it for a while."""
        clock = self._clock
        # Not an argument of `write`, where each live batch would pay for it.
        self._clock = lambda: arrived_s
        try:
            self.write(packets)
        finally:
            self._clock = clock

    def write_rtcp(self, packets: list[bytes], _frames: bytes | None = None) -> None:
        """Relay the compound RTCP packets that one wake-up brought, in order of arrival.

        What cannot be read is counted only, and so is what comes above the track's pace. BYE goes
        no further: whether readers' media ends is for the mount to say. RTP that a publisher
        sends here is told by its payload type, and is written as RTP.
        """
        counters = self.counters
        is_misplaced = self._kinds.is_rtp_among_rtcp
        if any(map(is_misplaced, packets)):
            self.write(list(filter(is_misplaced, packets)))
            packets = list(filterfalse(is_misplaced, packets))
        now = self._clock()
        counters.rtcp_packets += len(packets)
        taken = self._rtcp_pace.latest(packets, now)
        counters.dropped_rtcp_packets += len(packets) - len(taken)
        relayed: list[RelayedRtcp] = []
        for packet in taken:
            try:
                relayed += self._read_rtcp(packet, now)
            except ProtocolError:
                counters.invalid_rtcp_packets += 1
        self._send_rtcp(relayed, now)

    def _read_rtcp(self, packet: bytes, now: float) -> Sequence[RelayedRtcp]:
        """Learn from a compound; what readers get of it."""
        try:
            parts = parse_rtcp(packet)
        except ProtocolError:
            leading = leading_sender_report(packet)
            if leading is None:
                raise
            self.counters.invalid_rtcp_packets += 1
            packet, parts = leading, parse_rtcp(leading)
        if any(isinstance(part, Bye) for part in parts):
            self.counters.last_bye_s = now
        report = next((part for part in parts if isinstance(part, SenderReport)), None)
        if report is not None:
            self._sources.receive_sender_report(report.ssrc, report.ntp, now)
        kept = _without_bye(packet, has_report=report is not None)
        return () if kept is None else self._relayed_rtcp(kept, parts, report)

    @property
    def has_key_frames(self) -> bool:
        """Whether key frames can be told, so that waiting for the next one makes sense."""
        return self._detector is not None

    @property
    def ssrc(self) -> int | None:
        """The main source as readers know it, None before its first packet."""
        if self._continuation is None:
            return self._sources.main
        position = self.position
        return None if position is None else position.ssrc

    @property
    def publisher_ssrc(self) -> int | None:
        """The main source as its publisher numbers it, None before its first packet."""
        return self._sources.main

    def expect_one_source(self, expected: bool) -> None:
        """Say whether the publisher sends one source at a time: others are then dropped."""
        self._strays.one_source = expected

    def request_key_frame(self) -> None:
        """Ask the publisher for a key frame: see `Mount.request_key_frame`."""
        if self._on_key_frame_wanted is not None:
            self._on_key_frame_wanted(self)

    @property
    def jitter_s(self) -> float:
        """Interarrival jitter of the publisher's packets, in seconds (RFC 3550 §6.4.1)."""
        return self._sources.jitter_s

    def receiver_report(self, reporter_ssrc: int, now: float, cname: str) -> bytes | None:
        """Return the RTCP receiver report for the publisher, None before its first packet.

        The fraction lost is since the last call.
        """
        blocks = self._sources.report_blocks(now)
        return receiver_report(reporter_ssrc, blocks, cname=cname) if blocks else None

    @property
    def position(self) -> TrackPosition | None:
        """Where its main source stands as readers see it; None before the first packet."""
        continuation = self._continuation
        if (
            continuation is not None
            and not continuation.placed
            and self._continued_position is not None
        ):
            return self._continued_position
        source = self._sources.position
        if source is None:
            return self._continued_position
        clock = TrackClock(
            self.media.clock_rate_hz, source.timestamp, source.arrived_s, self._report
        )
        late_units = signed_32(source.steady_timestamp - source.timestamp)
        position = TrackPosition(
            source.ssrc, source.next_seq, clock, source.highest_timestamp, late_units
        )
        if continuation is None:
            return position
        return continuation.position_of(position, goes_on=self._sources.goes_on)

    def report_for(self, timestamp: int | None) -> bytes | None:
        """Return the last sender report for a reader that begins at `timestamp`; None if none came.

        It says the same of the clocks as the one that came, for the instant at which this reader
        begins: players that take the first report for the beginning would see time go backwards.
        """
        report, compound = self._report, self.last_report
        if report is None or compound is None or timestamp is None:
            return compound
        return _report_at(compound, report, self.media.clock_rate_hz, timestamp)

    def report_is_due(self, now: float, since_s: float) -> bool:
        """Return whether readers lack a report that the publisher, here since `since_s`, owes."""
        is_quiet = now - self.counters.last_packet_s > _QUIET_S
        return not is_quiet and self._own_reports.due(now, since_s)

    @property
    def publisher_has_reported(self) -> bool:
        """Whether its sender reports are the publisher's own, not made here for want of any."""
        return self._own_reports.publisher_has_reported

    def wall_clock(self, now: float) -> tuple[bool, int] | None:
        """Return what readers take for the wall clock now, by the track's last report.

        Before it whether the publisher itself has reported. None where there was no report, or no
        packet lately.
        """
        position = self.position
        if position is None or now - position.clock.arrived_s > _QUIET_S:
            return None
        ntp = position.clock.ntp_at(position.steady_clock.timestamp_at(now))
        return None if ntp is None else (self._own_reports.publisher_has_reported, ntp)

    def make_report(self, now: float, ntp: int, cname: str) -> None:
        """Send readers a sender report; `ntp` is the wall clock, as reports of other tracks say."""
        position = self.position
        if position is None:
            return
        counters = self.counters
        clock = self._own_reports.report(position.steady_clock, now, ntp)
        compound = sender_report(
            position.ssrc,
            ntp=clock.ntp,
            rtp_timestamp=clock.timestamp,
            packets=counters.packets,
            octets=counters.bytes - HEADER_BYTES * counters.packets,
            cname=cname,
        )
        self._send_rtcp([(compound, clock)], now, by_publisher=False)

    def clock_of(self, packet: bytes, arrived_s: float) -> TrackClock:
        """Return the track's RTP clock by a packet that readers got, and the last sender report."""
        return TrackClock(self.media.clock_rate_hz, timestamp(packet), arrived_s, self._report)

    def continue_with(self, media: MediaDescription, splice: Splice) -> None:
        """Make the packets of another publisher, described by `media`, continue these."""
        self._continued_position = self.position
        self.media = media
        self.counters.splices += 1
        self._sources.forget()
        self._own_reports.next_publisher()
        self._kinds = packet_kinds(media)
        self._strays = Strays(media)
        self._detector = key_frame_detector(media.encoding)
        self._continuation = Continuation(splice, self.index, media)
        if self._continued_position is None:
            # Nothing is continued, so what was reported is of a clock that is gone.
            self._report = self.last_report = None

    def _received_apart(self, batch: PacketBatch) -> PacketBatch | None:
        """Take in what does not go on smoothly; return what of it belongs here, None for none."""
        sources = self._sources
        came = list(batch.look())
        kept = self._strays.kept(came, sources, batch.arrived_s)
        if len(kept) < len(came):
            self.counters.invalid_packets += len(came) - len(kept)
            if not kept:
                return None
            batch = PacketBatch(kept, batch.arrived_s)
        sources.receive(batch, apart=True)
        self.counters.lost_packets = sources.lost
        return batch

    def _only_rtp(self, packets: list[bytes]) -> list[bytes]:
        rtcp = list(filter(self._kinds.is_rtcp, packets))
        if rtcp:
            self.write_rtcp(rtcp)
        kept = list(filter(self._kinds.is_rtp, packets))
        self.counters.invalid_packets += len(packets) - len(kept) - len(rtcp)
        return kept

    def _continued(self, continuation: Continuation, batch: PacketBatch) -> PacketBatch:
        packets, now = batch.packets, batch.arrived_s
        if not continuation.placed:
            self._send_rtcp(continuation.place(packets, now), now)
        written = continuation.rewritten(packets, self._sources.goes_on)
        return batch if written is packets else PacketBatch(written, now)

    def _relayed_rtcp(
        self, compound: bytes, parts: list[RtcpPacket], report: SenderReport | None
    ) -> Sequence[RelayedRtcp]:
        sources = self._sources
        if report is None:
            if self._continuation is None:
                return ((compound, None),)
            first = parts[0]
            sender = first.ssrc if isinstance(first, ReceiverReport) else None
            only = sender if sender is None or sources.only is None else sources.only
            return self._continuation.rtcp(compound, only, None, goes_on=sources.goes_on)
        clock = SenderClock(report.ntp, report.rtp_timestamp)
        meant = sources.meant_by(report.ssrc, report.rtp_timestamp)
        if self._continuation is None:
            # A report of another source of this track says nothing of the present one's clock.
            is_present = meant is not None and sources.main in (None, meant)
            return ((compound, clock if is_present else None),)
        if meant is None:
            # Of a clock that nobody knows: as it came it would lead readers astray.
            return ()
        return self._continuation.rtcp(compound, meant, clock, goes_on=sources.goes_on)

    def _send_rtcp(
        self, relayed: Sequence[RelayedRtcp], now: float, *, by_publisher: bool = True
    ) -> None:
        if not relayed:
            return
        for compound, report in relayed:
            # RFC 3550 §6.4.1: a sender without a wall clock may set the NTP time to zero.
            if report is not None and report.ntp:
                if by_publisher:
                    self._own_reports.publisher_reported(now)
                self._report = report
                self.last_report = compound
        batch = PacketBatch([compound for compound, _ in relayed], now)
        if self.rtcp_tap is not None:
            self.rtcp_tap(self.index, batch)
        self.fan_out.send_rtcp(batch)


@lru_cache(maxsize=256)
def _report_at(compound: bytes, report: SenderClock, clock_rate_hz: int, timestamp: int) -> bytes:
    """Return the compound for this instant: the same for all who begin at the same packets."""
    ntp = TrackClock(clock_rate_hz, timestamp, 0.0, report).ntp_at(timestamp)
    return compound if ntp is None else sender_report_at(compound, ntp, timestamp)


def _without_bye(compound: bytes, *, has_report: bool) -> bytes | None:
    """Return the compound without its BYEs; None if nothing that readers need is left."""
    bounds = packet_bounds(compound)
    if all(compound[start + 1] != GOODBYE for start, _ in bounds):
        return compound
    if not has_report:
        return None
    return b"".join(compound[start:end] for start, end in bounds if compound[start + 1] != GOODBYE)
