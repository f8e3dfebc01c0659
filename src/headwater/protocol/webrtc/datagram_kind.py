"""Which protocol a datagram on the one port of WebRTC is of (RFC 7983 §7)."""

from enum import Enum


class DatagramKind(Enum):
    """What a datagram's first byte says."""

    STUN = "stun"
    DTLS = "dtls"
    SRTP = "srtp"
    """SRTP or SRTCP."""
    OTHER = "other"


_KINDS = (
    *(DatagramKind.STUN for _ in range(4)),
    *(DatagramKind.OTHER for _ in range(4, 20)),
    *(DatagramKind.DTLS for _ in range(20, 64)),
    *(DatagramKind.OTHER for _ in range(64, 128)),
    *(DatagramKind.SRTP for _ in range(128, 192)),
    *(DatagramKind.OTHER for _ in range(192, 256)),
)


def datagram_kind(datagram: bytes) -> DatagramKind:
    """Return what a datagram is by its first byte; it must have one."""
    return _KINDS[datagram[0]]
