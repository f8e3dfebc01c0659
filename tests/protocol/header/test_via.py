"""Via: which servers a presentation has passed."""

from __future__ import annotations

import pytest

from headwater.protocol.header.via import mount_name, server_of, via_names, via_value


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


def test_each_mount_of_a_server_has_a_name_that_leads_to_the_server() -> None:
    names = [mount_name("headwater-1", path) for path in ("/one", "/two", "/K\u00fcche \udcff")]
    assert len(set(names)) == 3
    assert via_names([via_value(names)]) == tuple(names)
    assert {server_of(name) for name in (*names, "headwater-1")} == {"headwater-1"}
