"""The head of a request as nearly every client writes it, read in a few steps.

What is written in any other way, and whatever is wrong, is for `message_head`, which reads line by
line and says what is wrong where. Both read a plain head alike.
"""

import re

from headwater.protocol.headers import Headers
from headwater.protocol.message import Request
from headwater.protocol.wire_limits import WireLimits

# Nothing in front of the first blank, colon or line end may be one itself: no step looks back.
_REQUEST_LINE = re.compile(r"([A-Za-z][A-Za-z0-9_.\-]*) ([!-~]+) RTSP/1\.0\r\n")
_FIELDS = re.compile(r"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t -~]*\r\n)*\r\n")
_FIELD = re.compile(r"([^:\r\n]+):([^\r\n]*)\r\n")


def plain_request(head: bytes, limits: WireLimits) -> Request | None:
    """Return the request; None where its head must be read line by line.

    Args:
        head: the lines with their ends, the empty line included.
        limits: bounds of URI and headers; a head that may be beyond one of them is not plain.
    """
    if not head.isascii():
        return None
    text = head.decode("ascii")
    line = _REQUEST_LINE.match(text)
    if line is None or not _FIELDS.fullmatch(text, line.end()):
        return None
    items = text.count(",") + text.count(";") + text.count('"')
    if len(text) > limits.max_uri_bytes or items > limits.max_header_items:
        return None
    fields = [(name, value.strip()) for name, value in _FIELD.findall(text, line.end())]
    if len(fields) > limits.max_header_count:
        return None
    return Request(line[1], line[2], Headers.of(fields))
