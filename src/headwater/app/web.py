"""What browsers use of a server: loaded and made only where the settings have a port for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from headwater.app.decoders import can_decode, make_opus, still_of
from headwater.config.settings import Settings
from headwater.log_pace import paced_logger

if TYPE_CHECKING:
    from headwater.api.api import Api
    from headwater.app.api_view import ApiView
    from headwater.dashboard.service import DashboardService
    from headwater.feeds.mount_feeds import MountFeeds
    from headwater.hls.service import HlsService
    from headwater.http.door import HttpDoor
    from headwater.http.http2_door import Http2Door
    from headwater.http.pictures import PictureWishes
    from headwater.http.settings import DecodingPlace
    from headwater.libav.decoding.decodings import Decodings
    from headwater.mse.service import MseService
    from headwater.player.service import PlayerService
    from headwater.relay.relay import Relay
    from headwater.webrtc.service import WebRtcService

logger = paced_logger(__name__)

_NEEDED = ("httptools", "pylibsrtp", "OpenSSL", "starlette", "uvicorn", "websockets")
_NEEDED_FOR_HTTP2 = ("granian",)


@dataclass(frozen=True, slots=True)
class RoomsForWeb:
    """What browsers use of other rooms of the server, asked for when it is needed.

    Attributes:
        feeds: the access units of mounts.
        decodings: the decoders of mounts, for snapshots.
        rtsp_port: the port where other players find the mounts.
        decode_in: where snapshots are decoded.
    """

    feeds: Callable[[], MountFeeds]
    decodings: Callable[[], Decodings]
    rtsp_port: Callable[[], int]
    decode_in: Callable[[], DecodingPlace]

    async def still(self, path: str, wishes: PictureWishes) -> bytes:
        """Return a picture of a mount as a JPEG file."""
        return await still_of(self.decodings(), path, wishes, self.decode_in())


class Web:
    """The door, and the rooms behind it."""

    def __init__(self, relay: Relay, settings: Settings, rooms: RoomsForWeb, view: ApiView) -> None:
        # Loaded here, so that a server without a port for browsers loads none of it.
        from headwater.api.api import Api
        from headwater.dashboard.service import DashboardService
        from headwater.hls.service import HlsService
        from headwater.http.door import HttpDoor
        from headwater.mse.service import MseService
        from headwater.player.service import PlayerService
        from headwater.webrtc.service import WebRtcService
        from headwater.webrtc.whep import Whep
        from headwater.webrtc.whip import Whip

        self._own = view.own
        self.door: HttpDoor = HttpDoor(relay, settings)
        self.http2: Http2Door | None = None
        if settings.http.http2_port is not None:
            from headwater.http.http2_door import Http2Door

            self.http2 = Http2Door(self.door.app, relay.limits, self.door.counters, settings)
        self.api: Api = Api(
            relay,
            self.door.clearance,
            self.door.logins,
            view,
            view,
            rooms.still,
            settings.api,
            settings.http,
            settings.server.publish_port,
        )
        # In front of what mounts have: no page of a mount is at an address of the API.
        self.door.add(self.api.routes())
        self.dashboard: DashboardService = DashboardService()
        self.door.add(self.dashboard.routes())
        to_opus = partial(make_opus, relay.loop.beneath) if can_decode() else None
        self.webrtc: WebRtcService = WebRtcService(relay, settings, to_opus)
        for endpoint in (Whep, Whip):
            self.door.add(endpoint(relay, self.door.clearance, self.webrtc).routes())
        self.mse: MseService = MseService(relay, self.door.clearance, rooms.feeds())
        self.door.add(self.mse.routes())
        self.hls: HlsService = HlsService(relay, self.door.clearance, rooms.feeds())
        self.door.add(self.hls.routes())
        self.door.add_quick(self.hls.quick)
        self.player: PlayerService = PlayerService(
            relay,
            self.door.clearance,
            settings,
            rtsp_port=rooms.rtsp_port,
            still=rooms.still,
            ways=lambda: (
                "hls",
                *(("snapshots",) if can_decode() else ()),
            ),
            makes_opus=to_opus is not None,
            ice_servers=lambda: [server.told for server in self.webrtc.ice_servers],
        )
        self.door.add(self.player.routes())
        self.door.add_last(self.player.last_routes())

    @property
    def port(self) -> int:
        """The port that is bound."""
        return self.door.port

    def open(self, hosts: Sequence[str]) -> None:
        """Bind the ports and serve. Raises OSError, with the port in its message."""
        self.door.open(hosts)
        if self.http2 is not None:
            self.http2.open(hosts)
            logger.info("HTTP/2 served", extra={"port": self.http2.port})
        self.webrtc.open(hosts)
        self.api.say_who_may()
        self._own.keep_log()

    def apply(self, settings: Settings) -> None:
        """Go by other settings."""
        self.door.apply(settings)
        self.player.apply(settings)
        self.webrtc.apply(settings)
        self.api.go_by(settings.api, settings.http)

    def close(self) -> None:
        """Take nobody in any more; a second call does nothing."""
        self.door.close()
        if self.http2 is not None:
            self.http2.close()
        self.api.kept.close()

    def abandon(self) -> None:
        """Close every port at once, without a word to anybody."""
        self.close()
        if self.http2 is not None:
            self.http2.abandon()
        self.webrtc.close()

    async def aclose(self) -> None:
        """End everything, once the relay has sent everybody away."""
        self.hls.close()
        self.webrtc.close()
        if self.http2 is not None:
            await self.http2.aclose()
        await self.door.aclose()


def make_web(relay: Relay, settings: Settings, rooms: RoomsForWeb, view: ApiView) -> Web | None:
    """Return what serves browsers; None where the settings have no port for them.

    Raises ValueError where a package that it needs is not installed.
    """
    if settings.http.port is None:
        return None
    _require("http.port", settings.http.port, _NEEDED, extra="web")
    if settings.http.http2_port is not None:
        _require("http.http2_port", settings.http.http2_port, _NEEDED_FOR_HTTP2, extra="http2")
    return Web(relay, settings, rooms, view)


def _require(setting: str, port: int, packages: Sequence[str], *, extra: str) -> None:
    """Raise ValueError where a package is not installed that a port needs."""
    try:
        for name in packages:
            import_module(name)
    except ImportError as error:
        raise ValueError(
            f"{setting} is {port}; it needs the package {error.name}: "
            f"in the folder of Headwater's source, pip install '.[{extra}]'"
        ) from error
