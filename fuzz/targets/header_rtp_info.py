"""RTP-Info."""

from __future__ import annotations

from fuzz.target import Target, text_of
from headwater.protocol.header.rtp_info import format_rtp_info, parse_rtp_info


def run(data: bytes) -> None:
    entries = parse_rtp_info(text_of(data))
    for entry in entries:
        assert entry.url
        assert entry.seq is None or 0 <= entry.seq <= 0xFFFF
        assert entry.rtptime is None or 0 <= entry.rtptime <= 0xFFFF_FFFF
    parse_rtp_info(format_rtp_info(entries))


TARGET = Target(
    invariant="any text is entries with a URL and numbers that fit their fields, never an error",
    run=run,
    words=(b"url=rtsp://h/a/trackID=0", b";seq=1", b";rtptime=2", b",url=", b'"', b";ssrc=1"),
)
