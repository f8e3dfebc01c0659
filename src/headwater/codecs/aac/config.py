"""What AAC's configurations say (ISO/IEC 14496-3 §1.6)."""

from dataclasses import dataclass

from headwater.codecs.bits import BitReader, BitWriter

SAMPLE_RATES_HZ = (
    96_000,
    88_200,
    64_000,
    48_000,
    44_100,
    32_000,
    24_000,
    22_050,
    16_000,
    12_000,
    11_025,
    8_000,
    7_350,
)
"""Table 1.18, by index."""
_EXPLICIT_RATE = 15
_CHANNELS = (0, 1, 2, 3, 4, 5, 6, 8)
"""Table 1.19: how many channels a channel configuration has; 0 is told elsewhere."""
_LOW_COMPLEXITY = 2
_LOW_DELAY = frozenset({23, 39})
"""AAC-LD and AAC-ELD: frames of half the length."""
_SBR, _PARAMETRIC_STEREO = 5, 29
_WITH_LAYER = frozenset({6, 20})
_LONGER_TYPE = 31


@dataclass(frozen=True, slots=True)
class AacConfig:
    """What a decoder of one track is set up with."""

    specific: bytes
    """The AudioSpecificConfig, as `config=` and `esds` have it."""
    object_type: int
    """2 is AAC-LC, 5 is HE-AAC, 29 is HE-AAC v2."""
    sample_rate_hz: int
    """Of the core coder: half of what HE-AAC plays."""
    channels: int
    """Of the core coder; 0 where a program config element tells."""
    frame_samples: int
    """How many samples of the core coder a frame has."""

    @classmethod
    def parse(cls, specific: bytes) -> "AacConfig":
        """Read an AudioSpecificConfig.

        Raises:
            ValueError: it ends too early, or says a sample rate that there is not.
        """
        return cls.read(BitReader(specific[:64]), specific)

    @classmethod
    def read(cls, bits: BitReader, specific: bytes | None = None) -> "AacConfig":
        """Read an AudioSpecificConfig that other bits may follow.

        Args:
            bits: where it begins.
            specific: its bytes; cut out of the bits where they are not given.

        Raises:
            ValueError: as for `parse`, or where its end is only known to who reads all of it.
        """
        start = bits.position
        kind = core = _object_type(bits)
        rate_hz = _sample_rate(bits)
        channels = bits.bits(4)
        if kind in (_SBR, _PARAMETRIC_STEREO):
            _sample_rate(bits)
            core = _object_type(bits)
        if channels >= len(_CHANNELS):
            raise ValueError(f"channel configuration {channels}")
        short = bits.flag()
        if bits.flag():
            bits.skip(14)
        if bits.flag() and core in _WITH_LAYER:
            bits.skip(3)
        if specific is None:
            if not channels:
                raise ValueError("a program config element among other bits")
            specific = bits.copy(start, bits.position)
        samples = (960 if short else 1024) // (2 if core in _LOW_DELAY else 1)
        return cls(specific, kind, rate_hz, _CHANNELS[channels], samples)

    @classmethod
    def of_track(
        cls, sample_rate_hz: int, channels: int, object_type: int = _LOW_COMPLEXITY
    ) -> "AacConfig":
        """Make the configuration of a track that tells none.

        Raises:
            ValueError: there is no AAC with so many channels.
        """
        bits = BitWriter()
        bits.bits(object_type, 5)
        if sample_rate_hz in SAMPLE_RATES_HZ:
            bits.bits(SAMPLE_RATES_HZ.index(sample_rate_hz), 4)
        else:
            bits.bits(_EXPLICIT_RATE << 24 | sample_rate_hz, 28)
        bits.bits(_CHANNELS.index(channels), 4)
        bits.bits(0, 3)
        return cls.parse(bits.content())


def _object_type(bits: BitReader) -> int:
    kind = bits.bits(5)
    return 32 + bits.bits(6) if kind == _LONGER_TYPE else kind


def _sample_rate(bits: BitReader) -> int:
    index = bits.bits(4)
    rate_hz = bits.bits(24) if index == _EXPLICIT_RATE else SAMPLE_RATES_HZ[index : index + 1]
    if isinstance(rate_hz, tuple):
        rate_hz = rate_hz[0] if rate_hz else 0
    if not rate_hz:
        raise ValueError(f"sampling frequency index {index}")
    return rate_hz
