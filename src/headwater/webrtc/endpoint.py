"""What WHEP and WHIP have in common: an offer by POST, and a session that DELETE ends."""

from __future__ import annotations

from abc import ABC, abstractmethod

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from headwater.access.decision import Action
from headwater.http.clearance import Clearance, Cleared
from headwater.http.end_identity import end_identity
from headwater.http.refusal import HttpRefusal
from headwater.http.request import body_of, mount_path_of
from headwater.protocol.webrtc.offer import Offer
from headwater.relay.end import EndIdentity, EndKind
from headwater.relay.relay import Relay
from headwater.side import Side
from headwater.webrtc.service import WebRtcService

SDP = "application/sdp"


class Endpoint(ABC):
    """Answers offers for mounts.

    Attributes:
        name: what stands behind the mount in the address.
        action: what is asked for.
        side: whose limits count.
    """

    name: str
    action: Action
    side: Side

    def __init__(self, relay: Relay, clearance: Clearance, service: WebRtcService) -> None:
        self.relay = relay
        self.service = service
        self._clearance = clearance

    @abstractmethod
    async def answer(
        self, request: Request, cleared: Cleared, path: str, offer: Offer
    ) -> tuple[str, str]:
        """Take in a peer; return its secret, and the answer to its offer."""

    def routes(self) -> list[BaseRoute]:
        """Return what it serves: an address for each mount, and one for each session."""
        place = f"/{{mount:path}}/{self.name}"
        return [
            Route(place, self._offered, methods=["POST", "OPTIONS"]),
            Route(f"{place}/{{secret}}", self._resource, methods=["DELETE", "OPTIONS"]),
        ]

    def identity(self, request: Request, cleared: Cleared, path: str) -> EndIdentity:
        """Return who asks."""
        limits = self.relay.limits.settings
        return end_identity(request, limits, EndKind.WEBRTC, cleared, path, self.side)

    async def _offered(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"Accept-Post": SDP, "Allow": "OPTIONS, POST"})
        limits = self.relay.limits.settings
        path = mount_path_of(request, limits, behind=1)
        cleared = await self._clearance.require(request, self.action, path)
        body = await body_of(request, limits, SDP)
        offer = Offer.parse(body, limits=limits.description_limits())
        secret, text = await self.answer(request, cleared, path, offer)
        session = self.service.session(secret)
        if session is not None:
            session.grant = cleared.grant
        headers = {
            # The secret is in the path: OBS drops a query.
            "Location": f"{request.scope['raw_path'].decode('ascii')}/{secret}",
            "ETag": f'"{secret[:8]}"',
        }
        response = Response(text, status_code=201, media_type=SDP, headers=headers)
        for server in self.service.ice_servers:
            response.headers.append("Link", server.link)
        return response

    async def _resource(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": "DELETE, OPTIONS"})
        session = self.service.session(request.path_params["secret"])
        if session is None or session.closed:
            raise HttpRefusal(404, "this session is over, or never was", code="no_such_session")
        self.relay.close(session, "the peer left")
        # OBS takes 204 for a failure.
        return Response(status_code=200)
