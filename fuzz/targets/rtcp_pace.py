"""How many compound packets of a publisher's RTCP are relayed, in any crowd and at any time."""

from __future__ import annotations

from fuzz.target import Target
from fuzz.targets.rtcp import RTCP_WORDS
from headwater.media.tracks.rtcp_pace import BURST_PACKETS, PACKETS_PER_S, RtcpPace

START_S = 1_000.0
TICK_S = 1 / 64
"""Exact as a floating-point number: the sums below are as well."""
_SENDER_REPORT = 200


def run(data: bytes) -> None:
    """An input is batches: how long before it, how many packets, their size, and their bytes."""
    pace, now_s, relayed, at = RtcpPace(), START_S, 0, 0
    while at + 3 <= len(data):
        wait, count, size = data[at], data[at + 1] % 40, 1 + data[at + 2] % 12
        at += 3
        packets = [data[at + index : at + index + size] for index in range(count)]
        at += size
        now_s += wait * TICK_S
        kept = pace.latest(packets, now_s)
        relayed += len(kept)
        assert relayed <= BURST_PACKETS + (now_s - START_S) * PACKETS_PER_S
        left = iter(packets)
        assert all(packet in left for packet in kept), "not in the order in which they came"
        sources = [packet[4:8] for packet in kept if packet[1:2] == bytes([_SENDER_REPORT])]
        if len(packets) > 1:
            assert len(sources) == len(set(sources)), "an older report beside its source's newest"
        if kept:
            assert kept[-1] == packets[-1], "the latest packet was not kept"


TARGET = Target(
    invariant="whatever comes and when, at most a burst and 10 packets a second pass: the latest, "
    "in order, one report of each source",
    run=run,
    words=(*RTCP_WORDS, b"\x00\x27\x07", b"\xff\x01\x07", b"\x01\x01\x00"),
    max_bytes=512,
)
