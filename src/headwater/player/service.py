"""The routes of the player: the page, what it asks of a mount, snapshots, and its files."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from headwater.access.decision import Action
from headwater.http.asked_mount import asked_mount
from headwater.http.assets import PREFIX, SHARED, Assets
from headwater.http.clearance import Clearance
from headwater.http.logins import login_of
from headwater.http.pictures import PictureWishes, Still, picture_of
from headwater.http.refusal import HttpRefusal
from headwater.http.request import mount_path_of
from headwater.http.settings import HttpSettings
from headwater.media.mount import Mount
from headwater.player.about import as_json, tracks_of, ways_of
from headwater.player.page import page_of, policy_of
from headwater.relay.errors import SourceDown, SourceTooSlow
from headwater.relay.relay import Relay

SCRIPT: Final = "headwater-player.js"


class ServerSettings(Protocol):
    """What the player reads of how RTSP is served."""

    @property
    def tls_only(self) -> bool:
        """Whether RTSP is served by TLS alone."""


class PlayerSettings(Protocol):
    """The sections that the player reads."""

    @property
    def http(self) -> HttpSettings:
        """Which sites may use it."""

    @property
    def server(self) -> ServerSettings:
        """Whether RTSP is to be encrypted."""


class PlayerService:
    """Serves the page of every mount."""

    def __init__(
        self,
        relay: Relay,
        clearance: Clearance,
        settings: PlayerSettings,
        *,
        rtsp_port: Callable[[], int],
        still: Still,
        ways: Callable[[], Sequence[str]],
        makes_opus: bool = False,
        ice_servers: Callable[[], Sequence[Mapping[str, str]]] = tuple,
    ) -> None:
        """Make the routes' owner.

        Args:
            relay: whose mounts are shown.
            clearance: who may see them.
            settings: which sites may show the page in a frame.
            rtsp_port: tells the port where other players find the mounts.
            still: makes snapshots.
            ways: tells what there is to play by beside WebRTC and MSE.
            makes_opus: whether the server can make Opus of AAC.
            ice_servers: what peer connections are to be made with.
        """
        self._ice_servers = ice_servers
        self._makes_opus = makes_opus
        self._relay = relay
        self._clearance = clearance
        self._settings = settings
        self._rtsp_port = rtsp_port
        self._still = still
        self._ways = ways
        self.assets = Assets.of_packages("headwater.player.assets", SHARED)

    def apply(self, settings: PlayerSettings) -> None:
        """Go by other settings from the next request on."""
        self._settings = settings

    def routes(self) -> list[BaseRoute]:
        """Return what goes before the routes of pages."""
        return [
            self.assets.route(),
            Route(f"{PREFIX}{SCRIPT}", self._script, methods=["GET"]),
            Route("/{mount:path}/about", self._about, methods=["GET"]),
            Route("/{mount:path}/snapshot.jpg", self._snapshot, methods=["GET"]),
        ]

    def last_routes(self) -> list[BaseRoute]:
        """Return the pages, whose addresses are those of all mounts."""
        return [Route("/{mount:path}", self._page, methods=["GET"])]

    async def _script(self, _request: Request) -> Response:
        # The address for pages of other sites; what it leads to changes with each version.
        return RedirectResponse(self.assets.url(SCRIPT), headers={"Cache-Control": "no-cache"})

    async def _page(self, request: Request) -> Response:
        if request.scope["path"].startswith(PREFIX) or request.scope["path"] == "/":
            raise HTTPException(404)
        path = mount_path_of(request, self._relay.limits.settings)
        is_here = self._relay.mounts.get(path) is not None
        if not is_here and "text/html" not in request.headers.get("Accept", ""):
            raise HTTPException(404)
        await self._clearance.require(request, Action.PLAY, path)
        embedded = "embed" in request.query_params
        text = page_of(path, self.assets.url, embedded=embedded)
        framed_by = self._settings.http.allowed_origins
        policy = policy_of(request.headers.get("Host", ""), framed_by)
        return Response(
            text,
            media_type="text/html",
            headers={"Content-Security-Policy": policy, "Cache-Control": "no-cache"},
        )

    async def _about(self, request: Request) -> Response:
        path = mount_path_of(request, self._relay.limits.settings, behind=1)
        await self._clearance.require(request, Action.PLAY, path)
        scheme = "rtsps" if self._settings.server.tls_only else "rtsp"
        told: dict[str, object] = {
            "path": path,
            "rtsp": {"scheme": scheme, "port": self._rtsp_port()},
            "ways": {},
            "tracks": [],
            "pictures": False,
            "sound": False,
        }
        try:
            mount = await asked_mount(request, self._relay, path)
        except (HttpRefusal, SourceDown, SourceTooSlow) as error:
            # Players wait for it, and look again; so it is no failure of theirs to ask.
            told |= {"state": "away", "detail": str(error)}
        else:
            told |= self._of_mount(mount)
        login = login_of(request)
        told["csrf"] = None if login is None else login.csrf
        told["server_unix_s"] = time.time()
        return Response(json.dumps(told), media_type="application/json")

    def _of_mount(self, mount: Mount) -> dict[str, object]:
        kinds = {track.media.kind for track in mount.tracks}
        return {
            "state": "live",
            "tracks": tracks_of(mount),
            "ice_servers": [dict(server) for server in self._ice_servers()],
            "ways": as_json(ways_of(mount, self._ways(), makes_opus=self._makes_opus)),
            "pictures": "video" in kinds,
            "sound": "audio" in kinds,
        }

    async def _snapshot(self, request: Request) -> Response:
        path = mount_path_of(request, self._relay.limits.settings, behind=1)
        await self._clearance.require(request, Action.PLAY, path)
        await asked_mount(request, self._relay, path)
        return await picture_of(self._still, path, PictureWishes())
