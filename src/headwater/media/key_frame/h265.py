"""Key frames in H.265 over RTP (RFC 7798): single NAL units, aggregation and fragmentation."""

from collections.abc import Sequence

from headwater.media.key_frame.nal_units import (
    AGGREGATE,
    FRAGMENT,
    KEY_SLICE,
    MAIN_PARAMETERS,
    NOTHING_WAITS,
    OTHER,
    PICTURE_PARAMETERS,
    SLICE,
    NalKeyFrames,
    quiet_bytes,
)
from headwater.protocol.payload import h265
from headwater.protocol.payload.h265 import FIRST_SLICE, FU_START, FU_TYPE, unit_type
from headwater.protocol.rtp import payload_offset


def _unit_role(kind: int) -> int:
    if kind in h265.SLICE_TYPES:
        return KEY_SLICE if kind in h265.IRAP_TYPES else SLICE
    if kind in (h265.VPS, h265.SPS):
        return MAIN_PARAMETERS
    return PICTURE_PARAMETERS if kind == h265.PPS else OTHER


_PACKET_TYPES = {h265.AGGREGATE: AGGREGATE, h265.FRAGMENT: FRAGMENT}
# By the header's first byte, which holds the type in bits 1 to 6, and by a fragment header.
_UNIT_ROLE = bytes(_unit_role(unit_type(byte)) for byte in range(256))
_FRAGMENT_ROLE = bytes(_unit_role(byte & FU_TYPE) for byte in range(256))
_PACKET_ROLE = bytes(
    _PACKET_TYPES.get(unit_type(byte), _unit_role(unit_type(byte))) for byte in range(256)
)


class H265KeyFrames(NalKeyFrames):
    """Finds intra random access pictures: IDR, CRA and BLA."""

    __slots__ = ()

    quiet = quiet_bytes(_PACKET_ROLE, 2, _FRAGMENT_ROLE.__getitem__)

    def _look(self, packets: Sequence[bytes]) -> int:
        for index, packet in enumerate(packets):
            try:
                at = payload_offset(packet) if packet[0] & 0x1F else 12
                role = _PACKET_ROLE[packet[at]]
                if role == FRAGMENT:
                    # RFC 7798 §4.4.3: the fragment header stands after the two of the payload.
                    at += 1
                    if packet[at + 1] < FU_START:
                        continue
                    role = _FRAGMENT_ROLE[packet[at + 1]]
                if role == SLICE:
                    self._waiting = NOTHING_WAITS
                elif role == AGGREGATE:
                    self._take_aggregate(packet, at, index)
                elif role:
                    self._take_unit(role, packet, at, index)
            except IndexError:
                continue
        if self._found < 0 > self._waiting:
            return -1
        return self._finish()

    def _take_aggregate(self, packet: bytes, at: int, index: int) -> None:
        # RFC 7798 §4.4.2: sizes of two bytes, each in front of its NAL unit.
        start = at + 4
        while start < len(packet):
            role = _UNIT_ROLE[packet[start]]
            if role:
                self._take_unit(role, packet, start, index)
            start += 2 + (packet[start - 2] << 8 | packet[start - 1])

    def _take_unit(self, role: int, packet: bytes, at: int, index: int) -> None:
        if role == KEY_SLICE and not packet[at + 2] & FIRST_SLICE:
            role = SLICE
        self._take(role, packet, index)
