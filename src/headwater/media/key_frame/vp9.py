"""Key frames in VP9 over RTP (RFC 9628)."""

from collections.abc import Sequence

from headwater.media.key_frame.detector import KeyFrameDetector
from headwater.protocol.rtp import payload_offset

# RFC 9628 §4.2: bits of the payload descriptor's first byte.
_PICTURE_ID, _INTER_PREDICTED, _LAYERS, _FLEXIBLE = 0x80, 0x40, 0x20, 0x10
_FRAME_START, _SCALABILITY = 0x08, 0x02


class Vp9KeyFrames(KeyFrameDetector):
    """Finds frames that the codec's own header calls key frames.

    The descriptor alone does not tell: ffmpeg never sets its P bit, and intra-only frames leave it
    out as key frames do.
    """

    __slots__ = ()

    def find(self, packets: Sequence[bytes]) -> int:
        """See `KeyFrameDetector.find`."""
        for index, packet in enumerate(packets):
            try:
                at = payload_offset(packet) if packet[0] & 0x1F else 12
                descriptor = packet[at]
                if (
                    descriptor & _FRAME_START
                    and not descriptor & _INTER_PREDICTED
                    and _is_key_frame(packet, at)
                ):
                    return index
            except IndexError:
                continue
        return -1


def _is_key_frame(packet: bytes, at: int) -> bool:
    descriptor = packet[at]
    at += 1
    if descriptor & _PICTURE_ID:
        at += 2 if packet[at] & 0x80 else 1
    if descriptor & _LAYERS:
        if packet[at] >> 1 & 0x07:
            # A higher spatial layer cannot be decoded without the ones below it.
            return False
        at += 1 if descriptor & _FLEXIBLE else 2
    if descriptor & _SCALABILITY:
        at = _after_scalability(packet, at)
    header = packet[at]
    # VP9 bitstream specification §6.2: marker 2, two bits of profile, a reserved bit in profile 3,
    # then show_existing_frame and frame_type, both 0 for a key frame.
    if header >> 6 != 2:
        return False
    return not header & (0x06 if header & 0x30 == 0x30 else 0x0C)


def _after_scalability(packet: bytes, at: int) -> int:
    """Return the first byte after the scalability structure (RFC 9628 §4.2.1)."""
    structure = packet[at]
    at += 1
    if structure & 0x10:
        at += 4 * ((structure >> 5) + 1)
    if structure & 0x08:
        pictures = packet[at]
        at += 1
        for _ in range(pictures):
            at += 1 + (packet[at] >> 2 & 0x03)
    return at
