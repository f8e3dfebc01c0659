"""Who a publisher or reader is that came by a request of the web."""

from __future__ import annotations

from starlette.requests import HTTPConnection

from headwater.http.clearance import Cleared
from headwater.http.request import connection_of
from headwater.net.socket_address import address_block, address_text
from headwater.relay.end import EndIdentity, EndKind
from headwater.relay.limit_settings import LimitSettings
from headwater.relay.relay import new_end_id
from headwater.side import Side


def end_identity(
    request: HTTPConnection,
    limits: LimitSettings,
    kind: EndKind,
    cleared: Cleared,
    path: str,
    side: Side = Side.PLAY,
) -> EndIdentity:
    """Return what logs, limits and status name an end by, with an id of its own."""
    connection = connection_of(request)
    host = connection.peer[0]
    return EndIdentity(
        id=new_end_id(),
        kind=kind,
        side=side,
        path=path,
        peer=address_text(connection.peer),
        peer_ip=host,
        address_block=address_block(host, limits.ipv6_prefix_bits),
        username=cleared.username,
        user_agent=request.headers.get("User-Agent", ""),
        # Media of WebRTC is always encrypted, whatever the offer came by.
        secure=kind is EndKind.WEBRTC or connection.stream.secure,
    )
