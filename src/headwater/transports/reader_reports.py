"""What readers report back over RTCP: life, and how much they lose."""

from __future__ import annotations

from headwater.protocol.errors import ProtocolError
from headwater.protocol.rtcp import ReceiverReport, SenderReport, parse_rtcp


class ReaderReports:
    """The last reception report of one reader on one track.

    Attributes:
        received: compound packets that could be read.
        invalid: packets that could not.
        fraction_lost: share of packets lost since the report before, 0.0 to 1.0.
        cumulative_lost: packets lost since the reader began.
        jitter: interarrival jitter in the track's clock units (RFC 3550 §6.4.1).
    """

    __slots__ = ("cumulative_lost", "fraction_lost", "invalid", "jitter", "received")

    def __init__(self) -> None:
        self.received = 0
        self.invalid = 0
        self.fraction_lost = 0.0
        self.cumulative_lost = 0
        self.jitter = 0

    def receive(self, compound: bytes) -> bool:
        """Take a compound packet; False when it is no RTCP, which is counted and no sign of life.

        A BYE is not obeyed: anybody could send one, and a reader that leaves says TEARDOWN.
        """
        try:
            packets = parse_rtcp(compound)
        except ProtocolError:
            self.invalid += 1
            return False
        self.received += 1
        for packet in packets:
            if isinstance(packet, ReceiverReport | SenderReport) and packet.blocks:
                block = packet.blocks[0]
                self.fraction_lost = block.fraction_lost / 256
                self.cumulative_lost = block.cumulative_lost
                self.jitter = block.jitter
        return True
