"""Access units of every codec but H.264 and H.265 to packets, and what comes back of them."""

from __future__ import annotations

from fuzz.target import Target
from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.depacketizers import depacketizer_for
from headwater.codecs.packetizer import Packetizer
from headwater.codecs.payloaders import PAYLOADERS
from headwater.protocol.sdp import MediaDescription

NAMES = ("AV1", "JPEG", "MP4A-LATM", "MPEG4-GENERIC", "OPUS", "PCMU", "VP8", "VP9")
NEVER_CUT = frozenset({"OPUS", "PCMU"})
FORMATS = {
    "MP4A-LATM": "cpresent=0;config=400024203fc0",
    "MPEG4-GENERIC": "config=1190;sizelength=13;indexlength=3;indexdeltalength=3",
}
SEPARATOR = b"\0\0\1"
HEADER_BYTES = 12


def run(data: bytes) -> None:
    if len(data) < 2:
        return
    name = NAMES[data[0] % len(NAMES)]
    units = tuple(unit for unit in data[2:].split(SEPARATOR) if unit)
    most_bytes = HEADER_BYTES + 6 + data[1]
    packetizer = Packetizer(PAYLOADERS[name], payload_type=96, ssrc=1, most_bytes=most_bytes)
    try:
        packets = packetizer.packets(AccessUnit(7, units))
    except ValueError as error:
        assert name in ("AV1", "JPEG"), error
        assert str(error)
        return
    for index, packet in enumerate(packets):
        assert HEADER_BYTES < len(packet) <= most_bytes or name in NEVER_CUT
        assert (packet[1] >= 0x80) is (index == len(packets) - 1)
    lines = [f"a=rtpmap:96 {name}/48000", f"a=fmtp:96 {FORMATS.get(name, '')}"]
    taker = depacketizer_for(MediaDescription.parse(["m=video 0 RTP/AVP 96", *lines]))
    assert taker is not None
    given = [unit for packet in packets for unit in taker.feed(packet)]
    assert not taker.flush()
    if name in FORMATS and units and not units[0].startswith(b"\xff"):
        assert [unit.units for unit in given] == [(b"".join(units),)]
    assert len(given) <= max(1, len(units))


TARGET = Target(
    invariant="any units fit into packets of the given size, the marker on the last, or are refused"
    " for a reason; frames of AAC come back as they were",
    run=run,
    words=(
        SEPARATOR,
        b"\xff\xd8\xff\xdb\0\x43\0",
        b"\xff\xc0\0\x11\x08\0\x40\0\x80\x03\x01\x22\0\x02\x11\x01\x03\x11\x01",
        b"\xff\xda\0\x0c\x03\x01\0\x02\x11\x03\x11\0\x3f\0",
        b"\xff\xdd\0\x04\0\x09",
        b"\x0a\x0b",
        b"\x32\x05\x10",
        b"\x34\x08",
    ),
    max_bytes=1_000,
)
