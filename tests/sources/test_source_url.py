"""What readers ask for, and what is secret, in the URLs of sources."""

from __future__ import annotations

import pytest

from headwater.sources.source_url import check_captures, with_captures


@pytest.mark.parametrize(
    ("template", "captured", "url"),
    [
        ("rtsp://nvr/{1}", ("101",), "rtsp://nvr/101"),
        (
            "rtsp://u:${PW}@nvr/a/{2}?b={1}",
            ("x&c=d#e", "y@z"),
            "rtsp://u:${PW}@nvr/a/y%40z?b=x%26c%3Dd%23e",
        ),
        ("rtsp://nvr/{1}", ("${PW}",), "rtsp://nvr/%24%7BPW%7D"),
        ("rtsp://nvr/{1}", ("{2}",), "rtsp://nvr/%7B2%7D"),
        ("file:/films/{1}.mp4", ("..%2f..",), "file:/films/..%252f...mp4"),
        ("file:./{1}", ("/etc/passwd",), "file:.//etc/passwd"),
    ],
)
def test_what_a_reader_asks_for_stays_what_it_is(
    template: str, captured: tuple[str, ...], url: str
) -> None:
    check_captures(template, 2)
    assert with_captures(template, captured) == url


@pytest.mark.parametrize("captured", ["..", "a/../b", ".", "../"])
def test_a_dot_segment_leads_nowhere(captured: str) -> None:
    with pytest.raises(LookupError):
        with_captures("rtsp://nvr/a/{1}", (captured,))


@pytest.mark.parametrize(
    "template",
    [
        *("rtsp://{1}/x", "rtsp://nvr{1}", "rtsp://u:{1}@nvr/x", "rtsp://nvr:{1}/x"),
        # With a slash or two in front, what a reader asks for would be a host.
        *("rtsp:{1}", "rtsp:/{1}", "RTSPS:/{1}", "http:{1}", "https:///{1}", "rtsp:x/{1}"),
        *("command:show {1}", "Command:show {1}"),
        *("file:{1}", "FILE:{1}", "file://{1}"),
        "rtsp://nvr/{2}",
    ],
)
def test_a_capture_stands_in_path_and_query_only(template: str) -> None:
    with pytest.raises(ValueError, match=r"capture|wildcards"):
        check_captures(template, 1)
