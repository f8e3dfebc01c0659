"""Where a UdpSender sends: one address, a group of them, and a buffer on its way to a group."""

from __future__ import annotations

from typing import NamedTuple

from headwater.net.datagram_vector import VectorEntry, VectorGroup
from headwater.net.socket_address import Address


class Destination:
    """One address that a UdpSender serves, with what went wrong on the way there."""

    __slots__ = (
        "_alone",
        "active",
        "address",
        "dropped_bytes",
        "dropped_packets",
        "entry",
        "errors",
        "refused",
        "segmented",
    )

    def __init__(self, address: Address, entry: VectorEntry | None, *, segmented: bool) -> None:
        self.address: Address = address
        self.segmented: bool = segmented
        """Whether its route takes segmentation offload; turned off when it refuses."""
        self.active: bool = True
        self.dropped_packets: int = 0
        self.dropped_bytes: int = 0
        self.refused: int = 0
        self.errors: int = 0
        self.entry = entry
        self._alone: DestinationGroup | None = None

    @property
    def alone(self) -> DestinationGroup:
        """This destination as a group of one."""
        group = self._alone
        if group is None:
            group = self._alone = DestinationGroup((self,), None)
        return group


class DestinationGroup:
    """Destinations that get the same bytes; immutable, so a send may stop and go on later."""

    __slots__ = ("addresses", "count", "destinations", "vector")

    def __init__(self, destinations: tuple[Destination, ...], vector: VectorGroup | None) -> None:
        self.destinations = destinations
        self.addresses = tuple([destination.address for destination in destinations])
        self.vector = vector
        self.count = len(destinations)


class SendGroups(NamedTuple):
    """Destinations by how runs are sent to them."""

    segmented: DestinationGroup
    plain: DestinationGroup


class Crowd(NamedTuple):
    """Destinations that get buffers of their own together; good until `fallbacks` grows."""

    destinations: tuple[Destination, ...]
    vector: VectorGroup | None


class Slots(NamedTuple):
    """Pieces of one memory, equally far apart: what lies in each is for one destination."""

    memory: memoryview
    address: int
    """Where the memory begins."""
    apart_bytes: int


class PendingSend:
    """One buffer on its way to one group, stopped at `index`."""

    __slots__ = ("buffer", "group", "index", "packets", "queued_s", "removals", "segment_bytes")

    def __init__(
        self,
        buffer: bytes,
        segment_bytes: int,
        packets: int,
        group: DestinationGroup,
        index: int,
        queued_s: float,
        removals: int,
    ) -> None:
        self.buffer = buffer
        self.segment_bytes = segment_bytes
        self.packets = packets
        self.group = group
        self.index = index
        self.queued_s = queued_s
        self.removals = removals

    @property
    def wire_bytes(self) -> int:
        """Bytes still to be sent, every destination counted."""
        return len(self.buffer) * (self.group.count - self.index)
