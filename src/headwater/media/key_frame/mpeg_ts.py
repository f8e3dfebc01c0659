"""Key frames in MPEG transport streams over RTP (RFC 2250 §2): whole TS packets, one by one."""

import re
from collections.abc import Sequence

from headwater.media.key_frame.detector import KeyFrameDetector
from headwater.protocol.rtp import payload_offset

_TS_BYTES = 188
_SYNC = 0x47
# ITU-T H.222.0 §2.4.3: bits of the header's second and fourth byte, and of the adaptation field.
_UNIT_START = 0x40
_PID_HIGH = 0x1F
_HAS_ADAPTATION = 0x20
_RANDOM_ACCESS = 0x40
# Sequence parameters or a picture to begin with, of H.264, MPEG-2 and H.265: the bytes behind a
# start code are no such unit of one of the others.
_BEGINS_VIDEO = re.compile(
    rb"\x00\x00\x01(?:[\x25\x45\x65\x27\x47\x67\xb3]|[\x26\x28\x2a\x40]\x01)"
)


class MpegTsKeyFrames(KeyFrameDetector):
    """Finds pictures of the video that are marked for random access, or begin with an IDR.

    The tables of the programme (PAT, then PMT), without which nothing can be decoded, belong to
    the key frame when they came behind the picture before. Sound, each frame of which is marked
    too, does not count.
    """

    __slots__ = ()

    def find(self, packets: Sequence[bytes]) -> int:
        """See `KeyFrameDetector.find`."""
        tables = -1
        for index, packet in enumerate(packets):
            start = payload_offset(packet) if packet[0] & 0x1F else 12
            for at in range(start, len(packet) - _TS_BYTES + 1, _TS_BYTES):
                if not packet[at + 1] & _UNIT_START or packet[at] != _SYNC:
                    continue
                if not (packet[at + 1] & _PID_HIGH or packet[at + 2]):
                    tables = index
                    continue
                body, end = _body(packet, at), at + _TS_BYTES
                # Table 2-22: the stream id of video is 0xE0 to 0xEF.
                if packet[body : body + 3] != b"\0\0\1" or packet[body + 3] >> 4 != 0xE:
                    continue
                if _is_marked(packet, at) or _BEGINS_VIDEO.search(packet, body + 9, end):
                    return index if tables < 0 else tables
                tables = -1
        return -1


def _body(packet: bytes, at: int) -> int:
    """Return where a TS packet's payload begins, or a place near its end where nothing begins."""
    if not packet[at + 3] & _HAS_ADAPTATION:
        return at + 4
    return at + min(5 + packet[at + 4], _TS_BYTES - 1)


def _is_marked(packet: bytes, at: int) -> bool:
    return bool(
        packet[at + 3] & _HAS_ADAPTATION and packet[at + 4] and packet[at + 5] & _RANDOM_ACCESS
    )
