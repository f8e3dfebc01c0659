"""Via: which servers a presentation has passed."""

from __future__ import annotations

import pytest

from headwater.protocol.header.via import via_names, via_value


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([], ()),
        (["RTSP/1.0 one"], ("one",)),
        (["RTSP/1.0 one, RTSP/1.0 two (of Headwater)", "1.0 three"], ("one", "two", "three")),
        (["", ",", "alone", " RTSP/1.0   spaced  ,"], ("spaced",)),
    ],
)
def test_names_in_the_order_that_was_passed(values: list[str], names: tuple[str, ...]) -> None:
    assert via_names(values) == names


def test_what_is_written_is_read() -> None:
    assert via_names([via_value(["one", "two"])]) == ("one", "two")
