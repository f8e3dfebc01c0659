"""RTP and RTCP told apart by their second byte, whichever way a publisher sends them."""

from __future__ import annotations

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
    """

    __slots__ = ("_formats", "rtcp_types")

    def __init__(self, media: MediaDescription) -> None:
        self._formats = frozenset(media.formats)
        described = {0x80 | each for each in self._formats if each not in _NEVER_RTP}
        self.rtcp_types = frozenset(_RTCP_TYPES) - described

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
