"""Each client's departure from the digest rules, by name."""

from __future__ import annotations

import pytest

from headwater.access import quirks
from headwater.access.auth_method import AuthMethod
from headwater.protocol.header.authorization import BasicCredentials

URI = "rtsp://192.0.2.1:8554/cam/main"
TRACK = URI + "/trackID=0"


@pytest.mark.parametrize(
    ("rule", "named", "requested", "method", "accepted"),
    [
        (quirks.same_uri, URI, URI, "DESCRIBE", True),
        (quirks.same_uri, URI + "x", URI, "DESCRIBE", False),
        (quirks.vlc_base_of_setup, URI + "/", TRACK, "SETUP", True),
        (quirks.vlc_base_of_setup, URI, TRACK, "SETUP", True),
        (quirks.vlc_base_of_setup, URI + "/", TRACK, "PLAY", False),
        (quirks.vlc_base_of_setup, "rtsp://192.0.2.1:8554/other/", TRACK, "SETUP", False),
        (quirks.vlc_base_of_setup, "rtsp://192.0.2.1:8554/cam/", TRACK, "SETUP", False),
        (quirks.vlc_base_of_setup, "", "*", "SETUP", False),
        (quirks.happytime_trailing_slash, URI, URI + "/", "PLAY", True),
        (quirks.happytime_trailing_slash, URI + "/", URI, "PLAY", True),
        (quirks.happytime_trailing_slash, URI + "/x", URI, "PLAY", False),
        (quirks.bosch_relative, "/cam/main", URI, "PLAY", True),
        (quirks.bosch_relative, "cam/main/", URI, "PLAY", True),
        (quirks.bosch_relative, "/cam", URI, "PLAY", False),
        (quirks.bosch_relative, "/", "rtsp://192.0.2.1/", "PLAY", False),
        (quirks.bosch_relative, "", URI, "PLAY", False),
        (quirks.bosch_relative, "rtsp://other/cam/main", URI, "PLAY", False),
    ],
)
def test_rule(rule: object, named: str, requested: str, method: str, accepted: bool) -> None:
    assert rule(named, requested, method) is accepted  # type: ignore[operator]
    if accepted:
        assert quirks.uri_accepted(named, requested, method)


def test_credentials_in_the_uri_do_not_count() -> None:
    assert quirks.uri_accepted("rtsp://u:p@192.0.2.1:8554/cam/main", URI, "DESCRIBE")
    assert quirks.uri_accepted(URI, "rtsp://u:p@192.0.2.1:8554/cam/main", "DESCRIBE")


@pytest.mark.parametrize("named", ["rtsp://192.0.2.1:8554/other", "*", "", "rtsp://x/cam/main"])
def test_other_uris_are_refused(named: str) -> None:
    assert not quirks.uri_accepted(named, URI, "DESCRIBE")


MD5 = (AuthMethod.DIGEST_MD5, "Digest one")
SHA256 = (AuthMethod.DIGEST_SHA256, "Digest two")
BASIC = (AuthMethod.BASIC, "Basic three")


@pytest.mark.parametrize(
    ("challenges", "lines"),
    [
        ([MD5, SHA256, BASIC], ("Digest one", "Basic three, Digest two")),
        ([MD5, BASIC], ("Digest one", "Basic three")),
        ([MD5, SHA256], ("Digest two", "Digest one")),
        ([SHA256, MD5], ("Digest two", "Digest one")),
        ([SHA256, BASIC], ("Digest two", "Basic three")),
        ([BASIC], ("Basic three",)),
    ],
)
def test_sha256_is_where_ffmpeg_does_not_take_it_for_md5(
    challenges: list[tuple[AuthMethod, str]], lines: tuple[str, ...]
) -> None:
    assert quirks.header_lines(challenges) == lines


def test_ffmpeg_cuts_tokens_and_short_passwords_stay_as_they_are() -> None:
    most = quirks.MOST_BYTES_OF_FFMPEG - len("x:")
    token = "eyJ" + "a" * 300
    assert quirks.token_cut_by_ffmpeg(BasicCredentials("x", token[:most]))
    assert not quirks.token_cut_by_ffmpeg(BasicCredentials("x", token))
    assert not quirks.token_cut_by_ffmpeg(BasicCredentials("x", token[: most - 1]))
    assert not quirks.token_cut_by_ffmpeg(BasicCredentials("x", "p" * most))
