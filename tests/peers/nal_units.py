"""NAL units of both codecs by the same names, for tests that hold for both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from headwater.codecs.h264.depacketizer import H264Depacketizer
from headwater.codecs.h264.payloads import h264_payloads
from headwater.codecs.h265.depacketizer import H265Depacketizer
from headwater.codecs.h265.payloads import h265_payloads
from headwater.codecs.packetizer import Payloader


@dataclass(frozen=True, slots=True)
class NalCodec:
    """One codec: its units, and how they are fragmented."""

    kind: type[H264Depacketizer | H265Depacketizer]
    payloads: Payloader
    sets: tuple[bytes, ...]
    other_sps: bytes
    """Another SPS of the same number."""
    key: bytes
    key_next: bytes
    """A slice of the same picture that is not its first."""
    picture: bytes
    picture_next: bytes
    sei: bytes
    delimiter: bytes
    header_bytes: int

    @property
    def sps(self) -> bytes:
        return self.sets[-2]

    def aggregate(self, *units: bytes) -> bytes:
        header = b"\x78" if self.header_bytes == 1 else b"\x60\x01"
        return header + b"".join(len(unit).to_bytes(2, "big") + unit for unit in units)

    def fragments(self, unit: bytes, *, count: int = 3) -> list[bytes]:
        """A unit in fragments; start and end bit are where they should be."""
        size = self.header_bytes
        body = unit[size:]
        step = -(-len(body) // count)
        parts = [body[at : at + step] for at in range(0, len(body), step)]
        flags = [0x80, *[0] * (len(parts) - 2), 0x40]
        return [self.fragment(unit, flag, part) for flag, part in zip(flags, parts, strict=True)]

    def fragment(self, unit: bytes, flags: int, part: bytes) -> bytes:
        if self.header_bytes == 1:
            return bytes((unit[0] & 0xE0 | 28, flags | unit[0] & 0x1F)) + part
        return bytes((unit[0] & 0x81 | 49 << 1, unit[1], flags | unit[0] >> 1 & 0x3F)) + part

    def access_unit(self, *units: bytes) -> tuple[bytes, ...]:
        """What a key frame of these units is given as."""
        return (*self.sets, *units)


def _long(unit: bytes) -> bytes:
    return unit + bytes(range(1, 100))


H264 = NalCodec(
    kind=H264Depacketizer,
    payloads=h264_payloads,
    sets=(
        bytes.fromhex("6742c00bda0c3e84000003000400000300ca3c50aa80"),
        bytes.fromhex("68ce0fc8"),
    ),
    other_sps=bytes.fromhex("6764000bacb4187d080000030008000003019478a155"),
    key=_long(b"\x65\x88\x84"),
    key_next=_long(b"\x65\x11\x22"),
    picture=_long(b"\x41\x9a\x24"),
    picture_next=_long(b"\x41\x21\x33"),
    sei=b"\x06\x05\x02abc\x80",
    delimiter=b"\x09\x10",
    header_bytes=1,
)
H265 = NalCodec(
    kind=H265Depacketizer,
    payloads=h265_payloads,
    sets=(
        bytes.fromhex("40010c01ffff016000000300900000030000030 01eba0240".replace(" ", "")),
        bytes.fromhex(
            "42010101600000030090000003000003001ea018207165ba4a4c2e6808000003000800000300c840"
        ),
        bytes.fromhex("4401c073c189"),
    ),
    other_sps=bytes.fromhex(
        "42010101600000030090000003000003001ea01820716595924932b9a02000000300200000030321"
    ),
    key=_long(b"\x26\x01\xaf"),
    key_next=_long(b"\x26\x01\x2f"),
    picture=_long(b"\x02\x01\xd0"),
    picture_next=_long(b"\x02\x01\x50"),
    sei=b"\x4e\x01\x05\x02abc\x80",
    delimiter=b"\x46\x01\x50",
    header_bytes=2,
)
CODECS: Sequence[NalCodec] = (H264, H265)
