"""Whether a connection is one of HTTP, by its first bytes: for a port that serves RTSP as well."""

from headwater.protocol.client_hello import HANDSHAKE, alpn_names
from headwater.protocol.message_head import http_method

_OF_HTTP = frozenset({b"http/1.1", b"http/1.0"})


def begins_http(data: bytes) -> bool | None:
    """Return whether a connection that begins so is one of HTTP; None where more has to come.

    In clear the version at the end of the first line tells. With TLS it is what the client says in
    its hello that it wants to speak (ALPN, RFC 7301): browsers, curl and OBS say `http/1.1`, and
    players of RTSP, for which there is no name, say nothing.
    """
    if data[:1] == HANDSHAKE:
        names = alpn_names(data)
        return None if names is None else not _OF_HTTP.isdisjoint(names)
    # Some players of RTSP send an empty line first.
    begun = data.lstrip(b"\r\n")
    if b"\n" not in begun:
        return None
    return http_method(begun) is not None
