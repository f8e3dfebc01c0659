"""WHEP (draft-ietf-wish-whep): the offer of who wants to watch is answered by one request."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request

from headwater.access.decision import Action
from headwater.http.asked_mount import asked_mount
from headwater.http.clearance import Cleared
from headwater.http.refusal import HttpRefusal
from headwater.http.request import connection_of
from headwater.protocol.webrtc.offer import Offer
from headwater.side import Side
from headwater.webrtc.endpoint import Endpoint
from headwater.webrtc.mount_view import MountView
from headwater.webrtc.negotiation import Agreement, agree

_ORDER_SHOWS_S: Final = 0.5


class Whep(Endpoint):
    """Answers the requests of those who want to watch."""

    name = "whep"
    action = Action.PLAY
    side = Side.PLAY

    async def answer(
        self, request: Request, cleared: Cleared, path: str, offer: Offer
    ) -> tuple[str, str]:
        """Take in a viewer; return its secret, and the answer to its offer."""
        view = self.service.view_of(await asked_mount(request, self.relay, path))
        view.enter()
        try:
            # Right behind a key frame nobody can tell yet.
            await view.until_order_shows(_ORDER_SHOWS_S)
            return self.service.watch(
                self.identity(request, cleared, path),
                view,
                offer,
                _agreed(view, offer),
                connection_of(request).stream.local_address[0],
            )
        finally:
            view.leave()


def _agreed(view: MountView, offer: Offer) -> Agreement:
    """Return what browser and mount have in common; raise HttpRefusal where that is too little."""
    if view.reordered:
        raise HttpRefusal(
            406,
            f"{view.mount.path} has B-frames, which WebRTC cannot show: play it by MSE or HLS, or "
            "have its encoder send none",
            code="b_frames",
        )
    agreement = agree(offer, view.tracks.values())
    video = [track for track in view.tracks.values() if track.is_video]
    shown = any(track.index in agreement.payload_types for track in video)
    if not agreement.payload_types or (video and not shown and _wants_video(offer)):
        sent = ", ".join(track.media.encoding or "?" for track in view.mount.tracks)
        raise HttpRefusal(
            406,
            f"{view.mount.path} has {sent}, and the offer takes none of it that WebRTC can carry",
            code="no_common_codec",
        )
    return agreement


def _wants_video(offer: Offer) -> bool:
    return any(section.kind == "video" and not section.rejected for section in offer.sections)
