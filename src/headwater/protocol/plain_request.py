"""The head of a request as nearly every client writes it, read in a few steps.

What is written in any other way, what has a body, and whatever is wrong, is for `message_head`,
which reads line by line and says what is wrong where. Both read a plain head alike.
"""

import re

from headwater.protocol.headers import Headers
from headwater.protocol.message import Request
from headwater.protocol.wire_limits import WireLimits

# Nothing in front of the first blank, colon or line end may be one itself: no step looks back.
_HEAD = re.compile(
    rb"([A-Za-z][A-Za-z0-9_.\-]{0,39}+) ([!-~]++) RTSP/1\.0\r\n"
    rb"((?:[!#$%&'*+\-.^_`|~0-9A-Za-z]++:[\t -~]*+\r\n)*+)\r\n"
)
_FIELD = re.compile(r"([^:]++):[\t ]*+([^\r]*+)\r\n")
# The value without the blanks behind it as well.
_FIELD_WITH_BLANKS = re.compile(r"([^:\r\n]+):[\t ]*([^\r\n]*[^\r\n\t ])?[\t ]*\r\n")


def plain_request(data: bytes, start: int, limits: WireLimits) -> tuple[Request, int] | None:
    """Return the request that begins at `start` of the data, and where its head ends.

    None where its head must be read line by line, is not whole, or may be beyond one of the limits.
    """
    head = _HEAD.match(data, start, start + limits.max_header_bytes)
    if head is None:
        return None
    method, uri, lines = map(bytes.decode, head.groups())
    has_blanks = " \r" in lines or "\t\r" in lines
    fields = (_FIELD_WITH_BLANKS if has_blanks else _FIELD).findall(lines)
    most_items = limits.max_header_items
    if (
        len(uri) > limits.max_uri_bytes
        or len(fields) > limits.max_header_count
        # A short head needs no counting.
        or (len(lines) > most_items and sum(map(lines.count, ',;"')) > most_items)
        or "content-length" in lines.lower()
    ):
        return None
    return Request(method, uri, Headers.of(fields)), head.end()
