"""UDP readers on their way to the live packets that are sent the same at the same time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from headwater.media.tracks.packet_batch import PacketBatch
from headwater.net.udp_sender import Destination, UdpSender
from headwater.transports.datagram.udp_outlet import runs_of
from headwater.transports.offered_tally import OfferedTally


class HasDestination(Protocol):
    """One track of a reader; where it goes may change while it is on its way (NAT)."""

    destination: Destination


class UdpCompany:
    """Sends one track's kept batches to some of the readers of an egress."""

    __slots__ = ("_fallbacks", "_groups", "_legs", "_sender", "_tallies", "_to")

    def __init__(
        self,
        sender: UdpSender,
        legs: Sequence[HasDestination],
        tallies: Sequence[OfferedTally],
    ) -> None:
        self._sender = sender
        self._legs = legs
        self._tallies = tallies
        self._regroup([leg.destination for leg in legs])

    def send_batch(self, batch: PacketBatch) -> None:
        """Send a batch to all of them."""
        sender = self._sender
        to = [leg.destination for leg in self._legs]
        if to != self._to or sender.fallbacks != self._fallbacks:
            self._regroup(to)
        for tally in self._tallies:
            tally.add(batch)
        sender.send_to_groups(self._groups, runs_of(batch))

    def _regroup(self, to: list[Destination]) -> None:
        self._to = to
        self._fallbacks = self._sender.fallbacks
        self._groups = self._sender.groups_of(to)
