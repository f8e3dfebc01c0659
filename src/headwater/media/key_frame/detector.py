"""What every key-frame detector does."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from headwater.protocol.rtp import cut_run


class KeyFrameDetector(ABC):
    """Finds where, in one track's packets, a decoder can begin.

    It looks and never rewrites. One detector belongs to one track: it remembers, from batch to
    batch, whether the key frame it is in has been told of already.
    """

    __slots__ = ()

    @abstractmethod
    def find(self, packets: Sequence[bytes]) -> int:
        """Index of the first packet that begins a key-frame access unit; -1 where none does.

        Parameter sets in front of the key frame belong to it. To be called with all of a track's
        packets, in order, once. Packets shorter than they say begin nothing.

        Args:
            packets: whole RTP packets (each passed `protocol.rtp.is_rtp`).
        """

    def find_in_run(self, run: bytes, segment_bytes: int) -> int:
        """`find` for packets of one size that lie back to back, the last maybe shorter."""
        return self.find(cut_run(run, segment_bytes))

    def starts(self, packet: bytes) -> bool:
        """`find` for a single packet."""
        return self.find((packet,)) == 0
