import pytest

from headwater.protocol.header.cseq import parse_cseq


@pytest.mark.parametrize(
    ("value", "cseq"), [("0", 0), ("007", 7), (None, None), ("", None), ("+1", None), ("1 2", None)]
)
def test_parse_cseq(value: str | None, cseq: int | None) -> None:
    assert parse_cseq(value) == cseq
