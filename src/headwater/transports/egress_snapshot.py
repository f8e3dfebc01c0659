"""The sockets that serve UDP readers, to look at: plain values, safe to keep."""

from __future__ import annotations

from dataclasses import dataclass
from operator import add, attrgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headwater.transports.datagram.udp_outlet import UdpOutlet


@dataclass(frozen=True, slots=True)
class EgressTotals:
    """What sockets towards UDP readers did, every destination counted.

    `stalls` counts how often a send buffer was full, `refused` the answers of readers that are
    gone (ICMP port unreachable), `fallbacks` the readers whose route takes no segments.
    `dropped_packets` were left out up to the next key frame while the socket did not keep up, or
    could not be sent, as those larger than UDP carries. `stray_datagrams` came from elsewhere than
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
        return EgressTotals(*map(add, _counters(self), _counters(other)))


_counters = attrgetter(*EgressTotals.__slots__)


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


def totals_of(outlet: UdpOutlet, stray_datagrams: int) -> EgressTotals:
    """Return what an outlet and its socket did until now."""
    sender = outlet.sender
    return EgressTotals(
        sent_packets=sender.sent_packets,
        sent_bytes=sender.sent_bytes,
        dropped_packets=sender.dropped_packets + outlet.missed_packets,
        dropped_bytes=sender.dropped_bytes + outlet.missed_bytes,
        stalls=sender.stalls,
        refused=sender.refused,
        errors=sender.errors,
        fallbacks=sender.fallbacks,
        stray_datagrams=stray_datagrams,
    )
