from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.protocol.errors import ProtocolError
from headwater.protocol.header.range import (
    RangeHeader,
    RangePoint,
    SmpteTime,
    is_open_ended,
    npt_range,
    parse_range,
)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("value", "unit", "start", "end"),
    [
        ("npt=0-", "npt", 0.0, None),
        ("npt=0.000-", "npt", 0.0, None),
        ("npt=10.5-20", "npt", 10.5, 20.0),
        ("npt=-20", "npt", None, 20.0),
        (" NPT = 1 - 2 ", "npt", 1.0, 2.0),
        ("npt=1:02:03.5-", "npt", 3723.5, None),
        ("npt=12:05:35.-", "npt", 43535.0, None),
        ("npt=5-5", "npt", 5.0, 5.0),
        (
            "clock=19961108T142300Z-19961108T143520.25z",
            "clock",
            utc(1996, 11, 8, 14, 23),
            utc(1996, 11, 8, 14, 35, 20, 250_000),
        ),
        ("smpte=10:12:33:20-", "smpte", SmpteTime(10, 12, 33, 20), None),
        ("smpte=10:07:33-", "smpte", SmpteTime(10, 7, 33), None),
        ("smpte-25=10:07:33:05.01-", "smpte-25", SmpteTime(10, 7, 33, 5, 1), None),
        ("smpte-30-drop=0:0:1-0:0:2", "smpte-30-drop", SmpteTime(0, 0, 1), SmpteTime(0, 0, 2)),
        ("beats=4-8", "beats", None, None),
    ],
)
def test_parse_range(
    value: str, unit: str, start: RangePoint | None, end: RangePoint | None
) -> None:
    header = parse_range(value)

    assert header == RangeHeader(value.strip(), unit, start, end)


def test_now() -> None:
    header = parse_range("npt=now-")

    assert header.from_now
    assert header.start is None


def test_the_time_at_which_it_takes_effect() -> None:
    header = parse_range("npt=0-;x=1;time=19970123T143720Z")

    assert header.at == utc(1997, 1, 23, 14, 37, 20)
    assert header.text == "npt=0-;x=1;time=19970123T143720Z"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "npt",
        "=0-",
        "npt=",
        "npt=-",
        "npt=5",
        "npt=x-",
        "npt=1:99:00-",
        "npt=20-10",
        "clock=now-",
        "clock=19961399T142300Z-",
        "smpte=1-",
        "npt=0-;time=now",
    ],
)
def test_malformed_is_457(value: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        parse_range(value)
    assert (caught.value.status, caught.value.where) == (457, "Range")


@pytest.mark.parametrize(
    ("start_s", "end_s", "text"),
    [(0, None, "npt=0.000-"), (None, None, "npt=now-"), (1.5, 2, "npt=1.500-2.000")],
)
def test_npt_range(start_s: float | None, end_s: float | None, text: str) -> None:
    assert npt_range(start_s, end_s).text == text
    assert parse_range(text) == npt_range(start_s, end_s)


@pytest.mark.parametrize(
    ("value", "is_open"),
    [
        ("npt=now-", True),
        ("npt=0.000-", True),
        (" npt=0 - ", True),
        ("clock=20240101T000000Z-;time=20240101T000000Z", True),
        ("x-unit=1-", True),
        ("npt=0-120", False),
        ("npt=-120", False),
        ("x-unit=1-2", False),
        ("npt=x-", False),
        ("npt=-", False),
        ("", False),
    ],
)
def test_a_live_range_has_no_end(value: str, is_open: bool) -> None:
    assert is_open_ended(value) is is_open


@given(
    st.lists(
        st.sampled_from(["npt", "clock", "smpte", "=", "-", ";", "time=", "19960101T000000Z", ":"])
        | st.text("0123456789.:-", max_size=4)
    ).map("".join)
)
def test_any_value_is_read_or_457(value: str) -> None:
    try:
        text = parse_range(value).text
    except ProtocolError as error:
        text = value.strip()
        status = error.status
    else:
        status = 457
    assert text == value.strip()
    assert status == 457
