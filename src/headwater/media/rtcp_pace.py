"""How many RTCP packets of a publisher are relayed: enough for every honest sender."""

from __future__ import annotations

PACKETS_PER_S = 10.0
"""RFC 3550 §6.2 has a sender report every few seconds; the busiest encoders send five a second."""

BURST_PACKETS = 20
"""What may come at once, after a pause of the network for instance."""


class RtcpPace:
    """Bounds the compound RTCP packets of one track: each costs work for every one of its readers.

    A flood of RTCP would else take the server's loop from everybody: one packet of it is one
    packet to each reader, while RTP is paid for by the batch.
    """

    __slots__ = ("_allowed", "_last_s")

    def __init__(self) -> None:
        self._allowed = float(BURST_PACKETS)
        self._last_s = 0.0

    def latest(self, packets: list[bytes], now: float) -> list[bytes]:
        """Return those that may be relayed: the latest ones, which make the others obsolete."""
        grown = self._allowed + (now - self._last_s) * PACKETS_PER_S
        self._allowed = min(float(BURST_PACKETS), grown)
        self._last_s = now
        count = min(len(packets), int(self._allowed))
        self._allowed -= count
        return packets[len(packets) - count :]
