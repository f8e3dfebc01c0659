"""No header, URI or control within its limits takes more than a few milliseconds to read."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from python_lines import PythonLines

from headwater.protocol.control import resolve_control
from headwater.protocol.errors import ProtocolError
from headwater.protocol.header.authorization import parse_authorization
from headwater.protocol.header.require import unsupported_options
from headwater.protocol.header.session import parse_session
from headwater.protocol.header.transport import parse_transport
from headwater.protocol.headers import Headers
from headwater.protocol.rtsp_uri import RtspUri, mount_path
from headwater.protocol.wire_limits import WireLimits

LIMITS = WireLimits()
HEADER = LIMITS.max_header_bytes
URI = LIMITS.max_uri_bytes
MOST_LINES = 100_000
"""Of Python, each of which takes some tens of nanoseconds."""


def filled(start: str, repeated: str, size: int, end: str = "") -> str:
    return start + repeated * ((size - len(start) - len(end)) // len(repeated)) + end


def controls(repeated: str, start: str = "") -> list[str]:
    return [filled(start, repeated, URI - 100, f"x{index}") for index in range(16)]


URIS = {
    "segments": filled("rtsp://h/", "a/", URI, "x3"),
    "encoded": filled("rtsp://h/", "%61/", URI, "x3"),
    "not ASCII": filled("rtsp://h/", "é/", URI, "x3"),
    "query": filled("rtsp://h/a?", "b/", URI, "x3"),
    "at signs": filled("rtsp://", "@", URI, "h/a"),
    "credentials": filled("rtsp://", "%41", URI, "@h/a"),
    "slashes": filled("rtsp://h", "/", URI),
    "blanks": filled("rtsp://h/", " ", URI),
}
CONTROLS = {
    "segments": controls("a/"),
    "encoded": controls("%61/"),
    "not ASCII": controls("é/"),
    "query": controls("b/"),
    "absolute": controls("a/", "rtsp://other/"),
    "from the root": controls("a/", "/"),
}


def header(name: str, value: str) -> str | None:
    """A value as it comes out of a request, None where the request is refused."""
    try:
        headers = Headers.parse(f"{name}: {value}\r\n".encode(), max_items=LIMITS.max_header_items)
    except ProtocolError:
        return None
    return headers.get(name)


VALUES: dict[str, tuple[Callable[[str], object], str]] = {
    "transports": (parse_transport, filled("", "RTP/AVP,", HEADER)),
    "transport parameters": (parse_transport, filled("RTP/AVP", ";x=y", HEADER)),
    "transport quotes": (parse_transport, filled("RTP/AVP;", '"', HEADER)),
    "transport numbers": (parse_transport, filled("RTP/AVP;client_port=", "1", HEADER)),
    "tags": (lambda value: unsupported_options([value]), filled("", "a,", HEADER)),
    "session parameters": (parse_session, filled("a", ";b=c", HEADER)),
    "digest parameters": (parse_authorization, filled("Digest ", 'a="b",', HEADER)),
    "digest backslashes": (parse_authorization, filled('Digest a="', "\\\\", HEADER)),
    "digest blanks": (parse_authorization, filled("Digest ", " ", HEADER, "x")),
    "digest equals": (parse_authorization, filled("Digest ", "a=", HEADER)),
    "basic": (parse_authorization, filled("Basic ", "A", HEADER)),
}


@pytest.mark.parametrize(("parse", "value"), VALUES.values(), ids=VALUES.keys())
def test_values_of_headers(parse: Callable[[str], object], value: str) -> None:
    with PythonLines() as lines, suppress(ProtocolError):
        kept = header("X", value)
        if kept is not None:
            parse(kept)
    assert lines.count <= MOST_LINES


@pytest.mark.parametrize("line", [b" x\r\n", b"A:\r\n", b"A: b\r\n"])
def test_headers_of_many_lines(line: bytes) -> None:
    with PythonLines() as lines, suppress(ProtocolError):
        Headers.parse(b"A: b\r\n" + line * (HEADER // len(line)))
    assert lines.count <= MOST_LINES


@pytest.mark.parametrize("uri", URIS.values(), ids=URIS.keys())
def test_uris(uri: str) -> None:
    with PythonLines() as lines, suppress(ProtocolError):
        mount_path(RtspUri.parse(uri))
    assert lines.count <= MOST_LINES


@pytest.mark.parametrize("known", CONTROLS.values(), ids=CONTROLS.keys())
@pytest.mark.parametrize("uri", URIS.values(), ids=URIS.keys())
def test_controls_that_a_uri_is_held_against(uri: str, known: list[str]) -> None:
    with PythonLines() as lines, suppress(ProtocolError):
        resolve_control(uri, controls=known, mount="/a")
    assert lines.count <= MOST_LINES
