"""Access units to RTP packets of a bounded size, once for all who want them so."""

from collections.abc import Callable, Sequence
from struct import Struct

from headwater.codecs.access_unit import AccessUnit
from headwater.protocol.rtp import HEADER_BYTES

MOST_PACKET_BYTES = 1_200
"""What passes every path that browsers use, with SRTP's tag and the headers of IP and UDP."""
_HEADER = Struct(">BBHII")
_VERSION_2 = 0x80
_MARKER = 0x80

Payloader = Callable[[AccessUnit, int], Sequence[bytes]]
"""Cuts an access unit into payloads of at most so many bytes; no state is between two of them.

`ValueError` says that the codec's payload format has no form for this one."""


class Packetizer:
    """Writes the packets of one track, with sequence numbers of its own.

    All packets of a fragmented unit but the last have the same size, so that they leave in few
    system calls.

    Args:
        payloader: the codec's.
        payload_type: of the packets.
        ssrc: the source that they name.
        sequence_number: of the first packet.
        most_bytes: the largest packet, header included.
    """

    __slots__ = ("_payload_type", "_payloader", "_room", "_ssrc", "sequence_number")

    def __init__(
        self,
        payloader: Payloader,
        *,
        payload_type: int,
        ssrc: int,
        sequence_number: int = 0,
        most_bytes: int = MOST_PACKET_BYTES,
    ) -> None:
        self._payloader = payloader
        self._payload_type = payload_type
        self._ssrc = ssrc
        self._room = most_bytes - HEADER_BYTES
        self.sequence_number = sequence_number
        """Of the next packet."""

    def packets(self, unit: AccessUnit) -> list[bytes]:
        """Return the packets of an access unit; the marker is on the last one only."""
        payloads = self._payloader(unit, self._room)
        number, kind = self.sequence_number, self._payload_type
        timestamp, ssrc = unit.timestamp, self._ssrc
        last = len(payloads) - 1
        packets = [
            _HEADER.pack(
                _VERSION_2,
                kind | _MARKER if index == last else kind,
                number + index & 0xFFFF,
                timestamp,
                ssrc,
            )
            + payload
            for index, payload in enumerate(payloads)
        ]
        self.sequence_number = number + len(packets) & 0xFFFF
        return packets
