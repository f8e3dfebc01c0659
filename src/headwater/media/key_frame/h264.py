"""Key frames in H.264 over RTP (RFC 6184): single NAL units, STAP-A, FU-A."""

from collections.abc import Sequence

from headwater.media.key_frame.nal_units import NalKeyFrames, Role
from headwater.protocol.rtp import payload_offset

_UNIT_ROLES = {
    1: Role.SLICE,
    2: Role.SLICE,
    5: Role.KEY_SLICE,
    6: Role.SUPPLEMENT,
    7: Role.MAIN_PARAMETERS,
    8: Role.PICTURE_PARAMETERS,
}
_PACKET_ROLES = {**_UNIT_ROLES, 24: Role.AGGREGATE, 28: Role.FRAGMENT}
# Indexed by the whole byte that holds the type in its low five bits, so that none is masked.
_UNIT_ROLE = bytes(_UNIT_ROLES.get(byte & 0x1F, 0) for byte in range(256))
_PACKET_ROLE = bytes(_PACKET_ROLES.get(byte & 0x1F, 0) for byte in range(256))
_SLICE, _KEY_SLICE, _AGGREGATE, _FRAGMENT = 1, 2, 6, 7
_START_BIT = 0x80
# `first_mb_in_slice` is 0 where its Exp-Golomb code is the lone bit 1 (ITU-T H.264 §7.3.3).
_FIRST_SLICE_BIT = 0x80
_SEI_RECOVERY_POINT = 6


class H264KeyFrames(NalKeyFrames):
    """Finds IDR pictures, and intra pictures that a recovery point SEI says to be exact."""

    __slots__ = ()

    def find(self, packets: Sequence[bytes]) -> int:
        """See `KeyFrameDetector.find`."""
        for index, packet in enumerate(packets):
            try:
                at = payload_offset(packet) if packet[0] & 0x1F else 12
                role = _PACKET_ROLE[packet[at]]
                if role == _FRAGMENT:
                    at += 1
                    if packet[at] < _START_BIT:
                        continue
                    role = _UNIT_ROLE[packet[at]]
                if role >= _KEY_SLICE:
                    self._inspect(role, packet, at, index)
                elif role:
                    self._take(role, index)
            except IndexError:
                continue
        return self._finish()

    def _inspect(self, role: int, packet: bytes, at: int, index: int) -> None:
        """Take a NAL unit, or each of an aggregate, whose (fragment) header is at `at`."""
        if role != _AGGREGATE:
            self._take_unit(role, packet, at, len(packet), index)
            return
        # RFC 6184 §5.7.1: sizes of two bytes, each in front of its NAL unit.
        start, length = at + 3, len(packet)
        while start < length:
            end = start + (packet[start - 2] << 8 | packet[start - 1])
            self._take_unit(_UNIT_ROLE[packet[start]], packet, start, min(end, length), index)
            start = end + 2

    def _take_unit(self, role: int, packet: bytes, at: int, end: int, index: int) -> None:
        if role == Role.KEY_SLICE and not packet[at + 1] & _FIRST_SLICE_BIT:
            role = _SLICE
        elif role == Role.SUPPLEMENT:
            role = Role.RECOVERY_POINT if _is_exact_recovery(packet, at + 1, end) else Role.OTHER
        if role:
            self._take(role, index)


def _is_exact_recovery(packet: bytes, at: int, end: int) -> bool:
    """Whether SEI messages tell of a recovery point of zero frames (ITU-T H.264 §D.1.8)."""
    while at + 2 < end:
        kind, size = packet[at], packet[at + 1]
        if kind == _SEI_RECOVERY_POINT:
            # `recovery_frame_cnt` is 0 where its Exp-Golomb code is the lone bit 1.
            return packet[at + 2] >= 0x80
        if 0xFF in (kind, size):
            # Types and sizes past 254 take several bytes; recovery points stand before such.
            return False
        at += 2 + size
    return False
