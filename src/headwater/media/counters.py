"""Plain integers that the path of the packets increments and everybody else only reads."""

from __future__ import annotations

from dataclasses import dataclass, fields


class TrackCounters:
    """What came in on one track since its mount opened.

    Attributes:
        packets, bytes, batches: RTP that was fanned out.
        key_frames: batches in which a key frame began.
        key_frame_requests: how often the publisher was asked for one.
        invalid_packets: dropped because they were not RTP, or not of what was described.
        lost_packets: gaps in the publisher's sequence numbers, late arrivals taken off again.
        rtcp_packets: compound RTCP packets that came from the publisher.
        dropped_rtcp_packets: those of them that were not relayed: above the track's pace, or
            made obsolete by a later report that came with them.
        invalid_rtcp_packets: dropped because they could not be read.
        splices: how often a publisher's packets were made to continue another's.
        last_packet_s: when the last packet came, seconds of the mount's clock; 0.0 for never.
        last_bye_s: when the publisher last sent RTCP BYE, on the same clock; 0.0 for never.
    """

    __slots__ = (
        "batches",
        "bytes",
        "dropped_rtcp_packets",
        "invalid_packets",
        "invalid_rtcp_packets",
        "key_frame_requests",
        "key_frames",
        "last_bye_s",
        "last_packet_s",
        "lost_packets",
        "packets",
        "rtcp_packets",
        "splices",
    )

    def __init__(self) -> None:
        self.packets = 0
        self.bytes = 0
        self.batches = 0
        self.key_frames = 0
        self.key_frame_requests = 0
        self.invalid_packets = 0
        self.lost_packets = 0
        self.rtcp_packets = 0
        self.dropped_rtcp_packets = 0
        self.invalid_rtcp_packets = 0
        self.splices = 0
        self.last_bye_s = 0.0
        self.last_packet_s = 0.0


class MountCounters:
    """What happened on one mount since it opened.

    Attributes:
        publishers: publishers that took it, the first included.
        readers: readers that began to play.
        instant_starts: of those, how many began with cached packets.
        late_starts: readers that began with live packets because too much waited for others.
        caught_up: how many of those with cached packets reached the live ones.
        catch_up_skips: how often one was sent on to the next key frame, its backlog too large.
        outlet_errors: outlets taken off because they raised.
        dropped_packets, dropped_bytes: what slow readers missed that have left since.
        slow_disconnects: readers closed for being slow too long.
        kernel_drops: datagrams of publishers that have left since, dropped at full buffers.
    """

    __slots__ = (
        "catch_up_skips",
        "caught_up",
        "dropped_bytes",
        "dropped_packets",
        "instant_starts",
        "kernel_drops",
        "late_starts",
        "outlet_errors",
        "publishers",
        "readers",
        "slow_disconnects",
    )

    def __init__(self) -> None:
        self.publishers = 0
        self.readers = 0
        self.instant_starts = 0
        self.late_starts = 0
        self.caught_up = 0
        self.catch_up_skips = 0
        self.outlet_errors = 0
        self.dropped_packets = 0
        self.dropped_bytes = 0
        self.slow_disconnects = 0
        self.kernel_drops = 0


@dataclass(frozen=True, slots=True)
class MountTotals:
    """What was lost on mounts, added up; the names are those of their counters and tracks'."""

    dropped_packets: int = 0
    dropped_bytes: int = 0
    kernel_drops: int = 0
    invalid_packets: int = 0
    invalid_rtcp_packets: int = 0

    def __add__(self, other: MountTotals) -> MountTotals:
        """Return the sum of both."""
        return MountTotals(
            *(getattr(self, field.name) + getattr(other, field.name) for field in fields(self))
        )
