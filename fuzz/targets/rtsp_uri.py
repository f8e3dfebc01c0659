"""RTSP URIs."""

from __future__ import annotations

from fuzz.target import Target, check_blame, text_of
from headwater.protocol.errors import ProtocolError
from headwater.protocol.rtsp_uri import RtspUri


def run(data: bytes) -> None:
    try:
        uri = RtspUri.parse(text_of(data))
    except ProtocolError as error:
        check_blame(error)
        return
    assert uri.port is None or 1 <= uri.port <= 65_535
    assert 1 <= uri.effective_port <= 65_535
    shown = uri.without_credentials
    again = RtspUri.parse(shown)
    assert (again.scheme, again.host, again.port) == (uri.scheme, uri.host, uri.port), shown
    assert (again.path, again.query) == (uri.path, uri.query), shown
    assert again.username is None
    assert again.password is None
    assert str(uri) == shown
    if uri.password and len(uri.password) > 8:
        assert repr(uri.password) not in repr(uri).replace(repr(uri.username), "")


TARGET = Target(
    invariant="any text is a URI that reads the same without its credentials, or a ProtocolError",
    run=run,
    words=tuple(
        b"rtsp:// rtsps:// rtspu:// http:// user:pass@ @ [::1] [fe80::1%25eth0] :554 :65536 / "
        b"/a/b ? ?x=1 % %2F %00 %2e%2e * // #".split()
    ),
)
