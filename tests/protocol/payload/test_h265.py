import pytest

from headwater.protocol.payload import h265
from headwater.protocol.payload.h265 import unit_type


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        (0x40, h265.VPS),
        (0x42, h265.SPS),
        (0x44, h265.PPS),
        (0x46, h265.DELIMITER),
        (0x4E, h265.SEI_PREFIX),
        (0x2A, h265.CRA_SLICE),
        # The layer's first bit and the forbidden bit are no part of the type.
        (0x2B, h265.CRA_SLICE),
        (0xAA, h265.CRA_SLICE),
        (0x60, h265.AGGREGATE),
        (0x62, h265.FRAGMENT),
    ],
)
def test_the_type_of_a_unit(first: int, kind: int) -> None:
    assert unit_type(first) == kind
