"""RTP packets made by hand, and what comes of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.configs import TrackConfig
from headwater.codecs.depacketizer import Depacketizer

PAYLOAD_TYPE = 96


def rtp(
    payload: bytes,
    sequence: int,
    timestamp: int = 0,
    *,
    marker: bool = False,
    payload_type: int = PAYLOAD_TYPE,
    source: bytes = b"ssrc",
) -> bytes:
    """One packet with a plain header."""
    head = bytes((0x80, marker << 7 | payload_type)) + (sequence & 0xFFFF).to_bytes(2, "big")
    return head + timestamp.to_bytes(4, "big") + source + payload


def marked(*payloads: bytes, sequence: int = 0, timestamp: int = 0) -> list[bytes]:
    """The packets of one picture, the marker on the last."""
    last = len(payloads) - 1
    return [
        rtp(payload, sequence + index, timestamp, marker=index == last)
        for index, payload in enumerate(payloads)
    ]


def stream(*pictures: Sequence[bytes], step: int = 3_600) -> list[bytes]:
    """The packets of several pictures in a row."""
    packets: list[bytes] = []
    for index, payloads in enumerate(pictures):
        packets += marked(*payloads, sequence=len(packets), timestamp=step * (index + 1))
    return packets


def fed(depacketizer: Depacketizer[TrackConfig], packets: Iterable[bytes]) -> list[AccessUnit]:
    """All access units of packets, the last one too."""
    units = [unit for packet in packets for unit in depacketizer.feed(packet)]
    return [*units, *depacketizer.flush()]
