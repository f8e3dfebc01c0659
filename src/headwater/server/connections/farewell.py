"""The last answer to a peer that is not served: in the protocol that it speaks."""

from __future__ import annotations

from headwater.protocol.message import Response
from headwater.protocol.message_head import http_method, salvaged_cseq
from headwater.server.refusal import Refusal, refusal_response

_HTTP_VERSION = "HTTP/1.1"


def farewell(refusal: Refusal, first_bytes: bytes) -> bytes:
    """Return the answer to a peer that is turned away, by the first bytes that it sent."""
    response = refusal_response(refusal)
    if method := http_method(first_bytes):
        speak_http(response, method)
    # RFC 2326 §12.17: the response MUST have the CSeq of the request.
    elif (cseq := salvaged_cseq(first_bytes)) is not None:
        response.headers.set("CSeq", str(cseq))
    return response.to_bytes()


def speak_http(response: Response, method: str) -> None:
    """Make the answer one of HTTP, behind which the connection is closed."""
    response.version = _HTTP_VERSION
    response.headers.set("Connection", "close")
    if method == "HEAD":
        # RFC 9110 §9.3.2: the server MUST NOT send content in response to HEAD.
        response.body = b""
