"""The longer parts of H.265's SPS: most of them only have to be passed over."""

from dataclasses import dataclass

from headwater.codecs.bits import BitReader, BitsEnd

_MOST_REFERENCES = 17


@dataclass(frozen=True, slots=True)
class ProfileTierLevel:
    """Which decoders can play the stream (ITU-T H.265 §7.3.3), of all its sub-layers."""

    space: int
    tier: int
    """0 is Main, 1 is High."""
    profile: int
    compatibility: int
    """32 flags, that of profile 0 first."""
    constraints: int
    """48 flags, `general_progressive_source_flag` first."""
    level: int
    """`general_level_idc`: thirty times the level."""

    @classmethod
    def read(cls, bits: BitReader, sub_layers: int) -> "ProfileTierLevel":
        """Read the structure of a parameter set with so many temporal sub-layers."""
        general = cls(
            space=bits.bits(2),
            tier=bits.bits(1),
            profile=bits.bits(5),
            compatibility=bits.bits(32),
            constraints=bits.bits(48),
            level=bits.bits(8),
        )
        present = [(bits.flag(), bits.flag()) for _ in range(sub_layers - 1)]
        if sub_layers > 1:
            bits.skip(2 * (9 - sub_layers))
        for has_profile, has_level in present:
            bits.skip(88 * has_profile + 8 * has_level)
        return general


def skip_scaling_lists(bits: BitReader) -> None:
    """Pass over `scaling_list_data` (§7.3.4)."""
    for size in range(4):
        for _ in range(2 if size == 3 else 6):
            if not bits.flag():
                bits.golomb()
                continue
            if size > 1:
                bits.golomb()
            for _ in range(min(64, 1 << (4 + 2 * size))):
                bits.golomb()


def skip_short_term_sets(bits: BitReader, count: int) -> None:
    """Pass over so many `st_ref_pic_set` (§7.3.7): the length of one depends on those before."""
    deltas: list[int] = []
    for index in range(count):
        deltas = _predicted(bits, deltas) if index and bits.flag() else _plain(bits)
        if len(deltas) >= _MOST_REFERENCES:
            raise BitsEnd(f"{len(deltas)} pictures in a reference picture set")


def _predicted(bits: BitReader, deltas: list[int]) -> list[int]:
    negative = bits.flag()
    shift = bits.golomb() + 1
    if negative:
        shift = -shift
    moved: list[int] = []
    for delta in [*deltas, 0]:
        used = bits.flag()
        if (used or bits.flag()) and delta + shift:
            moved.append(delta + shift)
    # §7.4.8: nearest first, those before the picture, then those behind.
    before = sorted((delta for delta in moved if delta < 0), reverse=True)
    return before + sorted(delta for delta in moved if delta > 0)


def _plain(bits: BitReader) -> list[int]:
    counts = bits.golomb(), bits.golomb()
    if sum(counts) >= _MOST_REFERENCES:
        raise BitsEnd(f"{sum(counts)} pictures in a reference picture set")
    deltas: list[int] = []
    for count, sign in zip(counts, (-1, 1), strict=True):
        delta = 0
        for _ in range(count):
            delta += sign * (bits.golomb() + 1)
            bits.skip(1)
            deltas.append(delta)
    return deltas


def skip_reference_decoder(bits: BitReader, sub_layers: int) -> None:
    """Pass over `hrd_parameters` with its common information (§E.2.2)."""
    kinds = bits.flag() + bits.flag()
    of_parts = False
    if kinds:
        of_parts = bits.flag()
        bits.skip(19 if of_parts else 0)
        bits.skip(12 if of_parts else 8)
        bits.skip(15)
    for _ in range(sub_layers):
        fixed = bits.flag() or bits.flag()
        low_delay = False
        if fixed:
            bits.golomb()
        else:
            low_delay = bits.flag()
        buffers = 1 if low_delay else bits.golomb() + 1
        if buffers > 32:
            raise BitsEnd(f"{buffers} coded picture buffers")
        for _ in range(kinds * buffers):
            for _ in range(4 if of_parts else 2):
                bits.golomb()
            bits.skip(1)
