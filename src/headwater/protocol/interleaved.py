"""Framing of packets inside an RTSP stream: `$`, channel, length, packet (RFC 2326 §10.12)."""

from collections.abc import Sequence
from struct import Struct

from headwater.protocol.errors import Fault, ProtocolError

DOLLAR = 0x24
FRAME_HEADER_BYTES = 4
MAX_FRAME_PAYLOAD_BYTES = 0xFFFF

_pack_header = Struct(">BBH").pack


def frame_run(channel: int, run: bytes, segment_bytes: int) -> bytes:
    """Return packets of one size that lie back to back as `$` frames of one channel, joined.

    The last may be shorter. Raises what `frame_interleaved` raises.
    """
    whole_bytes = len(run) // segment_bytes * segment_bytes
    if not 0 <= channel <= 255 or segment_bytes > MAX_FRAME_PAYLOAD_BYTES:
        raise _not_a_frame()
    header = _pack_header(DOLLAR, channel, segment_bytes)
    pieces = [run[at : at + segment_bytes] for at in range(0, whole_bytes, segment_bytes)]
    if whole_bytes == len(run):
        return header + header.join(pieces)
    last = run[whole_bytes:]
    if not pieces:
        return _pack_header(DOLLAR, channel, len(last)) + last
    return b"".join((header, header.join(pieces), _pack_header(DOLLAR, channel, len(last)), last))


def run_in_frames(frames: bytes) -> tuple[bytes, int] | None:
    """Return packets of one size back to back that came as whole `$` frames of one channel, and
    that size. The last may be shorter. None where these are not such frames.
    """
    if len(frames) <= FRAME_HEADER_BYTES:
        return None
    header = frames[:FRAME_HEADER_BYTES]
    size_bytes = header[2] << 8 | header[3]
    apart_bytes = size_bytes + FRAME_HEADER_BYTES
    count, last_bytes = divmod(len(frames), apart_bytes)
    end = len(frames) - last_bytes
    if (
        not count
        or not size_bytes
        or header[0] != DOLLAR
        or frames[0:end:apart_bytes] != header[0:1] * count
        or frames[1:end:apart_bytes] != header[1:2] * count
        or frames[2:end:apart_bytes] != header[2:3] * count
        or frames[3:end:apart_bytes] != header[3:4] * count
    ):
        return None
    if last_bytes:
        payload_bytes = last_bytes - FRAME_HEADER_BYTES
        if payload_bytes <= 0 or frames[end : end + FRAME_HEADER_BYTES] != _pack_header(
            DOLLAR, header[1], payload_bytes
        ):
            return None
    starts = range(FRAME_HEADER_BYTES, len(frames), apart_bytes)
    return b"".join([frames[at : at + size_bytes] for at in starts]), size_bytes


def frame_interleaved(channel: int, packets: Sequence[bytes]) -> bytes:
    """Return the packets as `$` frames of one channel (0 to 255), joined.

    Raises:
        ProtocolError: a packet is longer than 65,535 bytes, or there is no such channel
            (fault LOCAL).
    """
    sizes = set(map(len, packets))
    if not 0 <= channel <= 255 or (sizes and max(sizes) > MAX_FRAME_PAYLOAD_BYTES):
        raise _not_a_frame()
    if len(sizes) == 1:
        [size] = sizes
        return _pack_header(DOLLAR, channel, size).join((b"", *packets))
    pieces: list[bytes] = []
    append = pieces.append
    # Packets of one batch are mostly of one size: its header is packed once.
    last_size = -1
    header = b""
    for packet in packets:
        size = len(packet)
        if size != last_size:
            header = _pack_header(DOLLAR, channel, size)
            last_size = size
        append(header)
        append(packet)
    return b"".join(pieces)


def _not_a_frame() -> ProtocolError:
    return ProtocolError(
        "a frame takes channels 0 to 255 and up to 65535 bytes",
        status=500,
        fault=Fault.LOCAL,
        where="interleaved frame",
    )
