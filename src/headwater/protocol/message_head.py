"""The head of a message: first line and headers, read once it is whole."""

import re

from headwater.protocol.errors import HttpSpoken, LimitExceeded, ProtocolError
from headwater.protocol.headers import Headers
from headwater.protocol.message import Request, Response
from headwater.protocol.wire_limits import WireLimits

_METHOD = re.compile(r"[A-Za-z][A-Za-z0-9_.\-]*")
_VERSION = re.compile(r"RTSP/([0-9]{1,3})\.([0-9]{1,3})", re.IGNORECASE)
_STATUS = re.compile(r"[1-9][0-9]{2}")
_CONTENT_LENGTH = re.compile(r"[0-9]{1,10}")
_RAW_CSEQ = re.compile(rb"^CSeq[ \t]*:[ \t]*([0-9]{1,10})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_RAW_CONTENT_LENGTH = re.compile(
    rb"^Content-Length[ \t]*:[ \t]*([0-9]{1,10})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE
)


def parse_head(head: bytes, *, offset: int, limits: WireLimits) -> Request | Response:
    """Read first line and headers of a message, body not included.

    Args:
        head: the lines with their ends, the empty line included.
        offset: position of the head in its stream, for the errors.
        limits: bounds of URI and number of headers.

    Raises:
        ProtocolError: 400, 414 or 505; fatal when the peer speaks HTTP.
    """
    raw_line, _, block = head.partition(b"\n")
    try:
        line = raw_line.decode("utf-8")
    except UnicodeDecodeError:
        line = raw_line.decode("latin-1")
    line = line.strip(" \t\r")
    if "\r" in line:
        raise ProtocolError("bare CR", where="first line", offset=offset)
    if line[:5].upper() == "RTSP/":
        version, code, reason = _status_line(line, offset)
        headers = _headers(block, raw_line, offset, limits)
        return Response(code, headers, reason=reason, version=version)
    method, uri, version = _request_line(line, offset)
    if len(raw_line) > limits.max_uri_bytes and len(uri.encode()) > limits.max_uri_bytes:
        raise LimitExceeded(
            f"a URI longer than {limits.max_uri_bytes} bytes",
            limit="max_uri_bytes",
            status=414,
            where="request line",
            offset=offset,
        )
    return Request(method, uri, _headers(block, raw_line, offset, limits), version=version)


def _headers(block: bytes, raw_line: bytes, offset: int, limits: WireLimits) -> Headers:
    return Headers.parse(
        block,
        offset=offset + len(raw_line) + 1,
        max_count=limits.max_header_count,
        max_items=limits.max_header_items,
        crlf=raw_line.endswith(b"\r"),
    )


def declared_body_bytes(headers: Headers, *, max_body_bytes: int) -> int:
    """Return the length of the body that follows, 0 without Content-Length (RFC 2326 §12.14).

    Raises:
        ProtocolError: 400 when it is no number or there are two, 413 when it is beyond the
            bound; fatal, for nobody knows where the next message begins.
    """
    if headers.get("Content-Length") is None:
        return 0
    values = headers.get_all("Content-Length")
    if len(set(values)) > 1 or not _CONTENT_LENGTH.fullmatch(values[0]):
        raise ProtocolError(
            "Content-Length is not a number of bytes", where="Content-Length", fatal=True
        )
    size_bytes = int(values[0])
    if size_bytes > max_body_bytes:
        raise LimitExceeded(
            f"a body of {size_bytes} bytes; {max_body_bytes} are taken",
            limit="max_body_bytes",
            where="Content-Length",
            fatal=True,
        )
    return size_bytes


def http_method(first_bytes: bytes) -> str | None:
    """Return the method of a request of HTTP, by its first line; None of anything else."""
    line = first_bytes.partition(b"\n")[0].decode("latin-1").strip()
    method, _, rest = line.partition(" ")
    return method if _is_http(rest.rpartition(" ")[2]) else None


def salvaged_cseq(head: bytes) -> int | None:
    """Return the CSeq of a head that could not be read, so that it can be answered."""
    found = _RAW_CSEQ.search(head)
    return int(found[1]) if found else None


def salvaged_body_bytes(head: bytes) -> int | None:
    """Return the Content-Length of a head that could not be read; None when it has none."""
    found = _RAW_CONTENT_LENGTH.search(head)
    return int(found[1]) if found else None


def _status_line(line: str, offset: int) -> tuple[str, int, str]:
    version, _, rest = line.partition(" ")
    _check_version(version, offset)
    code, _, reason = rest.strip().partition(" ")
    if not _STATUS.fullmatch(code):
        raise ProtocolError("the status is not a number", where="status line", offset=offset)
    return version, int(code), reason.strip().replace("\t", " ")


def _request_line(line: str, offset: int) -> tuple[str, str, str]:
    # A URI may hold blanks, though it should not: method and version are cut off at the ends.
    method, _, rest = line.partition(" ")
    uri, _, version = rest.rpartition(" ")
    if _is_http(version):
        raise HttpSpoken(method=method, offset=offset)
    uri = uri.strip()
    if not _METHOD.fullmatch(method) or not uri:
        raise ProtocolError(
            "a request line needs method, URI and version", where="request line", offset=offset
        )
    if "\t" in uri:
        raise ProtocolError("a tab in the URI", where="request line", offset=offset)
    _check_version(version, offset)
    return method, uri, version


def _is_http(version: str) -> bool:
    return version[:5].upper() == "HTTP/"


def _check_version(version: str, offset: int) -> None:
    parsed = _VERSION.fullmatch(version)
    if parsed is None:
        raise ProtocolError("the version is not RTSP/1.0", where="first line", offset=offset)
    # RFC 2326 §3.1 with RFC 2068 §3.1: another minor version changes no framing.
    if int(parsed[1]) != 1:
        raise ProtocolError(
            f"{version} is not supported; use RTSP/1.0",
            status=505,
            where="first line",
            offset=offset,
        )
