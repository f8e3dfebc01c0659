"""Sequence headers of AV1, bit by bit as §5.5 of its specification has them."""

from __future__ import annotations

import pytest
from bit_text import packed, ue

from headwater.codecs.av1.config import Av1Config

HEADER = "0" + "0001" + "000"
SIZE = f"{5:04b}{4:04b}{63:06b}{31:05b}"
OPERATING_POINT = "0" * 12
REDUCED = "000" + "1" + "1" + f"{4:05b}" + SIZE + "000" + "000"
PLAIN = "0" + "0" + f"{0:05b}" + OPERATING_POINT + f"{8:05b}" + "1"
TIMING = f"{1:032b}{25:032b}"
MODEL = f"{9:05b}{1:032b}{0:05b}{0:05b}"
PARAMETERS = "1" * 10 + "0" * 10 + "1"
TWO_POINTS = (
    "1" + TIMING + "1" + ue(3) + "1" + MODEL + "1" + f"{1:05b}"
    + OPERATING_POINT + f"{12:05b}" + "0" + "1" + PARAMETERS + "1" + f"{9:04b}"
    + OPERATING_POINT + f"{3:05b}" + "0" + "0"
)  # fmt: skip
# Frame ids, superblocks and filters, compounds, order hints, screen content, integer motion.
FEW_TOOLS = "0" + "000" + "0000" + "0" + "00" + "000"
MANY_TOOLS = "1" + "0" * 7 + "111" + "1111" + "1" + "11" + "1" + "0" + "1" + "110" + "111"
SCREEN_TOOLS = "0" + "000" + "0000" + "0" + "01" + "1" + "000"
EIGHT_BITS = "0" + "0" + "0" + "1" + "10"


def sequence(profile: int, points: str, tools: str, colours: str) -> bytes:
    return packed(HEADER + f"{profile:03b}" + "0" + "0" + points + SIZE + tools + colours + "1")


@pytest.mark.parametrize(("points", "level", "tier"), [(PLAIN, 8, 1), (TWO_POINTS, 12, 0)])
def test_level_and_tier_are_those_of_the_first_operating_point(
    points: str, level: int, tier: int
) -> None:
    found = Av1Config.parse(sequence(0, points, FEW_TOOLS, EIGHT_BITS))
    assert (found.level, found.tier) == (level, tier)
    assert (found.width, found.height) == (64, 32)


@pytest.mark.parametrize("tools", [FEW_TOOLS, MANY_TOOLS, SCREEN_TOOLS])
def test_what_stands_between_size_and_colours_is_passed_over(tools: str) -> None:
    found = Av1Config.parse(sequence(0, PLAIN, tools, EIGHT_BITS))
    assert (found.bit_depth, found.subsampling, found.chroma_position) == (8, (1, 1), 2)


def test_a_still_picture_has_a_shorter_header() -> None:
    unit = packed(HEADER + REDUCED + EIGHT_BITS + "1")
    found = Av1Config.parse(unit)
    assert (found.level, found.tier, found.width, found.height) == (4, 0, 64, 32)
    assert (found.bit_depth, found.chroma_position, found.sequence_header) == (8, 2, unit)


BT_709, SRGB = f"{1:08b}{1:08b}{1:08b}", f"{1:08b}{13:08b}{0:08b}"


@pytest.mark.parametrize(
    ("profile", "colours", "depth", "monochrome", "subsampling", "position"),
    [
        (0, "1" + "0" + "0" + "0" + "01", 10, False, (1, 1), 1),
        (0, "0" + "1" + "0" + "1", 8, True, (1, 1), 0),
        (0, "0" + "0" + "1" + BT_709 + "0" + "10", 8, False, (1, 1), 2),
        (1, "0" + "1" + SRGB, 8, False, (0, 0), 0),
        (1, "1" + "0" + "1", 10, False, (0, 0), 0),
        (2, "0" + "0" + "0" + "1", 8, False, (1, 0), 0),
        (2, "1" + "0" + "0" + "0" + "1", 10, False, (1, 0), 0),
        (2, "1" + "1" + "0" + "0" + "1" + "11" + "01", 12, False, (1, 1), 1),
        (2, "1" + "1" + "0" + "0" + "1" + "10", 12, False, (1, 0), 0),
        (2, "1" + "1" + "0" + "0" + "1" + "0", 12, False, (0, 0), 0),
    ],
)
def test_colours(
    profile: int,
    colours: str,
    depth: int,
    monochrome: bool,
    subsampling: tuple[int, int],
    position: int,
) -> None:
    found = Av1Config.parse(sequence(profile, PLAIN, FEW_TOOLS, colours))
    assert (found.bit_depth, found.monochrome) == (depth, monochrome)
    assert (found.subsampling, found.chroma_position) == (subsampling, position)


@pytest.mark.parametrize("unit", [b"", b"\x0a", b"\x08", b"\x08\x00"])
def test_what_ends_too_early(unit: bytes) -> None:
    with pytest.raises(ValueError, match=r"payload|bits"):
        Av1Config.parse(unit)
