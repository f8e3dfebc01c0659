"""Key frames in AV1 over RTP (AOMedia's "RTP Payload Format For AV1")."""

from collections.abc import Sequence

from headwater.media.key_frame.detector import KeyFrameDetector
from headwater.protocol.payload.av1 import (
    CONTINUES,
    COUNT,
    NEW_SEQUENCE,
    OBU_SEQUENCE_HEADER,
    ONE_UNIT,
    obu_type,
)
from headwater.protocol.rtp import payload_offset


class Av1KeyFrames(KeyFrameDetector):
    """Finds the first packet of a coded video sequence.

    The N bit tells; a sequence header at the front tells as well, for senders that leave N out.
    """

    __slots__ = ()

    def find(self, packets: Sequence[bytes]) -> int:
        """See `KeyFrameDetector.find`."""
        for index, packet in enumerate(packets):
            try:
                at = payload_offset(packet) if packet[0] & 0x1F else 12
                aggregation = packet[at]
                if aggregation & NEW_SEQUENCE:
                    return index
                if not aggregation & CONTINUES and _begins_with_sequence(packet, at):
                    return index
            except IndexError:
                continue
        return -1


def _begins_with_sequence(packet: bytes, at: int) -> bool:
    header = at + 1
    if packet[at] & COUNT != ONE_UNIT:
        # §4.3: a size as LEB128 stands before every unit but the last of a counted packet.
        while packet[header] & 0x80:
            header += 1
        header += 1
    return obu_type(packet[header]) == OBU_SEQUENCE_HEADER
