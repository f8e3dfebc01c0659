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
)
from headwater.protocol.rtp import payload_offset

_UNIT_ROLES = {
    1: SLICE,
    2: SLICE,
    5: KEY_SLICE,
    6: SUPPLEMENT,
    7: MAIN_PARAMETERS,
    8: PICTURE_PARAMETERS,
}
_PACKET_ROLES = {**_UNIT_ROLES, 24: AGGREGATE, 28: FRAGMENT}
# Indexed by the whole byte that holds the type in its low five bits, so that none is masked.
_UNIT_ROLE = bytes(_UNIT_ROLES.get(byte & 0x1F, OTHER) for byte in range(256))
_PACKET_ROLE = bytes(_PACKET_ROLES.get(byte & 0x1F, OTHER) for byte in range(256))
_START_BIT = 0x80
# `first_mb_in_slice` is 0 where its Exp-Golomb code is the lone bit 1 (ITU-T H.264 §7.3.3).
_FIRST_SLICE_BIT = 0x80
_SEI_RECOVERY_POINT = 6


class H264KeyFrames(NalKeyFrames):
    """Finds IDR pictures and recovery points.

    Recovery points count because streams with periodic intra refresh, or with open groups of
    pictures, have no other place to begin; decoders show nothing before they have recovered.
    """

    __slots__ = ()

    def find(self, packets: Sequence[bytes]) -> int:
        """See `KeyFrameDetector.find`."""
        for index, packet in enumerate(packets):
            try:
                at = payload_offset(packet) if packet[0] & 0x1F else 12
                role = _PACKET_ROLE[packet[at]]
                if role == FRAGMENT:
                    at += 1
                    if packet[at] < _START_BIT:
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
        if role == KEY_SLICE and not packet[at + 1] & _FIRST_SLICE_BIT:
            role = SLICE
        elif role == SUPPLEMENT:
            if not _has_recovery_point(packet, at + 1, end):
                return
            role = RECOVERY_POINT
        self._take(role, packet, index)


def _has_recovery_point(packet: bytes, at: int, end: int) -> bool:
    """Return whether one of a NAL unit's SEI messages is a recovery point (ITU-T H.264 §D.1.8)."""
    while at + 2 < end:
        kind, size = packet[at], packet[at + 1]
        if kind == _SEI_RECOVERY_POINT:
            return True
        if 0xFF in (kind, size):
            # Types and sizes past 254 take several bytes; recovery points stand before such.
            return False
        at += 2 + size
    return False
