"""Packets of a publisher over WebRTC: any order, any gaps, any headers."""

from __future__ import annotations

from fuzz.target import Target
from headwater.protocol.rtp import sequence_number
from headwater.protocol.webrtc.offer import Codec
from headwater.webrtc.incoming_track import IncomingTrack

_STEP_BYTES = 6


def run(data: bytes) -> None:
    track = IncomingTrack(0, "video", Codec(102, "H264", 90_000, 1, {}), 96)
    now = 0.0
    last = None
    for at in range(0, len(data) - _STEP_BYTES, _STEP_BYTES):
        first, second, high, low, source, more = data[at : at + _STEP_BYTES]
        now += more / 500
        packet = bytes((first & 0x3F | 0x80, second, high, low)) + bytes(7) + bytes((source & 1,))
        ready = track.take(packet + data[at : at + more % 64], now)
        for each in (*ready, *track.overdue(now)):
            assert each[0] == 0x80
            assert each[1] & 0x7F == 96
            assert len(each) > 12
            if last is not None and each[8:12] == last[8:12]:
                assert each != last
            last = each
        asked = track.to_ask(now)
        assert len(asked) == len(set(asked)) <= 512
    if last is not None:
        assert 0 <= sequence_number(last) <= 0xFFFF


TARGET = Target(
    invariant="packets come out plain, each once, and what is asked for is bounded",
    run=run,
    words=(b"\x80\x66\x00\x01\x00\x20", b"\x90\x66\x00\x02\x00\x30", b"\xa0\x66\xff\xff\x00\x10"),
    max_bytes=1_024,
)
