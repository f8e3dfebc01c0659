"""Writing RTCP compound packets (RFC 3550 §6)."""

from collections.abc import Sequence
from struct import Struct

from headwater.protocol.errors import ProtocolError
from headwater.protocol.rtcp import (
    CNAME_ITEM,
    GOODBYE,
    PAYLOAD_FEEDBACK,
    RECEIVER_REPORT,
    SENDER_REPORT,
    SOURCE_DESCRIPTION,
    TRANSPORT_FEEDBACK,
    ReportBlock,
    packet_bounds,
)

MOST_BLOCKS = 31
"""Report blocks or sources that one packet can hold (RFC 3550 §6.4.1)."""

_UNIX_TO_NTP_S = 2_208_988_800
_HEADER = Struct(">BBH")
_SENDER = Struct(">IQIII")
_SENDER_HEAD_BYTES = 28
_BLOCK = Struct(">II4I")
_WORD = Struct(">I")
_INSTANT = Struct(">QI")
_LONGEST_TEXT_BYTES = 255
# Message types of payload-specific feedback (RFC 4585 §6.3, RFC 5104 §4.3).
_PLI = 1
_FIR = 4
_REMB = 15
_NACK = 1
"""Of transport feedback (RFC 4585 §6.2)."""


def ntp_time(unix_s: float) -> int:
    """Return seconds since 1970 as a 64-bit NTP time stamp (RFC 3550 §4)."""
    return int((unix_s + _UNIX_TO_NTP_S) * 0x100000000) & 0xFFFFFFFFFFFFFFFF


def ntp_middle(ntp: int) -> int:
    """Return the middle 32 bits of an NTP time stamp, as `last_sr` wants them (RFC 3550 §4)."""
    return ntp >> 16 & 0xFFFFFFFF


def receiver_report(ssrc: int, blocks: Sequence[ReportBlock] = (), *, cname: str) -> bytes:
    """Return a compound of RR and SDES CNAME, as RFC 3550 §6.1 wants it.

    Args:
        ssrc: who reports.
        blocks: at most 31.
        cname: canonical name of this end, the same for all of its tracks.

    Raises:
        ValueError: more blocks than one report can hold.
    """
    report = _packet(RECEIVER_REPORT, len(blocks), _WORD.pack(ssrc) + _packed(blocks))
    return report + _source_description(ssrc, cname)


def sender_report(
    ssrc: int,
    *,
    ntp: int,
    rtp_timestamp: int,
    packets: int,
    octets: int,
    cname: str,
    blocks: Sequence[ReportBlock] = (),
) -> bytes:
    """Return a compound of SR and SDES CNAME (RFC 3550 §6.4.1).

    Args:
        ssrc: the source whose media is reported.
        ntp: wall clock as `ntp_time` gives it.
        rtp_timestamp: the same instant in units of the track's clock.
        packets: RTP packets sent; written modulo 2^32.
        octets: payload bytes sent; written modulo 2^32.
        cname: canonical name of this end.
        blocks: at most 31.

    Raises:
        ValueError: more blocks than one report can hold.
    """
    head = _SENDER.pack(
        ssrc, ntp, rtp_timestamp & 0xFFFFFFFF, packets & 0xFFFFFFFF, octets & 0xFFFFFFFF
    )
    report = _packet(SENDER_REPORT, len(blocks), head + _packed(blocks))
    return report + _source_description(ssrc, cname)


def bye(ssrcs: Sequence[int], reason: str = "", *, cname: str | None = None) -> bytes:
    """Return a compound that says these sources end: an empty RR, SDES where `cname` is given, BYE.

    Args:
        ssrcs: one to 31 sources.
        reason: shown by some players; cut at 255 bytes.
        cname: canonical name of this end.

    Raises:
        ValueError: no source, or more than one packet can hold.
    """
    if not ssrcs:
        message = "BYE without a source"
        raise ValueError(message)
    body = b"".join(map(_WORD.pack, ssrcs))
    if reason:
        text = _cut(reason)
        body += bytes([len(text)]) + text
        body += bytes(-len(body) % 4)
    # RFC 3550 §6.1: the first packet of a compound MUST be a report, even an empty one.
    compound = _packet(RECEIVER_REPORT, 0, _WORD.pack(ssrcs[0]))
    if cname is not None:
        compound += _source_description(ssrcs[0], cname)
    return compound + _packet(GOODBYE, len(ssrcs), body)


def picture_loss_indication(ssrc: int, media_ssrc: int, *, cname: str) -> bytes:
    """Return a compound that asks for a key frame: an empty RR, SDES, PLI (RFC 4585 §6.3.1).

    Args:
        ssrc: who asks.
        media_ssrc: the source whose picture is lost.
        cname: canonical name of this end.
    """
    # RFC 4585 §6.3.1.2: PLI does not require parameters; its length field MUST be 2.
    body = _WORD.pack(ssrc) + _WORD.pack(media_ssrc)
    return receiver_report(ssrc, cname=cname) + _packet(PAYLOAD_FEEDBACK, _PLI, body)


def full_intra_request(ssrc: int, media_ssrc: int, sequence: int, *, cname: str) -> bytes:
    """Return a compound that asks for a key frame: an empty RR, SDES, FIR (RFC 5104 §4.3.1).

    Args:
        ssrc: who asks.
        media_ssrc: the source that is to send one.
        sequence: number of the request, one more for each; written modulo 256.
        cname: canonical name of this end.
    """
    # RFC 5104 §4.3.1.2: the SSRC of the media source SHALL be 0; the entry names the source.
    body = _WORD.pack(ssrc) + bytes(4) + _WORD.pack(media_ssrc) + bytes([sequence & 0xFF, 0, 0, 0])
    return receiver_report(ssrc, cname=cname) + _packet(PAYLOAD_FEEDBACK, _FIR, body)


def generic_nack(ssrc: int, media_ssrc: int, lost: Sequence[int], *, cname: str) -> bytes:
    """Return a compound that asks for packets again: an empty RR, SDES, NACK (RFC 4585 §6.2.1).

    Args:
        ssrc: who asks.
        media_ssrc: the source whose packets are lost.
        lost: their sequence numbers, in order.
        cname: canonical name of this end.
    """
    entries: list[tuple[int, int]] = []
    for number in lost:
        behind = number - entries[-1][0] & 0xFFFF if entries else 0
        if 0 < behind <= 16:
            first, following = entries[-1]
            entries[-1] = first, following | 1 << behind - 1
        else:
            entries.append((number, 0))
    body = _WORD.pack(ssrc) + _WORD.pack(media_ssrc)
    body += b"".join(
        number.to_bytes(2, "big") + following.to_bytes(2, "big") for number, following in entries
    )
    return receiver_report(ssrc, cname=cname) + _packet(TRANSPORT_FEEDBACK, _NACK, body)


def bit_rate_estimate(
    ssrc: int, bit_rate_bps: int, media_ssrcs: Sequence[int], *, cname: str
) -> bytes:
    """Return a compound that tells how much may be sent: an empty RR, SDES, REMB.

    As draft-alvestrand-rmcat-remb §2.2 has it: 18 bits of the rate, and how far they are shifted.

    Args:
        ssrc: who tells.
        bit_rate_bps: the rate of all sources together.
        media_ssrcs: the sources.
        cname: canonical name of this end.
    """
    shift = max(0, bit_rate_bps.bit_length() - 18)
    rate = len(media_ssrcs) << 24 | shift << 18 | bit_rate_bps >> shift
    body = _WORD.pack(ssrc) + bytes(4) + b"REMB" + _WORD.pack(rate)
    body += b"".join(map(_WORD.pack, media_ssrcs))
    return receiver_report(ssrc, cname=cname) + _packet(PAYLOAD_FEEDBACK, _REMB, body)


def sender_report_at(compound: bytes, ntp: int, rtp_timestamp: int) -> bytes:
    """Return the compound with the instant of its leading sender report replaced.

    Args:
        compound: one that begins with a sender report.
        ntp: wall clock as `ntp_time` gives it.
        rtp_timestamp: the same instant in units of the track's clock.
    """
    written = bytearray(compound)
    _INSTANT.pack_into(written, 8, ntp & 0xFFFFFFFFFFFFFFFF, rtp_timestamp & 0xFFFFFFFF)
    return bytes(written)


def rewrite_sender_report(compound: bytes, ts_delta: int, ssrc: int) -> bytes:
    """Return the compound as the source `ssrc` would have sent it, on a moved RTP clock.

    The sender of every SR and RR is replaced, with its SDES chunks and BYEs; RTP timestamps of SRs
    are moved. Report blocks, which speak of other sources, and unknown packets stay.

    Args:
        compound: what a publisher sent.
        ts_delta: added to RTP timestamps, modulo 2^32.
        ssrc: the new source.

    Raises:
        ProtocolError: a length runs past the end, or a report is too short.
    """
    written = bytearray(compound)
    bounds = packet_bounds(compound)
    senders: set[bytes] = set()
    for start, end in bounds:
        kind = compound[start + 1]
        if kind not in (SENDER_REPORT, RECEIVER_REPORT):
            continue
        if end - start < (_SENDER_HEAD_BYTES if kind == SENDER_REPORT else 8):
            raise ProtocolError("RTCP: report too short", where="RTCP packet", offset=start)
        senders.add(compound[start + 4 : start + 8])
        _WORD.pack_into(written, start + 4, ssrc)
        if kind == SENDER_REPORT:
            moved = int.from_bytes(compound[start + 16 : start + 20], "big") + ts_delta
            _WORD.pack_into(written, start + 16, moved & 0xFFFFFFFF)
    for start, end in bounds:
        for at in _source_positions(compound, start, end):
            if compound[at : at + 4] in senders:
                _WORD.pack_into(written, at, ssrc)
    return bytes(written)


def _source_positions(compound: bytes, start: int, end: int) -> list[int]:
    """Return the positions of sources in SDES and BYE; counts beyond the end name none."""
    kind, count = compound[start + 1], compound[start] & 0x1F
    if kind == GOODBYE:
        return [at for at in range(start + 4, start + 4 + 4 * count, 4) if at + 4 <= end]
    if kind != SOURCE_DESCRIPTION:
        return []
    positions: list[int] = []
    at = start + 4
    while len(positions) < count and at + 4 <= end:
        positions.append(at)
        at += 4
        while at + 1 < end and compound[at]:
            at += 2 + compound[at + 1]
        at += 4 - (at - start) % 4
    return positions


def _source_description(ssrc: int, cname: str) -> bytes:
    text = _cut(cname)
    chunk = _WORD.pack(ssrc) + bytes([CNAME_ITEM, len(text)]) + text
    # RFC 3550 §6.5: at least one null octet ends the items, then up to the 32-bit boundary.
    return _packet(SOURCE_DESCRIPTION, 1, chunk + bytes(4 - len(chunk) % 4))


def _packet(kind: int, count: int, body: bytes) -> bytes:
    if count > MOST_BLOCKS:
        message = f"{count} entries in one RTCP packet, at most {MOST_BLOCKS} fit"
        raise ValueError(message)
    return _HEADER.pack(0x80 | count, kind, len(body) // 4) + body


def _packed(blocks: Sequence[ReportBlock]) -> bytes:
    return b"".join(
        _BLOCK.pack(
            block.ssrc,
            block.fraction_lost << 24 | _clamped(block.cumulative_lost) & 0xFFFFFF,
            block.highest_sequence & 0xFFFFFFFF,
            block.jitter & 0xFFFFFFFF,
            block.last_sr,
            block.delay_since_last_sr & 0xFFFFFFFF,
        )
        for block in blocks
    )


def _clamped(lost: int) -> int:
    # RFC 3550 §A.3: clamp at 0x7fffff for positive and 0x800000 for negative loss.
    return max(-0x800000, min(0x7FFFFF, lost))


def _cut(text: str) -> bytes:
    # Cut between characters: half of one would be no UTF-8 any more.
    encoded = text.encode(errors="replace")[:_LONGEST_TEXT_BYTES]
    return encoded.decode(errors="ignore").encode()
