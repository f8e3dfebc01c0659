"""What readers say over RTCP: that they live, how much they lose, that they need a key frame."""

from __future__ import annotations

from headwater.media.tracks.track import Track
from headwater.protocol.errors import ProtocolError
from headwater.protocol.rtcp import Feedback, ReceiverReport, SenderReport, parse_rtcp


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

    def receive(self, compound: bytes, track: Track) -> bool:
        """Take a compound packet; False when it is no RTCP, which is counted and no sign of life.

        PLI and FIR end here: they become requests of the track's, whatever source they name. A
        BYE is not obeyed: anybody could send one, and a reader that leaves says TEARDOWN.
        """
        try:
            packets = parse_rtcp(compound)
        except ProtocolError:
            self.invalid += 1
            return False
        self.received += 1
        for packet in packets:
            match packet:
                case ReceiverReport(blocks=[block, *_]) | SenderReport(blocks=[block, *_]):
                    self.fraction_lost = block.fraction_lost / 256
                    self.cumulative_lost = block.cumulative_lost
                    self.jitter = block.jitter
                case Feedback(wants_key_frame=True):
                    track.request_key_frame()
        return True
