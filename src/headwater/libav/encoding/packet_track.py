"""Access units of one track to what readers get: RTP packets, and sender reports before them."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from headwater.codecs.packetizer import Packetizer, Payloader
from headwater.libav.encoding.stream_clock import Placed
from headwater.libav.encoding.video_encoder import Coded
from headwater.protocol.rtcp_build import ntp_time, sender_report
from headwater.protocol.rtp import HEADER_BYTES


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Packets of one kind of one track, to be sent together."""

    track: int
    packets: list[bytes]
    is_rtcp: bool = False


class PacketTrack:
    """Writes the packets of one track: from one thread, in order."""

    def __init__(
        self, index: int, payloader: Payloader, *, payload_type: int, clock_rate_hz: int, cname: str
    ) -> None:
        self._index = index
        # RFC 3550 §5.1: SSRC, and the first sequence number, are by chance.
        self._ssrc = int.from_bytes(os.urandom(4), "big") or 1
        self._packetizer = Packetizer(
            payloader,
            payload_type=payload_type,
            ssrc=self._ssrc,
            sequence_number=int.from_bytes(os.urandom(2), "big") >> 1,
        )
        self._rate_hz = clock_rate_hz
        self._cname = cname
        self._to_report: deque[Placed] = deque()
        self._packets = self._octets = 0

    def note(self, placed: Placed) -> None:
        """Have readers told of a place's wall clock, before what is shown there."""
        if placed.is_reported:
            self._to_report.append(placed)

    def outgoing(self, coded: Sequence[Coded]) -> list[Outgoing]:
        """Return what is to be sent for access units."""
        parts: list[Outgoing] = []
        for position, unit in coded:
            while self._to_report and self._to_report[0].position <= position:
                report = self._report(self._to_report.popleft())
                parts.append(Outgoing(self._index, [report], is_rtcp=True))
            packets = self._packetizer.packets(unit)
            if packets:
                self._packets += len(packets)
                self._octets += sum(map(len, packets)) - HEADER_BYTES * len(packets)
                parts.append(Outgoing(self._index, packets))
        return parts

    def _report(self, placed: Placed) -> bytes:
        return sender_report(
            self._ssrc,
            ntp=ntp_time(placed.wall_s),
            rtp_timestamp=placed.position,
            packets=self._packets,
            octets=self._octets,
            cname=self._cname,
        )
