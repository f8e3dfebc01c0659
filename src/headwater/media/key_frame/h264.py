"""Key frames in H.264 over RTP (RFC 6184): single NAL units, STAP-A, FU-A."""

from collections.abc import Sequence

from headwater.media.key_frame.nal_units import (
    AGGREGATE,
    FRAGMENT,
    KEY_SLICE,
    MAIN_PARAMETERS,
    NOTHING_WAITS,
    OTHER,
    PICTURE_PARAMETERS,
    RECOVERY_POINT,
    SLICE,
    SUPPLEMENT,
    NalKeyFrames,
    quiet_bytes,
)
from headwater.protocol.payload import h264
from headwater.protocol.payload.h264 import FIRST_SLICE, FU_START, has_recovery_point
from headwater.protocol.rtp import payload_offset

_UNIT_ROLES = {
    h264.SLICE: SLICE,
    h264.PARTITION_A: SLICE,
    h264.IDR_SLICE: KEY_SLICE,
    h264.SEI: SUPPLEMENT,
    h264.SPS: MAIN_PARAMETERS,
    h264.PPS: PICTURE_PARAMETERS,
}
_PACKET_ROLES = {**_UNIT_ROLES, h264.STAP_A: AGGREGATE, h264.FU_A: FRAGMENT}
# Indexed by the whole byte that holds the type in its low five bits, so that none is masked.
_UNIT_ROLE = bytes(_UNIT_ROLES.get(byte & h264.TYPE_BITS, OTHER) for byte in range(256))
_PACKET_ROLE = bytes(_PACKET_ROLES.get(byte & h264.TYPE_BITS, OTHER) for byte in range(256))


class H264KeyFrames(NalKeyFrames):
    """Finds IDR pictures and recovery points.

    Recovery points count because streams with periodic intra refresh, or with open groups of
    pictures, have no other place to begin; decoders show nothing before they have recovered.
    """

    __slots__ = ()

    quiet = quiet_bytes(_PACKET_ROLE, 1, _UNIT_ROLE.__getitem__)

    def _look(self, packets: Sequence[bytes]) -> int:
        for index, packet in enumerate(packets):
            try:
                at = payload_offset(packet) if packet[0] & 0x1F else 12
                role = _PACKET_ROLE[packet[at]]
                if role == FRAGMENT:
                    at += 1
                    if packet[at] < FU_START:
                        continue
                    role = _UNIT_ROLE[packet[at]]
                if role == SLICE:
                    self._waiting = NOTHING_WAITS
                elif role == AGGREGATE:
                    self._take_aggregate(packet, at, index)
                elif role:
                    self._take_unit(role, packet, at, len(packet), index)
            except IndexError:
                continue
        if self._found < 0 > self._waiting:
            return -1
        return self._finish()

    def _take_aggregate(self, packet: bytes, at: int, index: int) -> None:
        # RFC 6184 §5.7.1: sizes of two bytes, each in front of its NAL unit.
        start, length = at + 3, len(packet)
        while start < length:
            end = start + (packet[start - 2] << 8 | packet[start - 1])
            role = _UNIT_ROLE[packet[start]]
            if role:
                self._take_unit(role, packet, start, min(end, length), index)
            start = end + 2

    def _take_unit(self, role: int, packet: bytes, at: int, end: int, index: int) -> None:
        if role == KEY_SLICE and not packet[at + 1] & FIRST_SLICE:
            role = SLICE
        elif role == SUPPLEMENT:
            if not has_recovery_point(packet, at + 1, end):
                return
            role = RECOVERY_POINT
        self._take(role, packet, index)
