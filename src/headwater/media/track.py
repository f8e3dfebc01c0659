"""One `m=` line of a presentation and the packets that flow through it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headwater.media.counters import TrackCounters
from headwater.media.fan_out import FanOut

if TYPE_CHECKING:
    from headwater.protocol.sdp import MediaDescription


class Track:
    """A track of a mount: `write` is where every packet enters the data plane.

    Attributes:
        index: its place among the presentation's `m=` lines, from 0.
        media: its description.
        fan_out: where its packets go.
        counters: plain integers.
    """

    index: int
    media: MediaDescription
    fan_out: FanOut
    counters: TrackCounters

    def write(self, packets: list[bytes]) -> None:
        """Fan out what one wake-up brought, in order of arrival. The list is taken over.

        What is not RTP (RFC 3550 §5.1: version 2, 12 bytes at least) is dropped and counted.
        """

    def write_rtcp(self, packet: bytes) -> None:
        """Take a compound RTCP packet of the publisher; what cannot be read is counted only."""

    @property
    def has_key_frames(self) -> bool:
        """Whether key frames have been seen, so that waiting for the next one makes sense."""

    def receiver_report(self, reporter_ssrc: int, now: float, cname: str) -> bytes | None:
        """Return the RTCP receiver report for the publisher, None before its first packet."""
