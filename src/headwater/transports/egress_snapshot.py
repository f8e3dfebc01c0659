"""The sockets that serve UDP readers, to look at: plain values, safe to keep."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headwater.net.udp_sender import UdpSender


@dataclass(frozen=True, slots=True)
class EgressTotals:
    """What sockets towards UDP readers did, every destination counted.

    `stalls` counts how often a send buffer was full, `refused` the answers of readers that are
    gone (ICMP port unreachable), `fallbacks` the readers whose route takes no segments.
    `dropped_packets` waited too long, or too many did. `stray_datagrams` came from elsewhere than
    a reader's RTCP port: players open their NAT with one.
    """

    sent_packets: int = 0
    sent_bytes: int = 0
    dropped_packets: int = 0
    dropped_bytes: int = 0
    stalls: int = 0
    refused: int = 0
    errors: int = 0
    fallbacks: int = 0
    stray_datagrams: int = 0

    def __add__(self, other: EgressTotals) -> EgressTotals:
        """Return the sum of both."""
        return EgressTotals(
            *(getattr(self, field.name) + getattr(other, field.name) for field in fields(self))
        )


@dataclass(frozen=True, slots=True)
class EgressSnapshot:
    """One track's socket on one address of this machine, or towards one group, as it was.

    `destinations` are served with every packet; `pending_bytes` wait for the socket.
    """

    mount: str
    track: int
    transport: str
    address: str
    port: int
    destinations: int
    pending_bytes: int
    totals: EgressTotals


def totals_of(sender: UdpSender, stray_datagrams: int = 0) -> EgressTotals:
    """What a sender did until now."""
    return EgressTotals(
        sent_packets=sender.sent_packets,
        sent_bytes=sender.sent_bytes,
        dropped_packets=sender.dropped_packets,
        dropped_bytes=sender.dropped_bytes,
        stalls=sender.stalls,
        refused=sender.refused,
        errors=sender.errors,
        fallbacks=sender.fallbacks,
        stray_datagrams=stray_datagrams,
    )
