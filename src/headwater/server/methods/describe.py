"""DESCRIBE (RFC 2326 §10.2): the presentation of a mount."""

from __future__ import annotations

from headwater.protocol.message import Response
from headwater.protocol.status import Status
from headwater.server.exchange import Exchange
from headwater.server.refusal import Refusal
from headwater.server.role import Role
from headwater.server.session_lookup import touch_named_session

_SDP = "application/sdp"


def _accepts_sdp(accept: str) -> bool:
    offered = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
    return bool(offered & {_SDP, "application/*", "*/*", "*", ""})


async def answer(exchange: Exchange) -> Response:
    """The mount's SDP with our controls and addresses; 404 at once where nobody publishes."""
    service, connection, request = exchange.service, exchange.connection, exchange.request
    uri, path = await service.gate.admit_by_uri(exchange, Role.PLAY)
    if not _accepts_sdp(request.headers.get_list("Accept")):
        raise Refusal(Status.NOT_ACCEPTABLE, f"a description is available only as {_SDP}")
    mount = service.mounts.get(path)
    if mount is None:
        raise Refusal(Status.NOT_FOUND, f"nobody publishes on {path}")
    touch_named_session(exchange)
    return exchange.answer(
        [
            ("Content-Base", f"{uri.without_credentials.rstrip('/')}/"),
            ("Content-Type", _SDP),
            ("Cache-Control", "no-cache"),
        ],
        body=mount.description(connection.local_ip),
    )
