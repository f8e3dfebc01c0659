"""Reading RTCP compound packets (RFC 3550 §6, RFC 4585, RFC 5104). Writing: `rtcp_build`."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from struct import Struct

from headwater.protocol.errors import ProtocolError

SENDER_REPORT = 200
RECEIVER_REPORT = 201
SOURCE_DESCRIPTION = 202
GOODBYE = 203
APPLICATION = 204
TRANSPORT_FEEDBACK = 205
PAYLOAD_FEEDBACK = 206

CNAME_ITEM = 1
"""SDES item type of the canonical name (RFC 3550 §6.5.1)."""

_SENDER = Struct(">IQIII")
_BLOCK = Struct(">II4I")
_BLOCK_BYTES = _BLOCK.size
_HEADER_BYTES = 4


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """How well one source is received (RFC 3550 §6.4.1)."""

    ssrc: int
    """The source reported on."""
    fraction_lost: int
    """Lost since the last report, in 1/256 of what was expected."""
    cumulative_lost: int
    """Packets lost since the beginning; negative where duplicates outnumber losses."""
    highest_sequence: int
    """Highest sequence number received, with the count of its wraps in the upper 16 bits."""
    jitter: int
    """Interarrival jitter in units of the track's clock rate."""
    last_sr: int = 0
    """Middle 32 bits of the NTP time of the last sender report, 0 without one."""
    delay_since_last_sr: int = 0
    """Time since that report came, in 1/65,536 s."""


@dataclass(frozen=True, slots=True)
class SenderReport:
    """SR (RFC 3550 §6.4.1)."""

    ssrc: int
    ntp: int
    """Wall clock as a 64-bit NTP time stamp: seconds since 1900 in 1/2^32."""
    rtp_timestamp: int
    """The same instant in units of the track's clock."""
    packets: int
    octets: int
    blocks: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """RR (RFC 3550 §6.4.2)."""

    ssrc: int
    """Who reports."""
    blocks: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class SdesChunk:
    """What one source says of itself: pairs of item type and value."""

    ssrc: int
    items: tuple[tuple[int, bytes], ...]

    @property
    def cname(self) -> str | None:
        """The canonical name, None where it is missing."""
        names = (value for kind, value in self.items if kind == CNAME_ITEM)
        return next((value.decode(errors="replace") for value in names), None)


@dataclass(frozen=True, slots=True)
class SourceDescription:
    """SDES (RFC 3550 §6.5)."""

    chunks: tuple[SdesChunk, ...]


@dataclass(frozen=True, slots=True)
class Bye:
    """BYE (RFC 3550 §6.6)."""

    ssrcs: tuple[int, ...]
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class App:
    """APP (RFC 3550 §6.7)."""

    subtype: int
    ssrc: int
    name: bytes
    payload: bytes


class FeedbackKind(Enum):
    """What a feedback message asks for or tells."""

    NACK = "nack"
    """Packets were lost, please send them again (RFC 4585 §6.2.1)."""
    PLI = "pli"
    """Picture loss, a key frame is wanted (RFC 4585 §6.3.1)."""
    FIR = "fir"
    """A key frame is wanted (RFC 5104 §4.3.1; RFC 2032 §5.2.1 in its old form)."""
    REMB = "remb"
    """The receiver's estimate of the bit rate it can take (draft-alvestrand-rmcat-remb)."""
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Feedback:
    """A feedback message (RFC 4585 §6.1)."""

    kind: FeedbackKind
    packet_type: int
    format: int
    """The message type within the packet type."""
    sender_ssrc: int
    media_ssrc: int
    fci: bytes = b""
    """Feedback control information, as it came."""

    @property
    def wants_key_frame(self) -> bool:
        """Whether the reader cannot go on without a key frame."""
        return self.kind in (FeedbackKind.PLI, FeedbackKind.FIR)

    @property
    def lost(self) -> tuple[int, ...]:
        """Sequence numbers that a NACK names; empty for other kinds."""
        if self.kind is not FeedbackKind.NACK:
            return ()
        found: list[int] = []
        for at in range(0, len(self.fci), 4):
            first, following = (_u16(self.fci, at), _u16(self.fci, at + 2))
            found.append(first)
            found.extend(first + 1 + bit & 0xFFFF for bit in range(16) if following >> bit & 1)
        return tuple(found)

    @property
    def asked(self) -> tuple[tuple[int, int], ...]:
        """SSRC and sequence number of each key frame that a FIR asks for; empty for other kinds.

        RFC 5104 §4.3.1.1: one entry of 8 bytes for each source. The old form of RFC 2032 has none.
        """
        if self.kind is not FeedbackKind.FIR:
            return ()
        whole = len(self.fci) - len(self.fci) % 8
        return tuple((_u32(self.fci, at), self.fci[at + 4]) for at in range(0, whole, 8))

    @property
    def bit_rate_bps(self) -> int | None:
        """The rate that a REMB names, in bit/s; None for other kinds."""
        if self.kind is not FeedbackKind.REMB:
            return None
        exponent_mantissa = int.from_bytes(self.fci[5:8], "big")
        return (exponent_mantissa & 0x3FFFF) << (exponent_mantissa >> 18)


@dataclass(frozen=True, slots=True)
class UnknownRtcp:
    """A packet of a type that is not read here, such as XR (RFC 3611)."""

    packet_type: int
    count: int
    payload: bytes
    """What follows the four header bytes, padding removed."""


RtcpPacket = SenderReport | ReceiverReport | SourceDescription | Bye | App | Feedback | UnknownRtcp


def is_rtcp(packet: bytes) -> bool:
    """Return whether this is RTCP rather than RTP: packet types 192 to 223 (RFC 5761 §4)."""
    return len(packet) >= 8 and packet[0] >> 6 == 2 and 192 <= packet[1] <= 223


def parse_rtcp(compound: bytes) -> list[RtcpPacket]:
    """Read all packets of a compound packet, in order.

    A compound need not begin with a report (RFC 5506). Work is bounded by its length.

    Raises:
        ProtocolError: empty, not version 2, or a length, count or padding runs past the end.
    """
    packets = []
    for start, end in packet_bounds(compound):
        kind = compound[start + 1]
        count = compound[start] & 0x1F
        body = compound[start + _HEADER_BYTES : end]
        if compound[start] & 0x20:
            body = _unpadded(body, end)
        read = _READERS.get(kind)
        try:
            packets.append(
                read(kind, count, body) if read is not None else UnknownRtcp(kind, count, body)
            )
        except _TooShort:
            message = f"packet type {kind} is shorter than it says"
            raise _broken(message, start) from None
    return packets


def packet_bounds(compound: bytes) -> list[tuple[int, int]]:
    """First byte and end of each packet of a compound, their padding included.

    Raises:
        ProtocolError: empty, not version 2, or a packet runs past the end.
    """
    bounds = []
    start, length = 0, len(compound)
    while True:
        if start + _HEADER_BYTES > length:
            raise _broken("ends within a header", start)
        if compound[start] >> 6 != 2:
            raise _broken(f"version {compound[start] >> 6}", start)
        end = start + _HEADER_BYTES + 4 * _u16(compound, start + 2)
        if end > length:
            raise _broken(f"{end - start} bytes announced, {length - start} there", start)
        bounds.append((start, end))
        if end == length:
            return bounds
        start = end


def leading_sender_report(compound: bytes) -> bytes | None:
    """Return the whole sender report at the front of a compound; what follows may be broken.

    RFC 3550 §A.2 lets a receiver discard the whole compound; cameras exist all of whose compounds
    have a broken tail behind a good report.
    """
    if not is_rtcp(compound) or compound[1] != SENDER_REPORT:
        return None
    end = _HEADER_BYTES + 4 * _u16(compound, 2)
    report = compound[:end]
    try:
        parse_rtcp(report)
    except ProtocolError:
        return None
    return report if len(report) == end else None


class _TooShort(Exception):  # noqa: N818
    """A packet ends before what its counts announce."""


def _sender_report(_kind: int, count: int, body: bytes) -> SenderReport:
    _require(body, _SENDER.size + count * _BLOCK_BYTES)
    ssrc, ntp, rtp_timestamp, packets, octets = _SENDER.unpack_from(body)
    blocks = _blocks(count, body, _SENDER.size)
    return SenderReport(ssrc, ntp, rtp_timestamp, packets, octets, blocks)


def _receiver_report(_kind: int, count: int, body: bytes) -> ReceiverReport:
    _require(body, 4 + count * _BLOCK_BYTES)
    return ReceiverReport(_u32(body, 0), _blocks(count, body, 4))


def _blocks(count: int, body: bytes, start: int) -> tuple[ReportBlock, ...]:
    blocks = []
    for at in range(start, start + count * _BLOCK_BYTES, _BLOCK_BYTES):
        ssrc, loss, highest, jitter, last_sr, delay = _BLOCK.unpack_from(body, at)
        lost = loss & 0xFFFFFF
        # RFC 3550 §6.4.1: the cumulative number is signed, 24 bits.
        signed = lost - 0x1000000 if lost & 0x800000 else lost
        blocks.append(ReportBlock(ssrc, loss >> 24, signed, highest, jitter, last_sr, delay))
    return tuple(blocks)


def _source_description(_kind: int, count: int, body: bytes) -> SourceDescription:
    chunks = []
    at = 0
    for _ in range(count):
        _require(body, at + 4)
        ssrc, at = _u32(body, at), at + 4
        items = []
        while at < len(body) and body[at]:
            _require(body, at + 2)
            value_end = at + 2 + body[at + 1]
            _require(body, value_end)
            items.append((body[at], body[at + 2 : value_end]))
            at = value_end
        # RFC 3550 §6.5: items end with a null octet, chunks on a 32-bit boundary. Some senders
        # leave the null out where the items already end on a boundary at the packet's end.
        at += 4 - at % 4
        chunks.append(SdesChunk(ssrc, tuple(items)))
    return SourceDescription(tuple(chunks))


def _bye(_kind: int, count: int, body: bytes) -> Bye:
    end = 4 * count
    _require(body, end)
    reason = None
    if len(body) > end:
        _require(body, end + 1 + body[end])
        reason = body[end + 1 : end + 1 + body[end]].decode(errors="replace")
    return Bye(tuple(_u32(body, at) for at in range(0, end, 4)), reason)


def _app(_kind: int, count: int, body: bytes) -> App:
    _require(body, 8)
    return App(count, _u32(body, 0), body[4:8], body[8:])


def _feedback(kind: int, count: int, body: bytes) -> Feedback:
    _require(body, 8)
    fci = body[8:]
    meaning = _FEEDBACK_KINDS.get((kind, count), FeedbackKind.OTHER)
    if (kind, count) == (PAYLOAD_FEEDBACK, 15) and fci[:4] == b"REMB":
        _require(fci, 8)
        meaning = FeedbackKind.REMB
    if meaning is FeedbackKind.NACK and len(fci) % 4:
        raise _TooShort
    return Feedback(meaning, kind, count, _u32(body, 0), _u32(body, 4), fci)


def _old_full_intra_request(kind: int, count: int, body: bytes) -> Feedback:
    # RFC 2032 §5.2.1: the header and the ssrc whose picture is wanted, nothing else.
    _require(body, 4)
    return Feedback(FeedbackKind.FIR, kind, count, 0, _u32(body, 0))


_FEEDBACK_KINDS = {
    (TRANSPORT_FEEDBACK, 1): FeedbackKind.NACK,
    (PAYLOAD_FEEDBACK, 1): FeedbackKind.PLI,
    (PAYLOAD_FEEDBACK, 4): FeedbackKind.FIR,
}

_READERS: dict[int, Callable[[int, int, bytes], RtcpPacket]] = {
    192: _old_full_intra_request,
    SENDER_REPORT: _sender_report,
    RECEIVER_REPORT: _receiver_report,
    SOURCE_DESCRIPTION: _source_description,
    GOODBYE: _bye,
    APPLICATION: _app,
    TRANSPORT_FEEDBACK: _feedback,
    PAYLOAD_FEEDBACK: _feedback,
}


def _require(body: bytes, length: int) -> None:
    if len(body) < length:
        raise _TooShort


def _unpadded(body: bytes, end: int) -> bytes:
    # RFC 3550 §6.4.1: the last octet counts the padding, itself included.
    padding = body[-1] if body else 0
    if not 0 < padding <= len(body):
        raise _broken(f"padding of {padding} bytes", end - 1)
    return body[: len(body) - padding]


def _u16(text: bytes, at: int) -> int:
    return text[at] << 8 | text[at + 1]


def _u32(text: bytes, at: int) -> int:
    return int.from_bytes(text[at : at + 4], "big")


def _broken(message: str, offset: int) -> ProtocolError:
    return ProtocolError(f"RTCP: {message}", where="RTCP packet", offset=offset)
