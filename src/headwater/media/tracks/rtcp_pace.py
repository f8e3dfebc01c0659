"""How many RTCP packets of a publisher are relayed: enough for every honest sender."""

from __future__ import annotations

from headwater.protocol.rtcp import SENDER_REPORT

PACKETS_PER_S = 10.0
"""RFC 3550 §6.2 has a sender report every few seconds; the busiest encoders send five a second."""

BURST_PACKETS = 10
"""What may come at once, of a track with many sources for instance."""

_SENDER_REPORT = bytes([SENDER_REPORT])


class RtcpPace:
    """Bounds the compound RTCP packets of one track: each costs work for every one of its readers.

    A flood of RTCP would else take the server's loop from everybody: one packet of it is one
    packet to each UDP reader, while RTP is paid for by the batch.
    """

    __slots__ = ("_allowed", "_last_s")

    def __init__(self) -> None:
        self._allowed = float(BURST_PACKETS)
        self._last_s = 0.0

    def latest(self, packets: list[bytes], now: float) -> list[bytes]:
        """Return those that may be relayed: the latest ones, which make the others obsolete.

        Of each source's sender reports that came together it is the last one at most.
        """
        if len(packets) > 1:
            packets = _without_older_reports(packets)
        grown = self._allowed + (now - self._last_s) * PACKETS_PER_S
        self._allowed = min(float(BURST_PACKETS), grown)
        self._last_s = now
        count = min(len(packets), int(self._allowed))
        self._allowed -= count
        return packets[len(packets) - count :]


def _without_older_reports(packets: list[bytes]) -> list[bytes]:
    newest = {_reporter(packet): index for index, packet in enumerate(packets)}
    return [
        packet
        for index, packet in enumerate(packets)
        if (reporter := _reporter(packet)) is None or newest[reporter] == index
    ]


def _reporter(packet: bytes) -> bytes | None:
    """Return the SSRC of a compound that begins with a sender report; None for any other."""
    return packet[4:8] if packet[1:2] == _SENDER_REPORT else None
