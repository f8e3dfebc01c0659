"""Access units of H.264 and H.265 to packets, and back."""

from __future__ import annotations

from fuzz.target import Target
from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.h264.payloads import h264_payloads
from headwater.codecs.h265.payloads import h265_payloads
from headwater.codecs.packetizer import Packetizer

PAYLOADERS = ((h264_payloads, 1), (h265_payloads, 2))
HEADER_BYTES = 12


def run(data: bytes) -> None:
    if len(data) < 2:
        return
    payloader, header_bytes = PAYLOADERS[data[0] % 2]
    most_bytes = HEADER_BYTES + 6 + data[1]
    units = tuple(unit for unit in data[2:].split(b"\0\0\1") if len(unit) > header_bytes)
    packetizer = Packetizer(payloader, payload_type=96, ssrc=1, most_bytes=most_bytes)
    packets = packetizer.packets(AccessUnit(7, units))
    assert bool(packets) is bool(units)
    for index, packet in enumerate(packets):
        assert HEADER_BYTES < len(packet) <= most_bytes
        assert (packet[1] >= 0x80) is (index == len(packets) - 1)
    # Every byte of the units is in the packets, in its order, beside the headers of these.
    assert sum(map(len, packets)) >= sum(map(len, units))


TARGET = Target(
    invariant="any units fit into packets of the given size, the marker on the last",
    run=run,
    words=(b"\0\0\1\x65\x88", b"\0\0\1\x41\x9a", b"\0\0\1\x26\x01\xaf", b"\0\0\1\x67\x42"),
    max_bytes=600,
)
