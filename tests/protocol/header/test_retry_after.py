import pytest

from headwater.protocol.header.retry_after import format_retry_after, parse_retry_after


@pytest.mark.parametrize(("delay_s", "text"), [(0, "1"), (0.2, "1"), (5, "5"), (5.1, "6")])
def test_format_retry_after(delay_s: float, text: str) -> None:
    assert format_retry_after(delay_s) == text


@pytest.mark.parametrize(
    ("text", "delay_s"),
    [("5", 5), (" 5 ", 5), ("Wed, 21 Oct 2015 07:28:00 GMT", None), ("-1", None), ("٥", None)],
)
def test_parse_retry_after(text: str, delay_s: int | None) -> None:
    assert parse_retry_after(text) == delay_s
