"""Depacketizers of every codec."""

from __future__ import annotations

from fuzz.target import Target
from headwater.codecs.depacketizer import MOST_UNIT_BYTES
from headwater.codecs.depacketizers import DEPACKETIZERS, depacketizer_for
from headwater.protocol.rtp import is_rtp
from headwater.protocol.sdp import MediaDescription

NAMES = tuple(sorted(DEPACKETIZERS))


def run(data: bytes) -> None:
    # The codec, then flags, format parameters up to a NUL, then packets with their sizes.
    if len(data) < 2:
        return
    name = NAMES[data[0] % len(NAMES)]
    parameters, _, packed = data[2:].partition(b"\0")
    text = parameters.decode("latin-1")
    lines = [f"a=rtpmap:96 {name}/90000/{1 + data[1] // 2 % 3}", f"a=fmtp:96 {text}"]
    media = MediaDescription.parse(["m=video 0 RTP/AVP 96", *lines])
    taker = depacketizer_for(media, keeps_damaged=bool(data[1] & 0x10))
    if taker is None:
        return
    given = 0
    at = 0
    sequence = 0
    while at + 1 < len(packed):
        # Flags of a packet: marker, new timestamp, a number left out, a header of its own.
        flags, size = packed[at], packed[at + 1]
        packet = packed[at + 2 : at + 2 + size]
        at += 2 + size
        if not flags & 0x10:
            sequence += 1 + (flags >> 2 & 1)
            head = bytes((0x80, 96 | flags & 0x80)) + sequence.to_bytes(2, "big")
            packet = head + (flags & 0x03).to_bytes(4, "big") + b"ssrc" + packet
        if is_rtp(packet):
            units = [*taker.feed(packet)]
            given += len(units)
            for unit in units:
                assert unit.units
                assert all(unit.units)
                assert sum(map(len, unit.units)) <= 2 * MOST_UNIT_BYTES
                assert 0 <= unit.timestamp <= 0xFFFFFFFF
                assert unit.duration >= 0
                assert data[1] & 0x10 or not unit.damaged
    given += len(taker.flush())
    assert taker.counters.access_units == given


TARGET = Target(
    invariant="any packets are access units that are whole, or said to be damaged, and counted",
    run=run,
    words=(
        b"\x67\x42\xc0\x0b\xda\x0c\x3e\x84",
        b"\x68\xce\x0f\xc8",
        b"\x65\x88",
        b"\x78\x00\x04\x67",
        b"\x7c\x85",
        b"\x7c\x45",
        b"\x26\x01\xaf",
        b"\x40\x01",
        b"\x62\x01\x93",
        b"\x60\x01\x00\x04",
        b"\0\0\1",
        b"\x90\x80\x01",
        b"\x18\x0a",
        b"\x80\x60\x00\x01",
        b"sprop-parameter-sets=",
        b"config=1190;sizelength=13;indexlength=3;indexdeltalength=3",
        b"cpresent=0",
    ),
    max_bytes=1_000,
)
