"""DESCRIBE (RFC 2326 §10.2): the presentation of a mount."""

from __future__ import annotations

from headwater.media.mount import Mount
from headwater.protocol.header.via import mount_name, via_value
from headwater.protocol.message import Request
from headwater.protocol.status import Status
from headwater.relay.finding import Wanted
from headwater.relay.relay import Relay
from headwater.server.clearance import Clearance
from headwater.server.exchange import Exchange, hook_request
from headwater.server.refusal import Refusal
from headwater.server.sessions.lookup import SessionLookup
from headwater.side import Side

_SDP = "application/sdp"
_CONTENT_TYPE = ("Content-Type", _SDP)
_NO_CACHE = ("Cache-Control", "no-cache")


class Describe:
    """Answers DESCRIBE."""

    def __init__(self, clearance: Clearance, relay: Relay, lookup: SessionLookup) -> None:
        self._clearance = clearance
        self._relay = relay
        self._finding = relay.finding
        self._lookup = lookup

    async def answer(self, exchange: Exchange) -> bytes:
        """Return the mount's SDP with our controls and addresses, or 404 if nobody publishes."""
        path = exchange.url.path
        if not self._clearance.at_once(exchange, Side.PLAY, path):
            await self._clearance.require(exchange, Side.PLAY, path)
        asked = exchange.asked
        if asked.get("accept") != _SDP and not _accepts_sdp(exchange.request):
            raise Refusal(Status.NOT_ACCEPTABLE, f"a description is available only as {_SDP}")
        node = exchange.connection.node
        # A node asks for a mount of a certain claim, which need not be the one that is here.
        mount = self._finding.here(path) if node is None else None
        if mount is None:
            wanted = Wanted(path, hook_request(exchange, Side.PLAY, path), node)
            mount = await self._finding.find(wanted)
            if mount is None:
                raise Refusal(Status.NOT_FOUND, f"nobody publishes on {path}")
        self._lookup.touch_named(exchange)
        headers = [("Content-Base", exchange.url.base), _CONTENT_TYPE, _NO_CACHE]
        if "via" in asked:
            headers.append(self._via(mount))
        return exchange.answer(
            headers,
            body=mount.description(exchange.connection.local_ip),
        )

    def _via(self, mount: Mount) -> tuple[str, str]:
        """Tell a server that fetches this where the media has been, so that it sees a circle."""
        own = mount_name(self._relay.id, mount.path)
        return "Via", via_value((*self._relay.passed(mount), own))


def _accepts_sdp(request: Request) -> bool:
    accept = request.headers.get_list("Accept")
    offered = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
    return bool(offered & {_SDP, "application/*", "*/*", "*", ""})
