"""DESCRIBE (RFC 2326 §10.2): the presentation of a mount."""

from __future__ import annotations

from headwater.protocol.message import Request, Response
from headwater.protocol.status import Status
from headwater.relay.finding import MountFinding, Wanted
from headwater.server.clearance import Clearance
from headwater.server.exchange import Exchange, hook_request
from headwater.server.refusal import Refusal
from headwater.server.sessions.lookup import SessionLookup
from headwater.side import Side

_SDP = "application/sdp"


class Describe:
    """Answers DESCRIBE."""

    def __init__(self, clearance: Clearance, finding: MountFinding, lookup: SessionLookup) -> None:
        self._clearance = clearance
        self._finding = finding
        self._lookup = lookup

    async def answer(self, exchange: Exchange) -> Response:
        """Return the mount's SDP with our controls and addresses, or 404 if nobody publishes."""
        path = await self._clearance.require_by_uri(exchange, Side.PLAY)
        if exchange.asked.get("accept") != _SDP and not _accepts_sdp(exchange.request):
            raise Refusal(Status.NOT_ACCEPTABLE, f"a description is available only as {_SDP}")
        mount = self._finding.here(path)
        if mount is None:
            wanted = Wanted(path, hook_request(exchange, Side.PLAY, path))
            mount = await self._finding.find(wanted)
        if mount is None:
            raise Refusal(Status.NOT_FOUND, f"nobody publishes on {path}")
        self._lookup.touch_named(exchange)
        return exchange.answer(
            [
                ("Content-Base", exchange.url.base),
                ("Content-Type", _SDP),
                ("Cache-Control", "no-cache"),
            ],
            body=mount.description(exchange.connection.local_ip),
        )


def _accepts_sdp(request: Request) -> bool:
    accept = request.headers.get_list("Accept")
    offered = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
    return bool(offered & {_SDP, "application/*", "*/*", "*", ""})
