import pytest

from headwater.protocol.client.quirks import (
    answered_session,
    asked_without_cseq,
    session_timeout_s,
)
from headwater.protocol.header.session import SessionHeader


@pytest.mark.parametrize(
    ("awaited", "asked"), [([], None), (["DESCRIBE"], "DESCRIBE"), (["SETUP", "SETUP"], None)]
)
def test_an_answer_without_cseq_is_that_of_the_only_request(
    awaited: list[str], asked: str | None
) -> None:
    assert asked_without_cseq(awaited) == asked


@pytest.mark.parametrize(
    ("value", "known", "session"),
    [
        (None, None, None),
        ("12;timeout=30", None, SessionHeader("12", 30)),
        ("34", SessionHeader("12", 30), SessionHeader("12", 30)),
        (None, SessionHeader("12"), SessionHeader("12")),
        ("", None, None),
        (";timeout=30", None, None),
    ],
)
def test_the_first_session_that_can_be_read_stays(
    value: str | None, known: SessionHeader | None, session: SessionHeader | None
) -> None:
    assert answered_session(value, known) == session


@pytest.mark.parametrize(
    ("session", "seconds"),
    [(None, 60), (SessionHeader("1"), 60), (SessionHeader("1", 0), 60), (SessionHeader("1", 7), 7)],
)
def test_how_long_a_session_lives_in_silence(session: SessionHeader | None, seconds: int) -> None:
    assert session_timeout_s(session) == seconds
