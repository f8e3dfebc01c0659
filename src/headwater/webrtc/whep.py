"""WHEP (draft-ietf-wish-whep): a browser's offer for a mount is answered by one request."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from headwater.access.decision import Action
from headwater.http.clearance import Clearance, Cleared
from headwater.http.refusal import HttpRefusal
from headwater.http.request import body_of, connection_of, mount_path_of
from headwater.media.mount import Mount
from headwater.net.socket_address import address_block, address_text
from headwater.protocol.webrtc.offer import Offer
from headwater.relay.end import EndIdentity, EndKind
from headwater.relay.relay import Relay, new_end_id
from headwater.side import Side
from headwater.webrtc.mount_view import MountView
from headwater.webrtc.negotiation import Agreement, agree
from headwater.webrtc.service import WebRtcService

SDP = "application/sdp"
_NOBODY = ("Retry-After", "2")


class Whep:
    """Answers the requests of those who want to watch."""

    def __init__(self, relay: Relay, clearance: Clearance, service: WebRtcService) -> None:
        self._relay = relay
        self._clearance = clearance
        self._service = service

    def routes(self) -> list[BaseRoute]:
        """Return what it serves: an endpoint for each mount, a resource for each viewer."""
        return [
            Route("/{mount:path}/whep", self._endpoint, methods=["POST", "OPTIONS"]),
            Route("/{mount:path}/whep/{secret}", self._resource, methods=["DELETE", "OPTIONS"]),
        ]

    async def _endpoint(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"Accept-Post": SDP, "Allow": "OPTIONS, POST"})
        limits = self._relay.limits.settings
        path = mount_path_of(request, limits, behind=1)
        cleared = await self._clearance.require(request, Action.PLAY, path)
        body = await body_of(request, limits, SDP)
        offer = Offer.parse(body, limits=limits.description_limits())
        mount = self._mount(path)
        view = self._service.view_of(mount)
        view.enter()
        try:
            agreement = _agreed(view, offer)
            secret, answer = self._service.watch(
                self._identity(request, cleared, path),
                view,
                offer,
                agreement,
                connection_of(request).stream.local_address[0],
            )
        finally:
            view.leave()
        viewer = self._service.viewer(secret)
        if viewer is not None:
            viewer.grant = cleared.grant
        headers = {
            "Location": f"{request.scope['raw_path'].decode('ascii')}/{secret}",
            "ETag": f'"{secret[:8]}"',
        }
        return Response(answer, status_code=201, media_type=SDP, headers=headers)

    async def _resource(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": "DELETE, OPTIONS"})
        viewer = self._service.viewer(request.path_params["secret"])
        if viewer is None or viewer.closed:
            raise HttpRefusal(404, "this session is over, or never was", code="no_such_session")
        self._relay.close(viewer, "the peer left")
        # OBS takes 204 for a failure.
        return Response(status_code=200)

    def _mount(self, path: str) -> Mount:
        mount = self._relay.mounts.get(path)
        if mount is None or mount.publisher is None:
            raise HttpRefusal(
                404,
                f"nobody publishes on {path} now; try again when its publisher is there",
                code="no_such_mount",
                headers=[_NOBODY],
            )
        return mount

    def _identity(self, request: Request, cleared: Cleared, path: str) -> EndIdentity:
        connection = connection_of(request)
        host = connection.peer[0]
        return EndIdentity(
            id=new_end_id(),
            kind=EndKind.WEBRTC,
            side=Side.PLAY,
            path=path,
            peer=address_text(connection.peer),
            peer_ip=host,
            address_block=address_block(host, self._relay.limits.settings.ipv6_prefix_bits),
            username=cleared.username,
            user_agent=request.headers.get("User-Agent", ""),
            secure=True,
        )


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
