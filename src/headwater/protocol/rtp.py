"""Views on RTP packets (RFC 3550 §5.1) that read what is asked and copy nothing.

The single-field functions are for the media path: they take packets for which `is_rtp` was true
and check nothing again. `RtpHeader.parse` checks everything.
"""

from dataclasses import dataclass
from struct import Struct
from typing import Self

from headwater.protocol.errors import ProtocolError

HEADER_BYTES = 12
"""Size of the fixed header."""

_TO_REWRITE = Struct(">HHI")
_REWRITTEN = Struct(">HHII")
_EXTENSION_OR_CSRC = 0x1F


def is_rtp(packet: bytes) -> bool:
    """Return whether this can be an RTP packet: version 2 and at least a fixed header long."""
    return len(packet) >= HEADER_BYTES and packet[0] >> 6 == 2


def payload_type(packet: bytes) -> int:
    """Return the payload type, 0 to 127."""
    return packet[1] & 0x7F


def marker(packet: bytes) -> bool:
    """Return the marker bit: for video, usually, the last packet of a picture."""
    return packet[1] >= 0x80


def sequence_number(packet: bytes) -> int:
    """Return the sequence number, 16 bits."""
    return packet[2] << 8 | packet[3]


def timestamp(packet: bytes) -> int:
    """Return the RTP timestamp, 32 bits, in units of the track's clock rate."""
    return int.from_bytes(packet[4:8], "big")


def ssrc(packet: bytes) -> int:
    """Return the synchronisation source, 32 bits."""
    return int.from_bytes(packet[8:12], "big")


def payload_offset(packet: bytes) -> int:
    """Return the offset of the payload, behind contributing sources and header extension.

    A header that says it is longer than the packet leaves an empty payload: the packet's length.
    """
    first = packet[0]
    if not first & _EXTENSION_OR_CSRC:
        return HEADER_BYTES
    length = len(packet)
    offset = HEADER_BYTES + 4 * (first & 0x0F)
    if first & 0x10:
        # RFC 3550 §5.3.1: profile-defined 16 bits, then the length in words without these four.
        if offset + 4 > length:
            return length
        offset += 4 + 4 * (packet[offset + 2] << 8 | packet[offset + 3])
    return min(length, offset)


def rewrite(packet: bytes, seq_delta: int, ts_delta: int, ssrc: int) -> bytes:
    """Return the packet with sequence number and timestamp moved and its source replaced.

    Args:
        packet: an RTP packet.
        seq_delta: added to the sequence number, modulo 2^16.
        ts_delta: added to the timestamp, modulo 2^32.
        ssrc: the new synchronisation source.
    """
    flags, sequence, moment = _TO_REWRITE.unpack_from(packet)
    head = _REWRITTEN.pack(
        flags, sequence + seq_delta & 0xFFFF, moment + ts_delta & 0xFFFFFFFF, ssrc
    )
    return head + packet[HEADER_BYTES:]


def cut_run(run: bytes, segment_bytes: int) -> list[bytes]:
    """Return packets of one size that lie back to back one by one; the last may be shorter."""
    if len(run) <= segment_bytes:
        return [run]
    return [run[at : at + segment_bytes] for at in range(0, len(run), segment_bytes)]


@dataclass(frozen=True, slots=True)
class RtpHeader:
    """All of one packet's header, and where its payload lies."""

    payload_type: int
    marker: bool
    sequence_number: int
    timestamp: int
    """Units of the track's clock rate."""
    ssrc: int
    csrcs: tuple[int, ...] = ()
    extension_profile: int | None = None
    """The extension's profile-defined 16 bits; None without a header extension."""
    payload_offset: int = HEADER_BYTES
    """First byte of the payload."""
    padding_bytes: int = 0
    """Bytes at the packet's end that are no payload."""

    @classmethod
    def parse(cls, packet: bytes) -> Self:
        """Read and check a packet's header.

        Raises:
            ProtocolError: not version 2, or header, extension or padding run past the end.
        """
        if len(packet) < HEADER_BYTES:
            raise _broken(f"{len(packet)} bytes are no header", len(packet))
        first = packet[0]
        if first >> 6 != 2:
            raise _broken(f"version {first >> 6}", 0)
        offset = HEADER_BYTES + 4 * (first & 0x0F)
        if offset > len(packet):
            raise _broken("contributing sources run past the end", HEADER_BYTES)
        csrcs = tuple(
            int.from_bytes(packet[at : at + 4], "big") for at in range(HEADER_BYTES, offset, 4)
        )
        profile = None
        if first & 0x10:
            if offset + 4 > len(packet):
                raise _broken("header extension runs past the end", offset)
            profile = int.from_bytes(packet[offset : offset + 2], "big")
            offset += 4 + 4 * int.from_bytes(packet[offset + 2 : offset + 4], "big")
            if offset > len(packet):
                raise _broken("header extension runs past the end", len(packet))
        padding = 0
        if first & 0x20:
            # RFC 3550 §5.1: the last octet of the padding counts the padding, itself included.
            padding = packet[-1]
            if not 0 < padding <= len(packet) - offset:
                raise _broken(f"padding of {padding} bytes", len(packet) - 1)
        return cls(
            payload_type=payload_type(packet),
            marker=marker(packet),
            sequence_number=sequence_number(packet),
            timestamp=timestamp(packet),
            ssrc=ssrc(packet),
            csrcs=csrcs,
            extension_profile=profile,
            payload_offset=offset,
            padding_bytes=padding,
        )


def _broken(message: str, offset: int) -> ProtocolError:
    return ProtocolError(f"RTP: {message}", where="RTP header", offset=offset)
