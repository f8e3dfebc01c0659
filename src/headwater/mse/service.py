"""MSE of one server: which mounts are watched so, and the route on which browsers come."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from headwater.access.decision import Action
from headwater.codecs.depacketizers import TrackFormat
from headwater.codecs.mp4.sample_entry import ENCODINGS
from headwater.feeds.mount_feeds import MountFeeds, UnknownCodecs
from headwater.http.asked_mount import asked_mount
from headwater.http.clearance import Clearance, Cleared
from headwater.http.end_identity import end_identity
from headwater.http.refusal import HttpRefusal, refusal_of
from headwater.http.request import mount_path_of, stream_of
from headwater.media.errors import MountClosed, MountFull
from headwater.media.mount import Mount
from headwater.mse.mount_fragments import MountFragments
from headwater.mse.viewer import MseViewer
from headwater.relay.end import EndKind
from headwater.relay.errors import LimitReached, ServerStopping
from headwater.relay.relay import Relay
from headwater.side import Side

_POLICY_VIOLATION: Final = 1008
_MOST_FAMILIES: Final = 64
_MOST_SAID: Final = 16
"""Messages of one browser: the first one counts, and it has no reason to send more."""


class MseService:
    """Takes in those who watch by MSE.

    They say what they can play, hear the MIME type, and get one message for each frame.
    """

    def __init__(self, relay: Relay, clearance: Clearance, feeds: MountFeeds) -> None:
        self._relay = relay
        self._clearance = clearance
        self._feeds = feeds
        self._fragments: dict[Mount, MountFragments] = {}

    def __len__(self) -> int:
        return len(self._fragments)

    def __iter__(self) -> Iterator[MountFragments]:
        return iter(tuple(self._fragments.values()))

    def routes(self) -> list[BaseRoute]:
        """Return what it serves."""
        return [WebSocketRoute("/{mount:path}/mse", self._endpoint)]

    async def _endpoint(self, socket: WebSocket) -> None:
        path = mount_path_of(socket, self._relay.limits.settings, behind=1)
        cleared = await self._clearance.require(socket, Action.PLAY, path)
        _require_place(await asked_mount(socket, self._relay, path))
        await socket.accept()
        try:
            viewer = await self._watch(socket, cleared, path)
        except WebSocketDisconnect:
            return
        except (HttpRefusal, LimitReached, ServerStopping, MountFull, MountClosed) as error:
            await _tell(socket, refusal_of(error))
            return
        left = True
        try:
            left = await _left(socket)
        finally:
            if left:
                self._relay.close(viewer, "the peer left")
            else:
                self._relay.send_away(viewer, "the peer says more than it has reason to")

    async def _watch(self, socket: WebSocket, cleared: Cleared, path: str) -> MseViewer:
        families = await self._families(socket)
        # It may have gone, or be another one, since the WebSocket was accepted.
        mount = await asked_mount(socket, self._relay, path)
        relay = self._relay
        identity = end_identity(socket, relay.limits.settings, EndKind.MSE, cleared, path)
        relay.require_room(Side.PLAY, identity.address_block, identity.peer)
        viewer = MseViewer(
            identity,
            stream_of(socket),
            families,
            relay.queue_budget,
            clock=relay.clock,
            send_away=relay.send_away,
        )
        viewer.grant = cleared.grant
        relay.open(viewer)
        try:
            viewer.attach(mount, self._fragments_of(mount))
        except BaseException as error:
            relay.close(viewer, "not begun")
            if isinstance(error, UnknownCodecs):
                raise HttpRefusal(406, str(error), code="no_common_codec") from error
            raise
        return viewer

    async def _families(self, socket: WebSocket) -> frozenset[str]:
        """Return the codecs that a browser says it plays, up to their first dots."""
        try:
            async with asyncio.timeout(self._relay.limits.settings.request_timeout_s):
                said = await socket.receive_text()
        except (TimeoutError, KeyError) as error:
            raise _not_asked() from error
        try:
            message: Any = json.loads(said)
        except (ValueError, RecursionError) as error:
            raise _not_asked() from error
        if not isinstance(message, dict) or message.get("type") != "mse":
            raise _not_asked()
        value = message.get("value")
        if not isinstance(value, str):
            raise _not_asked()
        codecs = value.split(",", _MOST_FAMILIES)
        return frozenset(codec.strip().partition(".")[0] for codec in codecs)

    def _fragments_of(self, mount: Mount) -> MountFragments:
        fragments = self._fragments.get(mount)
        if fragments is None:
            fragments = MountFragments(
                mount,
                self._feeds,
                self._relay.mounts.cache_budget,
                clock=self._relay.clock,
                on_over=self._forget,
            )
            self._fragments[mount] = fragments
        return fragments

    def _forget(self, fragments: MountFragments) -> None:
        self._fragments.pop(fragments.mount, None)


def _require_place(mount: Mount) -> None:
    """Raise HttpRefusal where MP4 has no place for the mount's pictures, or all of its sound."""
    tracks = [track.media for track in mount.tracks]
    shown = [media for media in tracks if media.kind == "video"] or tracks
    if not any(TrackFormat.of(media).encoding in ENCODINGS for media in shown):
        sent = ", ".join(media.encoding or "?" for media in tracks)
        raise HttpRefusal(
            406,
            f"{mount.path} has {sent}, which MSE cannot carry: play it by WebRTC",
            code="no_common_codec",
        )


def _not_asked() -> HttpRefusal:
    # Made anew each time: one that is raised again keeps the frames of all times before.
    return HttpRefusal(
        400,
        'the first message has to say what the browser plays, as {"type": "mse", "value": '
        '"avc1.42e01e,mp4a.40.2"}',
        code="unreadable",
    )


async def _left(socket: WebSocket) -> bool:
    """Return True when the browser has gone, False when it says more than it has reason to."""
    for _ in range(_MOST_SAID):
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return True
    return False


async def _tell(socket: WebSocket, refusal: HttpRefusal) -> None:
    told = {"type": "error", "value": refusal.detail, "code": refusal.code}
    with suppress(WebSocketDisconnect):  # it has gone meanwhile
        await socket.send_text(json.dumps(told))
        await socket.close(_POLICY_VIOLATION, refusal.code)
