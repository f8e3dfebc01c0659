"""Codecs by the names that people know."""

import pytest

from headwater.codecs.spoken import spoken


@pytest.mark.parametrize(
    ("encoding", "name"),
    [("H264", "H264"), ("hevc", "H265"), ("mpeg4-generic", "AAC"), ("opus", "Opus"), ("", "")],
)
def test_names(encoding: str, name: str) -> None:
    assert spoken(encoding) == name
