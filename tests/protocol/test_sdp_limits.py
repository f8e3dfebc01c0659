"""How much a description may hold, and how little of memory and work it takes."""

import sys
import tracemalloc

import pytest
from python_lines import PythonLines

from headwater.protocol.errors import LimitExceeded
from headwater.protocol.sdp import SessionDescription
from headwater.protocol.wire_limits import DescriptionLimits

HEAD = b"v=0\r\ns=x\r\n"
VIDEO = b"m=video 0 RTP/AVP 96\r\n"
MOST_TIMES = 3
"""What is kept of a description may take so many times the bytes that were sent."""
# CPython 3.14 counts more lines for the same work.
MOST_WORK = 125_000 if sys.version_info < (3, 14) else 150_000
OBJECTS_BYTES = 1_000
"""And so much for itself and each of its tracks."""


def short_lines(line: bytes) -> bytes:
    return HEAD + VIDEO + line * 490


def numbered(line: bytes, count: int) -> bytes:
    return HEAD + VIDEO + b"".join(line % number for number in range(count))


HUGE = {
    "short lines": short_lines(b"i=x\n"),
    "lines that are no UTF-8": short_lines(b"i=\xff\n"),
    "attributes": numbered(b"a=x%d\n", 490),
    "payload types": numbered(b"a=rtpmap:%d h/1\n", 490),
    "parameters": HEAD + VIDEO + (b"a=fmtp:96 " + b";".join([b"a=1"] * 255) + b"\n"),
    "formats": HEAD + (b"m=v 0 RTP/AVP" + b" 9" * 250 + b"\n") * 16,
    "tracks": HEAD + b"m=v 0 x 9\n" * 16,
    "a long control": HEAD + VIDEO + b"a=control:" + b"x" * 100_000 + "😀".encode(),
    "a long encoding": HEAD + VIDEO + b"a=rtpmap:96 " + b"x" * 100_000 + "😀".encode(),
    "a long media type": HEAD + b"m=" + b"x" * 100_000 + "😀 0 RTP/AVP 96\n".encode(),
    "a long transport": HEAD + b"m=v 0 " + b"x" * 100_000 + "😀 96\n".encode(),
    "a long name": b"s=" + b"x" * 100_000 + "😀\r\n".encode() + VIDEO,
}


@pytest.mark.parametrize("text", HUGE.values(), ids=HUGE.keys())
def test_little_more_is_kept_than_was_sent(text: bytes) -> None:
    SessionDescription.parse(text)  # what is made once for all is made
    tracemalloc.start()
    try:
        before_bytes = tracemalloc.get_traced_memory()[0]
        description = SessionDescription.parse(text)
        kept_bytes = tracemalloc.get_traced_memory()[0] - before_bytes
    finally:
        tracemalloc.stop()
    assert description.size_bytes <= len(text)
    assert kept_bytes <= MOST_TIMES * len(text) + OBJECTS_BYTES * (1 + len(description.media))


@pytest.mark.parametrize("text", HUGE.values(), ids=HUGE.keys())
def test_work_is_bounded_whatever_comes(text: bytes) -> None:
    description = SessionDescription.parse(text)
    for work in (
        lambda: SessionDescription.parse(text),
        lambda: description.relayed(address="127.0.0.1"),
        lambda: description.compatible_with(description),
    ):
        with PythonLines() as lines:
            work()
        # Some tens of lines of Python for each line of the text: a few milliseconds.
        assert lines.count <= MOST_WORK


@pytest.mark.parametrize(
    ("limits", "text", "limit", "words"),
    [
        ({"max_lines": 3}, HEAD + VIDEO + b"a=x\r\n", "max_lines", "4 lines; 3 are taken"),
        ({"max_lines": 3}, HEAD + VIDEO + b"\n", "max_lines", "4 lines; 3 are taken"),
        ({"max_lines": 3}, HEAD + b"\r\r\r" + VIDEO, "max_lines", "6 lines; 3 are taken"),
        ({"max_tracks": 2}, HEAD + VIDEO * 3, "max_tracks", "3 tracks"),
        ({"max_items": 2}, b"m=a 0 RTP/AVP 0 8 9", "max_items", "3 formats and format parameters"),
        ({"max_items": 2}, VIDEO + b"a=fmtp:96 a=1;b", "max_items", "3 formats and"),
    ],
)
def test_beyond_a_limit(limits: dict[str, int], text: bytes, limit: str, words: str) -> None:
    with pytest.raises(LimitExceeded, match=words) as caught:
        SessionDescription.parse(text, limits=DescriptionLimits(**limits))
    assert (caught.value.status, caught.value.limit) == (413, limit)


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        ({"max_lines": 3}, HEAD + VIDEO),
        ({"max_tracks": 2}, HEAD + VIDEO * 2),
        ({"max_items": 3}, VIDEO + b"a=fmtp:96 a=1;b=2"),
        ({}, short_lines(b"a=x\r\n")),
    ],
)
def test_at_a_limit(limits: dict[str, int], text: bytes) -> None:
    assert SessionDescription.parse(text, limits=DescriptionLimits(**limits)).media


@pytest.mark.parametrize("name", DescriptionLimits.__slots__)
def test_a_bound_below_one_is_refused_by_name(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is 0"):
        DescriptionLimits(**{name: 0})
