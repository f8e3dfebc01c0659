import pytest

from headwater.protocol.payload import av1
from headwater.protocol.payload.av1 import obu_type


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        (0x0A, av1.OBU_SEQUENCE_HEADER),
        (0x12, av1.OBU_TEMPORAL_DELIMITER),
        (0x32, av1.OBU_FRAME),
        # The forbidden bit, and those for an extension, a size and nothing, are no part of it.
        (0xB7, av1.OBU_FRAME),
        (0x7A, av1.OBU_PADDING),
    ],
)
def test_the_type_of_an_obu(header: int, kind: int) -> None:
    assert obu_type(header) == kind
