"""What a sequence header of AV1 says (AV1 specification §5.5)."""

from dataclasses import dataclass

from headwater.codecs.av1.obu import payload_of
from headwater.codecs.bits import BitReader

_SRGB = (1, 13, 0)
"""Primaries, transfer and matrix of pictures in RGB."""


@dataclass(frozen=True, slots=True)
class Av1Config:
    """What a decoder of one track is set up with."""

    sequence_header: bytes
    """The OBU, with its size field."""
    profile: int
    level: int
    """`seq_level_idx`: 0 is level 2.0, 8 is level 4.0."""
    tier: int
    bit_depth: int
    monochrome: bool
    subsampling: tuple[int, int]
    """1 where the chroma planes have half the width, half the height."""
    chroma_position: int
    width: int
    height: int

    @classmethod
    def parse(cls, unit: bytes) -> "Av1Config":
        """Read the OBU of a sequence header.

        Raises:
            ValueError: it ends too early.
        """
        try:
            bits = BitReader(payload_of(unit)[:256])
        except IndexError:
            raise ValueError("a sequence header without a payload") from None
        profile = bits.bits(3)
        bits.skip(1)
        reduced = bits.flag()
        level, tier = (bits.bits(5), 0) if reduced else _read_operating_points(bits)
        across_bits, down_bits = bits.bits(4) + 1, bits.bits(4) + 1
        width, height = bits.bits(across_bits) + 1, bits.bits(down_bits) + 1
        _skip_tools(bits, reduced=reduced)
        depth, monochrome, subsampling, position = _read_colours(bits, profile)
        return cls(
            sequence_header=unit,
            profile=profile,
            level=level,
            tier=tier,
            bit_depth=depth,
            monochrome=monochrome,
            subsampling=subsampling,
            chroma_position=position,
            width=width,
            height=height,
        )


def _read_operating_points(bits: BitReader) -> tuple[int, int]:
    """Read up to the last operating point; return level and tier of the first."""
    delay_bits = None
    if bits.flag():
        bits.skip(64)
        if bits.flag():
            bits.golomb()
        if bits.flag():
            delay_bits = bits.bits(5) + 1
            bits.skip(32 + 5 + 5)
    has_display_delay = bits.flag()
    points = []
    for _ in range(bits.bits(5) + 1):
        bits.skip(12)
        level = bits.bits(5)
        points.append((level, bits.bits(1) if level > 7 else 0))
        if delay_bits is not None and bits.flag():
            bits.skip(2 * delay_bits + 1)
        if has_display_delay and bits.flag():
            bits.skip(4)
    return points[0]


def _skip_tools(bits: BitReader, *, reduced: bool) -> None:
    if not reduced and bits.flag():
        bits.skip(4 + 3)
    bits.skip(3)
    if not reduced:
        bits.skip(4)
        order_hint = bits.flag()
        bits.skip(2 if order_hint else 0)
        # seq_choose_screen_content_tools leaves it to each frame; so does 1 in its place.
        forced = True if bits.flag() else bits.flag()
        if forced and not bits.flag():
            bits.skip(1)
        bits.skip(3 if order_hint else 0)
    bits.skip(3)


def _read_colours(bits: BitReader, profile: int) -> tuple[int, bool, tuple[int, int], int]:
    high = bits.flag()
    twelve = profile == 2 and high and bits.flag()
    depth = 12 if twelve else 10 if high else 8
    monochrome = profile != 1 and bits.flag()
    colours = (bits.bits(8), bits.bits(8), bits.bits(8)) if bits.flag() else None
    if monochrome:
        return depth, True, (1, 1), 0
    if colours == _SRGB:
        return depth, False, (0, 0), 0
    bits.skip(1)
    subsampling = {0: (1, 1), 1: (0, 0)}.get(profile, (1, 0))
    if profile == 2 and twelve:
        across = bits.bits(1)
        subsampling = (across, bits.bits(1) if across else 0)
    return depth, False, subsampling, bits.bits(2) if subsampling == (1, 1) else 0
