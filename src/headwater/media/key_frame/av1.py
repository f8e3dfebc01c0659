"""Key frames in AV1 over RTP (AOMedia's "RTP Payload Format For AV1")."""

from collections.abc import Sequence

from headwater.media.key_frame.detector import KeyFrameDetector
from headwater.protocol.rtp import payload_offset

# §4.4: bits of the aggregation header.
_CONTINUES, _COUNT, _NEW_SEQUENCE = 0x80, 0x30, 0x08
_ONE_UNIT = 0x10
_OBU_SEQUENCE_HEADER = 1


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
                if aggregation & _NEW_SEQUENCE:
                    return index
                if not aggregation & _CONTINUES and _begins_with_sequence(packet, at):
                    return index
            except IndexError:
                continue
        return -1


def _begins_with_sequence(packet: bytes, at: int) -> bool:
    header = at + 1
    if packet[at] & _COUNT != _ONE_UNIT:
        # §4.3: a size as LEB128 stands before every unit but the last of a counted packet.
        while packet[header] & 0x80:
            header += 1
        header += 1
    return packet[header] >> 3 & 0x0F == _OBU_SEQUENCE_HEADER
