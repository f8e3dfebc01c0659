import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.protocol.errors import ProtocolError
from headwater.protocol.header.session import SessionHeader, format_session, parse_session


@pytest.mark.parametrize(
    ("value", "session"),
    [
        ("A3eqwsafq3rFASqew", SessionHeader("A3eqwsafq3rFASqew")),
        ("A3eq;timeout=47", SessionHeader("A3eq", 47)),
        ("A3eq; timeout=47", SessionHeader("A3eq", 47)),
        ('A3eq ; Timeout = "47" ;x=1', SessionHeader("A3eq", 47)),
        ("A3eq;timeout=aaa", SessionHeader("A3eq")),
        ("A3eq;timeout=", SessionHeader("A3eq")),
        ("A3eq;timeout=-5", SessionHeader("A3eq")),
        ("A3eq;", SessionHeader("A3eq")),
        ("121.254.102.120+7789+937239728", SessionHeader("121.254.102.120+7789+937239728")),
    ],
)
def test_parse_session(value: str, session: SessionHeader) -> None:
    assert parse_session(value) == session


@pytest.mark.parametrize("value", ["", " ", ";timeout=5", " ;x", "a b", "é", "x" * 257])
def test_no_identifier(value: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        parse_session(value)
    assert (caught.value.status, caught.value.where) == (400, "Session")


@given(st.from_regex(r"[A-Za-z0-9]{1,32}", fullmatch=True), st.none() | st.integers(0, 999_999_999))
def test_what_is_written_reads_the_same(session_id: str, timeout_s: int | None) -> None:
    session = SessionHeader(session_id, timeout_s)

    assert parse_session(format_session(session)) == session
