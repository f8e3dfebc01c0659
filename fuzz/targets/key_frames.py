"""Key-frame detectors of every codec."""

from __future__ import annotations

from fuzz.target import Target
from headwater.media.key_frame import DETECTORS
from headwater.protocol.rtp import is_rtp

NAMES = tuple(sorted(DETECTORS))


def run(data: bytes) -> None:
    if len(data) < 2:
        return
    build = DETECTORS[NAMES[data[0] % len(NAMES)]]
    packets = []
    at = 2
    while at < len(data):
        size = data[at]
        packets.append(data[at + 1 : at + 1 + size])
        at += 1 + size
    # Half of the inputs get a header of their own, so that payloads are reached at once.
    if data[1] & 1:
        head = bytes([0x80, data[1], 0, 1]) + bytes(8)
        packets = [head + packet for packet in packets]
    packets = [packet for packet in packets if is_rtp(packet)]
    found = build().find(packets)
    assert -1 <= found < max(1, len(packets))
    one_by_one = build()
    for packet in packets:
        assert one_by_one.find([packet]) in (-1, 0)


TARGET = Target(
    invariant="any packets have a key frame at one of their indexes or none",
    run=run,
    words=(
        b"\x67\x42",
        b"\x68\xce",
        b"\x65\x88",
        b"\x78\x00\x04\x67",
        b"\x7c\x85",
        b"\x26\x01",
        b"\x40\x01",
        b"\x62\x01\x93",
        b"\x10\x00",
        b"\x90\x80\x01",
        b"\x18\x0a",
        b"\x80\x60\x00\x01",
    ),
    max_bytes=600,
)
