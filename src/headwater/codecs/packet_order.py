"""Packets of one track in the order of their sequence numbers, where the network mixed them up.

Over UDP one packet may overtake another. A depacketizer takes a gap for a loss, and a loss costs
all pictures up to the next key frame, so packets behind a gap wait a moment for what is missing.
"""

from collections.abc import Sequence

MOST_HELD = 64
"""Packets that may wait behind a gap."""
MOST_WAIT_S = 0.1
"""How long they wait at most, told by the packets that follow."""
_MOST_BEHIND = 100
"""RFC 3550 A.1: packets further behind are of a source that began anew."""


class PacketOrder:
    """Holds packets back while one in front of them is missing.

    What came too late, or twice, is given as it came: its depacketizer counts it.

    Attributes:
        overtaken: packets that came behind later ones, and in time.
    """

    __slots__ = ("_held", "_next", "_since_s", "_source", "overtaken")

    def __init__(self) -> None:
        self._next = -1
        self._source = b""
        # By sequence number; `_since_s` is when the first of them came.
        self._held: dict[int, bytes] = {}
        self._since_s = 0.0
        self.overtaken = 0

    def take(self, packet: bytes, arrived_s: float) -> Sequence[bytes]:
        """Take the next RTP packet; return those whose turn it is.

        Args:
            packet: a whole RTP packet.
            arrived_s: when it came, in seconds of any clock.
        """
        sequence = packet[2] << 8 | packet[3]
        if sequence == self._next and not self._held:
            self._next = sequence + 1 & 0xFFFF
            return (packet,)
        return self._sort(packet, sequence, arrived_s)

    def flush(self) -> list[bytes]:
        """Return all that waits, in order: nothing more is to be waited for."""
        held, self._held = self._held, {}
        if not held:
            return []
        first = self._next
        ordered = sorted(held, key=lambda sequence: sequence - first & 0xFFFF)
        self._next = ordered[-1] + 1 & 0xFFFF
        return [held[sequence] for sequence in ordered]

    def _sort(self, packet: bytes, sequence: int, arrived_s: float) -> Sequence[bytes]:
        ahead = sequence - self._next & 0xFFFF
        behind = 0x10000 - ahead
        is_elsewhere = MOST_HELD < ahead < 0x10000 - _MOST_BEHIND
        if self._next < 0 or is_elsewhere or packet[8:12] != self._source:
            # The first, another source, or the same one somewhere else.
            given = [*self.flush(), packet]
            self._source = packet[8:12]
            self._next = sequence + 1 & 0xFFFF
            return given
        if behind <= _MOST_BEHIND:
            return (packet,)
        if ahead:
            if not self._held:
                self._since_s = arrived_s
            self._held[sequence] = packet
            is_over = len(self._held) > MOST_HELD or arrived_s - self._since_s > MOST_WAIT_S
            return self.flush() if is_over else ()
        self.overtaken += 1
        return [packet, *self._following(sequence, arrived_s)]

    def _following(self, sequence: int, arrived_s: float) -> list[bytes]:
        """Return what waited for the packet with this number."""
        given: list[bytes] = []
        held = self._held
        following = sequence + 1 & 0xFFFF
        while following in held:
            given.append(held.pop(following))
            following = following + 1 & 0xFFFF
        self._next = following
        self._since_s = arrived_s
        return given
