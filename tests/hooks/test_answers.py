"""What hooks return, and what it means."""

from __future__ import annotations

from http import HTTPStatus

import pytest

from headwater.hooks.answers import (
    Allowed,
    Redirect,
    Refused,
    authentication_verdict,
    mount_verdict,
)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (True, Allowed()),
        (False, Refused(403)),
        (503, Refused(503)),
        (300, Refused(300)),
        (599, Refused(599)),
        (HTTPStatus.NOT_FOUND, Refused(404)),
        ("rtsp://edge/a", Redirect("rtsp://edge/a")),
        ("RTSPS://edge/a", Redirect("RTSPS://edge/a")),
        (Redirect("rtsp://edge/a", permanent=True), Redirect("rtsp://edge/a", permanent=True)),
    ],
)
def test_check_mount_answers(answer: object, verdict: object) -> None:
    assert mount_verdict(answer) == verdict


@pytest.mark.parametrize(
    ("answer", "described"),
    [
        (None, "None"),
        (200, "200"),
        (299, "299"),
        (600, "600"),
        (0, "0"),
        (-403, "-403"),
        ("yes", "a value of type str"),
        ("http://edge/a", "a value of type str"),
        (403.0, "a value of type float"),
        ([], "a value of type list"),
    ],
)
def test_other_answers_are_refused_with_what_is_allowed(answer: object, described: str) -> None:
    with pytest.raises(ValueError, match="allowed: True, False, a status from 300 to 599") as info:
        mount_verdict(answer)
    assert str(info.value).startswith(f"returned {described};")


@pytest.mark.parametrize("uri", ["rtsp://a/\r\nX: y", "rtsp://a/b c", "rtsp://a/é", "http://a", ""])
def test_redirect_takes_only_what_a_header_can_hold(uri: str) -> None:
    with pytest.raises(ValueError, match="redirect's URI must"):
        Redirect(uri)


def test_redirect_string_that_splits_the_header_is_an_error() -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        mount_verdict("rtsp://a/\r\nSession: 1")


def test_redirect_status() -> None:
    assert Redirect("rtsp://a").status == 302
    assert Redirect("rtsp://a", permanent=True).status == 301


@pytest.mark.parametrize("answer", [True, False])
def test_authentication_answers(answer: bool) -> None:
    assert authentication_verdict(answer) is answer


@pytest.mark.parametrize("answer", [None, 1, 0, "true", object()])
def test_truth_is_not_enough_for_authentication(answer: object) -> None:
    with pytest.raises(ValueError, match="allowed: True or False"):
        authentication_verdict(answer)
