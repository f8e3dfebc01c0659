"""RTP and RTCP told apart by their second byte, whichever way a publisher sends them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from headwater.protocol.rtcp import is_rtcp
from headwater.protocol.rtp import is_rtp, payload_type

if TYPE_CHECKING:
    from headwater.protocol.sdp import MediaDescription

# RFC 5761 §4: payload types of RTP that is sent among RTCP do not look like these.
_RTCP_TYPES = range(192, 224)
# RFC 3551 §6 keeps them free, so that reports are always told from RTP.
_NEVER_RTP = range(72, 77)


class PacketKinds:
    """What a packet of one track is, by the payload types of the track's description.

    Attributes:
        rtcp_types: second bytes of what is RTCP among RTP. A publisher that describes one of
            these payload types, as 77 to 95, sends its RTCP apart.
        rtp_bytes: all others, those that are described first: they are found first.
    """

    __slots__ = ("_formats", "rtcp_types", "rtp_bytes")

    def __init__(self, formats: frozenset[int]) -> None:
        self._formats = formats
        described = {0x80 | each for each in formats if each not in _NEVER_RTP}
        self.rtcp_types = frozenset(_RTCP_TYPES) - described
        own = [second for each in sorted(formats) for second in (each & 0x7F, 0x80 | each & 0x7F)]
        rtp = dict.fromkeys((*own, *range(256)))
        self.rtp_bytes = bytes(second for second in rtp if second not in self.rtcp_types)

    def is_rtcp(self, packet: bytes) -> bool:
        """Return whether a packet that came among RTP is RTCP."""
        return is_rtcp(packet) and packet[1] in self.rtcp_types

    def is_rtp(self, packet: bytes) -> bool:
        """Return whether a packet that came among RTP is such."""
        return is_rtp(packet) and packet[1] not in self.rtcp_types

    def is_rtp_among_rtcp(self, packet: bytes) -> bool:
        """Return whether a packet that came among RTCP is RTP of this track.

        One of a payload type that the track has not is none: what players open a NAT with looks
        like RTP.
        """
        return is_rtp(packet) and not is_rtcp(packet) and payload_type(packet) in self._formats


def packet_kinds(media: MediaDescription) -> PacketKinds:
    """Return what packets of a track are; tracks of the same payload types share it."""
    return _packet_kinds(frozenset(media.formats))


_packet_kinds = lru_cache(maxsize=64)(PacketKinds)
