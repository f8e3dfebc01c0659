"""HLS of one server: who watches, what is built for them, and the routes that they ask."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from headwater.access.decision import Action
from headwater.codecs.depacketizers import TrackFormat
from headwater.codecs.mp4.sample_entry import ENCODINGS
from headwater.feeds.mount_feeds import MountFeeds, UnknownCodecs
from headwater.hls.mount_stream import MountHls
from headwater.hls.playlist import advance_limit, main_playlist, next_part
from headwater.hls.tokens import Tokens
from headwater.hls.viewer import HlsViewer
from headwater.http.asked_mount import asked_mount
from headwater.http.clearance import Clearance
from headwater.http.end_identity import end_identity
from headwater.http.quick_answers import Coming, QuickAnswer
from headwater.http.refusal import HttpRefusal
from headwater.http.request import mount_path_of
from headwater.media.mount import Mount
from headwater.relay.end import EndKind
from headwater.relay.relay import Relay
from headwater.side import Side

PLAYLIST: Final = "application/vnd.apple.mpegurl"
_FIRST_PART_S: Final = 10.0
_CLOSES_AFTER_S: Final = 60.0
"""Nobody has asked for so long: nothing is built any more."""
_ENDED_FOR_S: Final = 30.0
"""So long players find the last segments of a mount that has closed, and that it has ended. It is
more than three target durations: they read a playlist again after one and a half at most (§6.3.4).
"""
_MOST_ENDED: Final = 64
_VIEWER_TARGETS: Final = 3
_VIEWER_LEAST_S: Final = 12.0
_BLOCKED_TARGETS: Final = 3
"""§6.2.5.2: a request that waits is answered within three target durations."""
_ASSUMED_BITS_PER_S: Final = 2_000_000
_KEPT_BY_CLIENTS = "private, max-age=60, immutable"
_NAME = re.compile(r"(init|segment|part)(\d{1,12})(?:\.(\d{1,6}))?\.mp4")
_QUICK: Final = re.compile(
    r"(/[^?%]+)/hls/([0-9A-Za-z-]+)/(?:part(\d{1,12})\.(\d{1,6})\.mp4"
    r"|live\.m3u8(?:\?_HLS_msn=(\d{1,12})(?:&_HLS_part=(\d{1,12}))?(&_HLS_skip=(?:YES|v2))?)?)",
    re.ASCII,
)
"""What players ask several times a second."""
_PART_HEAD: Final = f"content-type: video/mp4\r\ncache-control: {_KEPT_BY_CLIENTS}\r\n".encode()
_PLAYLIST_HEAD: Final = f"content-type: {PLAYLIST}\r\ncache-control: no-store\r\n".encode()


class HlsService:
    """Takes in viewers by the main playlist; all else they ask with their token."""

    def __init__(self, relay: Relay, clearance: Clearance, feeds: MountFeeds) -> None:
        self._relay = relay
        self._clearance = clearance
        self._feeds = feeds
        self._tokens = Tokens()
        self._mounts: dict[Mount, MountHls] = {}
        # Of mounts that have closed, the first ones first, and until when.
        self._ended: dict[MountHls, float] = {}
        self._viewers: dict[str, HlsViewer] = {}
        relay.upkeep.add(self._sweep)

    def __len__(self) -> int:
        return len(self._mounts)

    def __iter__(self) -> Iterator[MountHls]:
        return iter(tuple(self._mounts.values()))

    def routes(self) -> list[BaseRoute]:
        """Return what it serves."""
        return [
            Route("/{mount:path}/index.m3u8", self._main, methods=["GET"]),
            Route("/{mount:path}/hls/{token}/live.m3u8", self._media, methods=["GET"]),
            Route("/{mount:path}/hls/{token}/{name}", self._content, methods=["GET"]),
        ]

    def close(self) -> None:
        """Build nothing any more; a second call does nothing."""
        for stream in (*self._mounts.values(), *self._ended):
            stream.close("the server stops")
        self._mounts.clear()
        self._ended.clear()

    # -- requests

    def quick(self, target: str) -> QuickAnswer | Coming | None:
        """Answer what players ask all the time; None where `routes` are to answer."""
        found = _QUICK.fullmatch(target)
        if found is None:
            return None
        path, token, segment, part, wanted, wanted_part, skips = found.groups()
        viewer = self._viewers.get(token.partition("-")[0])
        if viewer is None or viewer.mount is None or viewer.path != path:
            return None
        stream = self._mounts.get(viewer.mount)
        if stream is None or not hmac.compare_digest(viewer.token, token):
            return None
        stream.asked_s = self._relay.clock()
        if segment is not None:
            number, place = int(segment), int(part)
            if stream.part(number, place) is not None:
                return self._given_part(viewer, stream, number, place)
            return self._awaited_part(viewer, stream, number, place)
        if wanted is None:
            return QuickAnswer(_PLAYLIST_HEAD, self._playlist(viewer, stream, skips=False))
        number = int(wanted)
        least = None if wanted_part is None else int(wanted_part)
        if stream.has(number, least):
            content = self._playlist(viewer, stream, skips=skips is not None)
            return QuickAnswer(_PLAYLIST_HEAD, content)
        return self._awaited_playlist(viewer, stream, number, least, skips=skips is not None)

    async def _main(self, request: Request) -> Response:
        """Answer with the main playlist, which takes in a viewer."""
        relay = self._relay
        path = mount_path_of(request, relay.limits.settings, behind=1)
        cleared = await self._clearance.require(request, Action.PLAY, path)
        mount = await asked_mount(request, relay, path)
        _require_place(mount)
        identity = end_identity(request, relay.limits.settings, EndKind.HLS, cleared, path)
        relay.require_room(Side.PLAY, identity.address_block, identity.peer)
        stream = self._stream_of(mount)
        if not await stream.until(lambda: bool(stream.listed), _FIRST_PART_S):
            raise HttpRefusal(
                503,
                f"{path} has no picture yet that a player can begin with: its camera sent no key "
                f"frame within {_FIRST_PART_S:g} s",
                code="no_picture",
                headers=[("Retry-After", "2")],
            )
        # Others may have come while it waited.
        relay.require_room(Side.PLAY, identity.address_block, identity.peer)
        viewer = HlsViewer(identity, stream, relay.clock(), relay.send_away)
        viewer.grant = cleared.grant
        relay.open(viewer)
        try:
            viewer.attach(mount)
        except BaseException:
            relay.close(viewer, "not begun")
            raise
        self._viewers[viewer.id] = viewer
        token = viewer.token = self._tokens.make(viewer.id, path)
        return Response(self._main_text(stream, token), media_type=PLAYLIST)

    async def _media(self, request: Request) -> Response:
        """Answer with the playlist of segments; it may be asked to wait (§6.2.5.2)."""
        viewer, stream = self._asked(request)
        number, place = _wanted(request)
        skips = request.query_params.get("_HLS_skip") in {"YES", "v2"}
        if number is None:
            content = self._playlist(viewer, stream, skips=skips)
        else:
            awaited = self._awaited_playlist(viewer, stream, number, place, skips=skips)
            content = (await awaited).content
        return Response(content, media_type=PLAYLIST)

    async def _awaited_playlist(
        self, viewer: HlsViewer, stream: MountHls, number: int, place: int | None, *, skips: bool
    ) -> QuickAnswer:
        """Return the playlist once it lists a part, or where none is named a whole segment."""
        viewer.note(self._relay.clock())
        if stream.over is None:
            _require_near(stream, number, place)
            longest_s = _BLOCKED_TARGETS * stream.segmenter.target_s
            came = await stream.until(lambda: stream.has(number, place), longest_s)
            if not came and stream.over is None:
                raise HttpRefusal(503, "the camera sends nothing now", code="no_picture")
        return QuickAnswer(_PLAYLIST_HEAD, self._playlist(viewer, stream, skips=skips))

    def _playlist(self, viewer: HlsViewer, stream: MountHls, *, skips: bool) -> bytes:
        _require_open(viewer)
        if not stream.listed:
            raise _gone()
        viewer.note(self._relay.clock())
        return stream.playlist(skips=skips)

    async def _content(self, request: Request) -> Response:
        viewer, stream = self._asked(request)
        found = _NAME.fullmatch(request.path_params["name"])
        if found is None:
            raise _gone()
        kind, number, place = found[1], int(found[2]), found[3]
        viewer.note(self._relay.clock())
        frames = 0
        match kind, place:
            case "init", None:
                head = stream.segmenter.inits.get(number)
                content = None if head is None else head.init
            case "segment", None:
                segment = stream.segment(number)
                whole = segment is not None and segment.whole
                content = segment.content if segment and whole else None
                frames = sum(part.frames for part in segment.parts) if segment and whole else 0
            case "part", str():
                content = (await self._awaited_part(viewer, stream, number, int(place))).content
            case _:
                content = None
        if content is None:
            raise _gone()
        if kind != "part":
            viewer.note(self._relay.clock(), len(content), frames)
        return Response(
            content, media_type="video/mp4", headers={"Cache-Control": _KEPT_BY_CLIENTS}
        )

    async def _awaited_part(
        self, viewer: HlsViewer, stream: MountHls, number: int, place: int
    ) -> QuickAnswer:
        """Return a part; the one that the playlist hints at is waited for (§6.2.6)."""
        listed = stream.listed
        if listed and next_part(listed) == (number, place):
            viewer.note(self._relay.clock())
            longest_s = _BLOCKED_TARGETS * stream.segmenter.target_s
            await stream.until(lambda: stream.has(number, place), longest_s)
        return self._given_part(viewer, stream, number, place)

    def _given_part(
        self, viewer: HlsViewer, stream: MountHls, number: int, place: int
    ) -> QuickAnswer:
        part = stream.part(number, place)
        if part is None:
            raise _gone()
        _require_open(viewer)
        viewer.note(self._relay.clock(), len(part.content), part.frames)
        return QuickAnswer(_PART_HEAD, part.content)

    def _asked(self, request: Request) -> tuple[HlsViewer, MountHls]:
        """Return who asks, and of what; raise HttpRefusal for tokens that are none, or over."""
        path = mount_path_of(request, self._relay.limits.settings, behind=3)
        viewer_id = self._tokens.read(request.path_params["token"], path)
        viewer = None if viewer_id is None else self._viewers.get(viewer_id)
        if viewer is None or not viewer.may_ask:
            raise HttpRefusal(
                403,
                "this token is over, or never was one; begin with index.m3u8",
                code="no_such_session",
            )
        if viewer.mount is not None:
            viewer.stream = self._stream_of(viewer.mount)
        viewer.stream.asked_s = self._relay.clock()
        return viewer, viewer.stream

    # -- what is built, and for whom

    def _stream_of(self, mount: Mount) -> MountHls:
        stream = self._mounts.get(mount)
        if stream is None:
            try:
                stream = MountHls(
                    mount,
                    self._feeds,
                    self._relay.mounts.cache_budget,
                    clock=self._relay.clock,
                    on_over=self._over,
                )
            except UnknownCodecs as error:
                raise HttpRefusal(406, str(error), code="no_common_codec") from error
            self._mounts[mount] = stream
        return stream

    def _over(self, stream: MountHls) -> None:
        """Keep what a mount had when it closed for a while."""
        self._mounts.pop(stream.mount, None)
        while len(self._ended) >= _MOST_ENDED:
            self._let_go(next(iter(self._ended)))
        self._ended[stream] = self._relay.clock() + _ENDED_FOR_S

    def _let_go(self, stream: MountHls) -> None:
        del self._ended[stream]
        stream.close("over")

    def _main_text(self, stream: MountHls, token: str) -> str:
        head = stream.segmenter.inits[stream.listed[-1].init]
        tracks = head.tracks
        size = next(((t.entry.width, t.entry.height) for t in tracks if t.entry.width), (0, 0))
        listed = stream.listed
        seconds = sum(segment.duration_s for segment in listed)
        size_bytes = sum(segment.size_bytes for segment in listed)
        bits_per_s = round(8 * size_bytes / seconds) if seconds else _ASSUMED_BITS_PER_S
        codecs = ",".join(track.entry.name for track in tracks)
        return main_playlist(codecs, size, max(bits_per_s, 1), f"hls/{token}/live.m3u8")

    def _sweep(self, now: float) -> None:
        """Let go of viewers who ask no more, and of what nobody asks for."""
        for viewer_id, viewer in tuple(self._viewers.items()):
            stream = None if viewer.mount is None else self._mounts.get(viewer.mount)
            target_s = 0 if stream is None else stream.segmenter.target_s
            longest_s = max(_VIEWER_LEAST_S, _VIEWER_TARGETS * target_s)
            if not viewer.closed and now - viewer.last_seen_s > longest_s:
                self._relay.close(viewer, "the peer asks no more")
            # A mount's readers may be gone before its segments are all made.
            goes_on = viewer.stream.over is None or viewer.stream in self._ended
            if viewer.closed and not (viewer.outlived and goes_on):
                del self._viewers[viewer_id]
        for mount, stream in tuple(self._mounts.items()):
            if now - stream.asked_s > _CLOSES_AFTER_S:
                del self._mounts[mount]
                stream.close("nobody asks for it")
        for stream in [one for one, until_s in self._ended.items() if now > until_s]:
            self._let_go(stream)


def _gone() -> HttpRefusal:
    # Made anew each time: one that is raised again keeps the frames of all times before.
    return HttpRefusal(
        404, "this is no longer kept, or was never there; read the playlist again", code="gone"
    )


def _require_open(viewer: HlsViewer) -> None:
    if not viewer.may_ask:
        raise HttpRefusal(403, "this session was ended", code="no_such_session")


def _require_place(mount: Mount) -> None:
    tracks = [track.media for track in mount.tracks]
    shown = [media for media in tracks if media.kind == "video"] or tracks
    if not any(TrackFormat.of(media).encoding in ENCODINGS for media in shown):
        sent = ", ".join(media.encoding or "?" for media in tracks)
        raise HttpRefusal(
            406, f"{mount.path} has {sent}, which HLS cannot carry", code="no_common_codec"
        )


def _wanted(request: Request) -> tuple[int | None, int | None]:
    """Return which segment and part a playlist is to have before it is sent."""
    number = request.query_params.get("_HLS_msn")
    place = request.query_params.get("_HLS_part")
    for text in (number, place):
        if text is not None and not (text.isascii() and text.isdigit() and len(text) <= 12):
            raise HttpRefusal(400, f"{text!r} is no number", code="unreadable")
    if number is None:
        if place is not None:
            raise HttpRefusal(400, "_HLS_part needs _HLS_msn", code="unreadable")
        return None, None
    return int(number), None if place is None else int(place)


def _require_near(stream: MountHls, number: int, place: int | None) -> None:
    """Refuse to wait for what is far away (§6.2.5.2)."""
    last, parts = next_part(stream.listed)
    limit = advance_limit(stream.segmenter.part_target_s)
    if number > last + 1 or (number == last and place is not None and place >= parts + limit):
        raise HttpRefusal(
            400, f"segment {number} is too far ahead of {last}, the newest", code="too_far_ahead"
        )
