"""The parts of an SPS that are passed over: each ends where the syntax of ITU-T H.265 says."""

import pytest
from bit_text import packed, ue

from headwater.codecs.bits import BitReader, BitsEnd
from headwater.codecs.h265.sps_parts import (
    ProfileTierLevel,
    skip_reference_decoder,
    skip_scaling_lists,
    skip_short_term_sets,
)

BEHIND = "1011" * 8


def reader(bits: str) -> BitReader:
    return BitReader(packed(bits))


GENERAL = f"01100010{0x20000000:032b}{0x900000000000:048b}{93:08b}"
PROFILE, LEVEL = "01" * 44, f"{90:08b}"


@pytest.mark.parametrize(
    ("sub_layers", "further"),
    [
        (1, ""),
        (2, "00" + "00" * 7),
        (2, "11" + "00" * 7 + PROFILE + LEVEL),
        (3, "1001" + "00" * 6 + PROFILE + LEVEL),
        (7, "01" * 6 + "00" * 2 + LEVEL * 6),
    ],
)
def test_the_profile_is_that_of_all_sub_layers(sub_layers: int, further: str) -> None:
    bits = reader(GENERAL + further + BEHIND)
    assert ProfileTierLevel.read(bits, sub_layers) == ProfileTierLevel(
        space=1,
        tier=1,
        profile=2,
        compatibility=0x20000000,
        constraints=0x900000000000,
        level=93,
    )
    assert bits.position == len(GENERAL + further)


COPIED = "0" + ue(0)
SMALL, EIGHT = "1" + ue(*[8] * 16), "1" + ue(*[8] * 64)
LARGE = "1" + ue(16) + ue(*[8] * 64)


@pytest.mark.parametrize(
    "lists",
    [
        COPIED * 20,
        SMALL * 6 + EIGHT * 6 + LARGE * 6 + LARGE * 2,
        SMALL + COPIED * 5 + EIGHT + COPIED * 5 + LARGE + COPIED * 5 + LARGE + COPIED,
    ],
)
def test_scaling_lists(lists: str) -> None:
    bits = reader(lists + BEHIND)
    skip_scaling_lists(bits)
    assert bits.position == len(lists)


# Pictures at -1 and -3, and at +2.
PLAIN = ue(2, 1) + ue(0) + "1" + ue(1) + "1" + ue(1) + "1"
NOTHING = ue(0, 0)
SIXTEEN = ue(16, 0) + (ue(0) + "1") * 16


def predicted(sign: str, by: int, *uses: str) -> str:
    """A set made of the one before, moved by so much."""
    return "1" + sign + ue(by - 1) + "".join(uses)


@pytest.mark.parametrize(
    "sets",
    [
        [],
        [NOTHING],
        [PLAIN],
        [PLAIN, "0" + PLAIN, "0" + NOTHING],
        [SIXTEEN, "0" + SIXTEEN],
        # Moved by -1 to -2, -4, +1 and -1: four pictures, so that the next one has five to tell of.
        [PLAIN, predicted("1", 1, *"1111"), predicted("1", 1, *"11111")],
        # Moved by +1: what was at -1 is the picture itself and falls out, three are left.
        [PLAIN, predicted("0", 1, *"1111"), predicted("0", 1, *"1111")],
        # One is not used by this picture but stays, one goes.
        [PLAIN, predicted("1", 1, "1", "01", "00", "1"), predicted("1", 1, *"1111")],
        [NOTHING, predicted("1", 1, "1"), predicted("0", 3, *"11")],
    ],
)
def test_sets_of_reference_pictures(sets: list[str]) -> None:
    bits = reader("".join(sets) + BEHIND)
    skip_short_term_sets(bits, len(sets))
    assert bits.position == len("".join(sets))


@pytest.mark.parametrize(
    "sets",
    [[ue(17, 0)], [ue(9, 8)], [SIXTEEN, predicted("1", 1, *"1" * 17)]],
)
def test_more_references_than_a_decoder_keeps_are_refused(sets: list[str]) -> None:
    with pytest.raises(BitsEnd, match="17 pictures in a reference picture set"):
        skip_short_term_sets(reader("".join(sets) + "1" * 64), len(sets))


SCALES, LENGTHS, OF_PARTS, SCALE_OF_PARTS = "0" * 8, "10111" * 3, "0" * 19, "0" * 4
FIXED, WITHIN, FREE, LOW_DELAY = "1" + ue(0), "01" + ue(0), "000", "001"
RATE, RATE_OF_PARTS = ue(70, 80) + "0", ue(70, 80, 30, 20) + "1"


@pytest.mark.parametrize(
    ("sub_layers", "parameters"),
    [
        (1, "00" + FIXED + ue(0)),
        (3, "00" + FIXED + ue(0) + FREE + ue(1) + LOW_DELAY),
        (1, "100" + SCALES + LENGTHS + FIXED + ue(0) + RATE),
        (1, "010" + SCALES + LENGTHS + WITHIN + ue(2) + RATE * 3),
        (2, "110" + SCALES + LENGTHS + FREE + ue(1) + RATE * 4 + LOW_DELAY + RATE * 2),
        (
            1,
            "101" + OF_PARTS + SCALES + SCALE_OF_PARTS + LENGTHS + LOW_DELAY + RATE_OF_PARTS,
        ),
        (1, "100" + SCALES + LENGTHS + FIXED + ue(31) + RATE * 32),
    ],
)
def test_the_reference_decoder(sub_layers: int, parameters: str) -> None:
    bits = reader(parameters + BEHIND)
    skip_reference_decoder(bits, sub_layers)
    assert bits.position == len(parameters)


def test_more_buffers_than_the_reference_decoder_has_are_refused() -> None:
    with pytest.raises(BitsEnd, match="33 coded picture buffers"):
        skip_reference_decoder(reader("100" + SCALES + LENGTHS + FIXED + ue(32) + "1" * 64), 1)
