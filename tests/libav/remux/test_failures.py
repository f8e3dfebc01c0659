"""Reasons: what libav says, made true and plain."""

import errno

import pytest

from headwater.libav.remux.failures import Complaint, reason, reason_for_the_end


@pytest.mark.parametrize(
    ("complaint", "publishing", "text"),
    [
        (
            Complaint(1, "Server", ["x", "method ANNOUNCE failed: 503 (Service Unavailable)\n"]),
            True,
            (
                "it answered ANNOUNCE with 503 Service Unavailable: the path has a publisher "
                "already, or a limit of the server is reached"
            ),
        ),
        (
            Complaint(1, "x", ["method DESCRIBE failed: 401 Unauthorized"]),
            False,
            (
                "it answered DESCRIBE with 401 Unauthorized: it wants a user and a password, or "
                "the user or password in the URL is wrong"
            ),
        ),
        (
            Complaint(1, "x", ["method ANNOUNCE failed: 403 Forbidden"]),
            True,
            (
                "it answered ANNOUNCE with 403 Forbidden: the user has no right to this path, or "
                "a hook of the server refused"
            ),
        ),
        (
            Complaint(1, "x", ["method SETUP failed: 599 (Odd)"]),
            False,
            "it answered SETUP with 599 Odd: its log says why",
        ),
        (
            Complaint(errno.EIO, "Input/output error", ["Failed to resolve hostname x: no\n"]),
            False,
            "Failed to resolve hostname x: no",
        ),
        (
            Complaint(1, "Invalid data found when processing input"),
            True,
            "it closed the connection, or its answer was not RTSP",
        ),
        (Complaint(errno.ECONNREFUSED, "Connection refused"), True, "Connection refused"),
    ],
)  # fmt: skip
def test_reasons(complaint: Complaint, publishing: bool, text: str) -> None:
    assert reason(complaint, publishing=publishing) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (errno.EPIPE, "the server ended the session"),
        (errno.ECONNRESET, "the server ended the session"),
        (errno.ETIMEDOUT, "the server took nothing for 10 s"),
        (errno.EINVAL, "sending failed: Invalid argument"),
    ],
)
def test_only_who_ended_it_is_said_to_have_ended_it(number: int, text: str) -> None:
    assert reason_for_the_end(Complaint(number, "Invalid argument"), silence_s=10.0) == text
