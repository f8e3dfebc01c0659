"""WHIP (RFC 9725): the offer of who wants to publish is answered by one request."""

from __future__ import annotations

from starlette.requests import Request

from headwater.access.decision import Action
from headwater.http.clearance import Cleared
from headwater.http.refusal import HttpRefusal
from headwater.http.request import connection_of
from headwater.protocol.webrtc.offer import Offer
from headwater.side import Side
from headwater.webrtc.endpoint import Endpoint
from headwater.webrtc.negotiation import agree_to_receive


class Whip(Endpoint):
    """Answers the requests of those who want to publish."""

    name = "whip"
    action = Action.PUBLISH
    side = Side.PUBLISH

    async def answer(
        self, request: Request, cleared: Cleared, path: str, offer: Offer
    ) -> tuple[str, str]:
        """Take in a publisher; return its secret, and the answer to its offer."""
        sections, tracks = agree_to_receive(offer)
        if not tracks:
            raise HttpRefusal(
                406,
                "the offer sends nothing that this server takes: H.264, H.265, VP8, VP9 or AV1, "
                "and Opus or G.711",
                code="no_common_codec",
            )
        return self.service.publish(
            self.identity(request, cleared, path),
            offer,
            sections,
            tracks,
            connection_of(request).stream.local_address[0],
        )
