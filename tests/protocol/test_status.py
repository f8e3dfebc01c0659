import pytest

from headwater.protocol.status import Status, reason_of


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (200, "OK"),
        (454, "Session Not Found"),
        (455, "Method Not Valid in This State"),
        (461, "Unsupported Transport"),
        (505, "RTSP Version Not Supported"),
        (551, "Option Not Supported"),
        (299, "Success"),
        (499, "Client Error"),
        (599, "Server Error"),
        (999, "Unknown"),
    ],
)
def test_reason_of_known_and_unknown_codes(code: int, reason: str) -> None:
    assert reason_of(code) == reason


def test_a_status_is_its_number() -> None:
    assert int(Status.NOT_FOUND) == 404
    assert Status(404).reason == "Not Found"  # type: ignore[call-arg]
    assert all(status.reason for status in Status)
