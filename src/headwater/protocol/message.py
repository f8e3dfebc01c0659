"""RTSP messages: requests and responses, and runs of interleaved frames between them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from headwater.protocol.errors import Fault, ProtocolError
from headwater.protocol.header.cseq import parse_cseq
from headwater.protocol.headers import Headers
from headwater.protocol.status import reason_of

VERSION = "RTSP/1.0"

_METHOD = re.compile(r"[A-Za-z][A-Za-z0-9_.\-]*")
_UNSAFE_LINE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(slots=True)
class Request:
    """An RTSP request (RFC 2326 §6).

    `uri` is the text as it came; `headwater.protocol.RtspUri` reads it.
    """

    method: str
    uri: str
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    version: str = VERSION

    @property
    def cseq(self) -> int | None:
        """The CSeq, None when it is missing or no number: such a request is answered 400."""
        return parse_cseq(self.headers.get("CSeq"))

    def to_bytes(self) -> bytes:
        """Return the request as it goes on the wire; Content-Length is that of the body.

        Raises:
            ProtocolError: method or URI cannot stand in a request line (fault LOCAL).
        """
        if not _METHOD.fullmatch(self.method):
            raise _unwritable("the method is no token")
        if not self.uri or self.uri != self.uri.strip() or _UNSAFE_LINE.search(self.uri):
            raise _unwritable("the URI is empty or holds what a request line cannot")
        line = f"{self.method} {self.uri} {self.version}".encode()
        return _written(line, self.headers, self.body)


@dataclass(slots=True)
class Response:
    """An RTSP response (RFC 2326 §7); without a reason it takes the one of its status."""

    status: int
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    reason: str | None = None
    version: str = VERSION

    @property
    def cseq(self) -> int | None:
        """The CSeq of the request it answers, None when it is missing or no number."""
        return parse_cseq(self.headers.get("CSeq"))

    def to_bytes(self, closing: str = "") -> bytes:
        """Return the response as it goes on the wire; Content-Length is that of the body.

        `closing` are lines behind its headers, as `header_lines` makes them.

        Raises:
            ProtocolError: the status has not three digits, or the reason holds a control
                character (fault LOCAL).
        """
        line = _status_line(self.version, self.status, self.reason)
        return _written(line, self.headers, self.body, closing.encode())


@dataclass(slots=True)
class InterleavedFrames:
    """A run of `$` frames that stood together in the stream (RFC 2326 §10.12).

    `by_channel` holds the packets of each channel in the order they came. A channel that only
    brought empty frames has an empty list: a sign of life, no packet.
    """

    by_channel: dict[int, list[bytes]]


def response_bytes(
    status: int, fields: Sequence[tuple[str, str]], closing: str = "", body: bytes = b""
) -> bytes:
    """Return what a `Response` with these fields is on the wire, made in one step.

    `closing` are the lines behind them, which were checked before, as by `header_lines`.

    Raises:
        ProtocolError: as `header_lines`.
    """
    line = _status_line(VERSION, status, None).decode()
    if body:
        closing = f"{closing}Content-Length: {len(body)}\r\n"
    return f"{line}\r\n{header_lines(fields)}{closing}\r\n".encode() + body


def header_lines(fields: Sequence[tuple[str, str]]) -> str:
    """Return fields as lines, for names that are written in the code.

    Raises:
        ProtocolError: a value holds a control character (fault LOCAL, status 500).
    """
    lines = [*map(": ".join, fields), ""]
    # Whatever is unsafe is not printable either, and to ask for that takes a third of the time.
    if not "".join(lines).isprintable() and _UNSAFE_LINE.search("".join(lines)):
        # A tab is fine.
        return Headers(fields).to_bytes().decode()
    return "\r\n".join(lines)


@lru_cache(maxsize=128)
def _status_line(version: str, status: int, reason: str | None) -> bytes:
    reason = reason_of(status) if reason is None else reason
    if not 100 <= status <= 999 or _UNSAFE_LINE.search(reason):
        raise _unwritable("the status or its reason cannot stand in a status line")
    return f"{version} {status:d} {reason}".encode()


def _written(first_line: bytes, headers: Headers, body: bytes, closing: bytes = b"") -> bytes:
    lines, length = headers.to_bytes(), b""
    if b"content-length:" in lines.lower():
        headers = headers.copy()
        headers.set("Content-Length", str(len(body)))
        lines = headers.to_bytes()
    elif body:
        # RFC 2326 §12.14: a message with a body must say its length.
        length = b"Content-Length: %d\r\n" % len(body)
    return b"%b\r\n%b%b%b\r\n%b" % (first_line, lines, closing, length, body)


def _unwritable(message: str) -> ProtocolError:
    return ProtocolError(message, status=500, fault=Fault.LOCAL, where="first line")
