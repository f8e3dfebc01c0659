"""G.711 as FLAC (RFC 9639), which browsers play where they play no G.711.

The samples are not compressed: 128 kbit/s of telephone sound need no better, and a frame costs
little more than its checksum.
"""

from dataclasses import dataclass
from struct import Struct, pack

from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.g711 import G711Config

_STREAM_INFO = Struct(">HH")
_MOST_BLOCK_SAMPLES = 65_535
_MOST_CHANNELS, _MOST_RATE_HZ = 8, 65_535
_SYNC_VARIABLE = b"\xff\xf9"
# RFC 9639 §9.1.1 to §9.1.4: 16 bits of block size and of sample rate behind the header; 16 bits
# a sample.
_SIZES_BEHIND, _BITS_16 = 0x7D, 0x08
_CONSTANT, _VERBATIM = b"\0", b"\x02"
"""§9.2.1: headers of a subframe of one value, and of one with every sample."""


@dataclass(frozen=True, slots=True)
class FlacConfig:
    """What a decoder of one track is set up with."""

    sample_rate_hz: int
    channels: int

    @property
    def stream_info(self) -> bytes:
        """The STREAMINFO metadata block, header included (RFC 9639 §8.2)."""
        packed = self.sample_rate_hz << 44 | (self.channels - 1) << 41 | 15 << 36
        body = (
            _STREAM_INFO.pack(16, _MOST_BLOCK_SAMPLES) + bytes(6) + packed.to_bytes(8, "big")
        ) + bytes(16)
        return b"\x80" + len(body).to_bytes(3, "big") + body


def is_flac_possible(config: G711Config) -> bool:
    """Return whether FLAC has so many channels (RFC 9639 §9.1.3), and a place for the rate."""
    return config.channels <= _MOST_CHANNELS and config.sample_rate_hz <= _MOST_RATE_HZ


class FlacEncoder:
    """Makes FLAC frames of G.711 samples.

    Args:
        config: of the G.711 track; `is_flac_possible` has to hold.
    """

    __slots__ = ("_samples", "_table", "config")

    def __init__(self, config: G711Config) -> None:
        self.config = FlacConfig(config.sample_rate_hz, config.channels)
        """What a decoder is set up with."""
        self._table = _A_LAW if config.law == "PCMA" else _MU_LAW
        self._samples = 0

    def encode(self, unit: AccessUnit) -> AccessUnit | None:
        """Return the samples of a unit as one FLAC frame at the same time; None for too few."""
        channels = self.config.channels
        content = b"".join(unit.units)
        count = len(content) // channels
        if not 16 <= count <= _MOST_BLOCK_SAMPLES:
            return None
        head = _SYNC_VARIABLE + bytes((_SIZES_BEHIND, channels - 1 << 4 | _BITS_16))
        head += _coded_number(self._samples)
        head += (count - 1).to_bytes(2, "big") + self.config.sample_rate_hz.to_bytes(2, "big")
        self._samples += count
        head += bytes((_crc8(head),))
        parts = [head]
        check = _crc16(0, head)
        table = self._table
        for channel in range(channels):
            samples = content[channel : count * channels : channels]
            kind = _VERBATIM
            if samples.count(samples[0]) == count:
                kind, samples = _CONSTANT, samples[:1]
            words = [table[sample] for sample in samples]
            parts += (kind, pack(f">{len(words)}H", *words))
            check = _crc16_of_words(_crc16(check, kind), words)
        parts.append(check.to_bytes(2, "big"))
        return AccessUnit(unit.timestamp, (b"".join(parts),), duration=count)


def _coded_number(number: int) -> bytes:
    """Return a number as RFC 9639 §9.1.5 has it: like UTF-8.

    It has 36 bits there, but ffmpeg's decoder, and browsers by it, refuse frames from the 32nd bit
    on: after three days of 8 kHz. Containers tell the time, so the number begins anew.
    """
    number &= (1 << 31) - 1
    if number < 0x80:
        return bytes((number,))
    behind = bytearray()
    room = 6
    while number >> room:
        behind.append(0x80 | number & 0x3F)
        number >>= 6
        room = max(room - 1, 0)
    first = 0xFF << room + 1 & 0xFF | number
    return bytes((first, *reversed(behind)))


def _crc_table(polynomial: int, width: int) -> tuple[int, ...]:
    table = []
    top, mask = 1 << width - 1, (1 << width) - 1
    for byte in range(256):
        value = byte << width - 8
        for _ in range(8):
            value = (value << 1 ^ polynomial if value & top else value << 1) & mask
        table.append(value)
    return tuple(table)


_CRC8, _CRC16 = _crc_table(0x07, 8), _crc_table(0x8005, 16)


def _crc8(content: bytes) -> int:
    value = 0
    for byte in content:
        value = _CRC8[value ^ byte]
    return value


def _crc16(value: int, content: bytes) -> int:
    table = _CRC16
    for byte in content:
        value = (value << 8 & 0xFF00) ^ table[value >> 8 ^ byte]
    return value


# The checksum of two bytes is that of the first and a zero, and that of the second, together.
_CRC16_HIGH = tuple(_crc16(0, bytes((byte, 0))) for byte in range(256))


def _crc16_of_words(value: int, words: list[int]) -> int:
    high, low = _CRC16_HIGH, _CRC16
    for word in words:
        value ^= word
        value = high[value >> 8] ^ low[value & 0xFF]
    return value


def _mu_law(code: int) -> int:
    # ITU-T G.711 table 2a: all bits are inverted; 33 is the bias.
    code = ~code & 0xFF
    magnitude = ((code & 0x0F) << 3 | 0x84) << (code >> 4 & 0x07)
    return 0x84 - magnitude if code & 0x80 else magnitude - 0x84


def _a_law(code: int) -> int:
    # ITU-T G.711 table 1a: every other bit is inverted.
    code ^= 0x55
    segment = code >> 4 & 0x07
    magnitude = (code & 0x0F) << 4 | 0x08
    if segment:
        magnitude = (magnitude | 0x100) << segment - 1
    return magnitude if code & 0x80 else -magnitude


_MU_LAW = tuple(_mu_law(code) & 0xFFFF for code in range(256))
_A_LAW = tuple(_a_law(code) & 0xFFFF for code in range(256))
"""By code the sample, its 16 bits as an unsigned number."""
