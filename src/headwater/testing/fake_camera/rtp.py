"""The RTP and RTCP packets that the camera builds (RFC 3550 §5.1, §6.4.1, §6.5, §6.6)."""

from __future__ import annotations

import struct
from dataclasses import dataclass


@dataclass(frozen=True)
class RtpPacket:
    """An RTP packet before it becomes bytes, so that a fault can change a field of it."""

    payload_type: int
    seq: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False

    def encode(self) -> bytes:
        """The packet as bytes."""
        second = self.marker << 7 | self.payload_type
        head = struct.pack(">BBHII", 0x80, second, self.seq, self.timestamp, self.ssrc)
        return head + self.payload


@dataclass(frozen=True)
class SenderReport:
    """What a sender report says: this RTP time stamp was at that wall clock."""

    ssrc: int
    ntp: int
    timestamp: int
    packets: int
    octets: int

    def encode(self) -> bytes:
        """A compound packet: the report, and a source description with a CNAME."""
        counts = (self.packets & 0xFFFFFFFF, self.octets & 0xFFFFFFFF)
        head = struct.pack(">BBHI", 0x80, 200, 6, self.ssrc)
        return head + struct.pack(">QIII", self.ntp, self.timestamp, *counts) + sdes(self.ssrc)


def sdes(ssrc: int, name: bytes = b"camera") -> bytes:
    """A source description: the CNAME, and zeros up to the next word."""
    item = bytes((1, len(name))) + name
    item += bytes(4 - len(item) % 4)
    return struct.pack(">BBHI", 0x81, 202, 1 + len(item) // 4, ssrc) + item


def bye(ssrc: int) -> bytes:
    """A compound packet that says goodbye: an empty receiver report, then BYE."""
    return struct.pack(">BBHI", 0x80, 201, 1, ssrc) + struct.pack(">BBHI", 0x81, 203, 1, ssrc)
