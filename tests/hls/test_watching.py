"""Watching by HLS, on real sockets: playlists are held to the RFC's rules, every part is read."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field

import pytest
from films import film, picture_hash
from hls_rules import ReadPlaylist, check_pair, read
from http_peer import HttpAnswer, basic, fetch
from inside import inside
from living import living
from mp4_player import opened
from nal_units import H264
from published_film import PublishedFilm, description, pictures_of
from rtp_units import marked
from server_rig import LoopClock
from sounds import sound
from starlette.requests import Request
from waiting import holds
from web_rig import WebFactory, WebServer

from headwater import AccessSettings, LimitSettings, MountSettings, UserSettings
from headwater.codecs.mp4.fragments import FragmentWriter
from headwater.feeds.mp4_stream import Mp4Stream
from headwater.hls.mount_stream import MountHls
from headwater.relay.end import EndKind

LONG = 240


@dataclass
class HlsPeer:
    """A player without pictures: it reads playlists and fetches what they list."""

    port: int
    base: str
    codecs: str
    before: ReadPlaylist | None = None
    parts: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    async def begin(cls, port: int, path: str, **options: object) -> HlsPeer:
        answer = await fetch(port, f"{path}/index.m3u8", **options)
        assert answer.status == 200, answer
        assert answer.header("content-type") == "application/vnd.apple.mpegurl"
        lines = answer.body.decode().splitlines()
        assert lines[:2] == ["#EXTM3U", "#EXT-X-VERSION:9"]
        found = re.search(r'BANDWIDTH=(\d+),CODECS="([^"]+)"', lines[2])
        assert found is not None
        assert int(found[1]) > 0
        uri = lines[3].removesuffix("live.m3u8")
        return cls(port, f"{path}/{uri}", found[2])

    async def get(self, name: str) -> HttpAnswer:
        return await fetch(self.port, self.base + name)

    async def playlist(self, asks: str = "") -> ReadPlaylist:
        answer = await self.get(f"live.m3u8{asks}")
        assert answer.status == 200, answer
        playlist = read(answer.body.decode())
        if not playlist.skipped:
            if self.before is not None:
                check_pair(self.before, playlist)
            self.before = playlist
        return playlist

    async def content(self, name: str) -> bytes:
        answer = await self.get(name)
        assert answer.status == 200, (name, answer)
        assert "immutable" in (answer.header("cache-control") or "")
        return answer.body

    async def catch_up(self) -> ReadPlaylist:
        """Read the playlist, and all parts that are new in it."""
        playlist = await self.playlist()
        for segment in playlist.segments:
            for part in segment.parts:
                if part.uri not in self.parts:
                    self.parts[part.uri] = await self.content(part.uri)
        return playlist

    async def file(self) -> bytes:
        return await self.content("init0.mp4") + b"".join(self.parts.values())


def pictures(content: bytes) -> list[str]:
    with opened(content) as container:
        return [picture_hash(picture) for picture in container.decode(video=0)]


@pytest.mark.parametrize(("name", "codec"), [("h264", "avc1."), ("h264-b", "avc1.")])
async def test_every_playlist_is_right_and_every_picture_in_a_part(
    web: WebServer, name: str, codec: str
) -> None:
    shown = film(name, LONG)
    published = PublishedFilm(web.server, shown.rtp)
    published.show(6)
    peer = await HlsPeer.begin(web.port, "/front")
    assert peer.codecs.startswith(codec)
    (stream,) = inside(web.server).web.hls
    while published.left > 0:
        published.show(7)
        await peer.catch_up()
    await holds(lambda: len(stream.segmenter.segments) >= 7)
    playlist = await peer.catch_up()
    whole = playlist.whole
    assert len(whole) >= 6
    for segment in whole[-2:]:
        parts = b"".join(peer.parts[part.uri] for part in segment.parts)
        assert await peer.content(segment.uri) == parts
    seen = pictures(await peer.file())
    # The last part is not full yet, and pictures of its end are shown behind some that lack.
    assert seen[:-4] == list(shown.pictures)[: len(seen) - 4]
    assert len(seen) >= LONG - 12
    assert {part.independent for one in whole for part in one.parts[:1]} == {True}


async def test_the_first_playlist_is_there_at_once(web: WebServer) -> None:
    published = PublishedFilm(web.server, film("h264", LONG).rtp)
    published.show(17)
    peer = await HlsPeer.begin(web.port, "/front")
    playlist = await peer.playlist()
    # Seven pictures since the last key frame: one part of five, and two that wait. Players that
    # know no parts give up where no segment is whole.
    assert [len(segment.parts) for segment in playlist.whole] == [1]
    assert playlist.segments[0].parts[0].independent
    assert playlist.hint == "part1.0.mp4"


async def test_a_playlist_waits_for_what_it_is_asked_for(web: WebServer) -> None:
    published = PublishedFilm(web.server, film("h264", LONG).rtp)
    published.show(8)
    peer = await HlsPeer.begin(web.port, "/front")
    number, part = (await peer.playlist()).position()
    waiting = asyncio.create_task(peer.playlist(f"?_HLS_msn={number}&_HLS_part={part}"))
    hinted = asyncio.create_task(peer.content(f"part{number}.{part}.mp4"))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    assert not hinted.done()
    published.show(5)
    assert (await waiting).position() > (number, part)
    assert await hinted
    whole = asyncio.create_task(peer.playlist(f"?_HLS_msn={number}"))
    await asyncio.sleep(0.05)
    assert not whole.done()
    published.show(30)
    assert number in {segment.number for segment in (await whole).whole}


async def test_a_delta_update_leaves_out_what_is_known(web: WebServer) -> None:
    published = PublishedFilm(web.server, film("h264", 600).rtp)
    published.show(6)
    peer = await HlsPeer.begin(web.port, "/front")
    (stream,) = inside(web.server).web.hls
    while published.left > 0:
        published.show(20)
        await asyncio.sleep(0)
    await holds(lambda: stream.listed[-1].number >= 18)
    whole = await peer.playlist()
    delta = await peer.playlist("?_HLS_skip=YES")
    assert delta.skipped > 0
    kept = [segment.number for segment in delta.segments]
    assert kept == [segment.number for segment in whole.segments][delta.skipped :]
    assert sum(s.duration_s for s in delta.segments) >= delta.skip_until_s


@pytest.mark.parametrize(
    ("asks", "status", "code"),
    [
        ("?_HLS_part=1", 400, "unreadable"),
        ("?_HLS_msn=x", 400, "unreadable"),
        ("?_HLS_msn=-1", 400, "unreadable"),
        ("?_HLS_msn=99", 400, "too_far_ahead"),
        ("?_HLS_msn=0&_HLS_part=99", 400, "too_far_ahead"),
        ("?_HLS_msn=99999999999999999999", 400, "unreadable"),
    ],
)
async def test_playlists_that_cannot_be(web: WebServer, asks: str, status: int, code: str) -> None:
    PublishedFilm(web.server, film("h264", LONG).rtp).show(8)
    peer = await HlsPeer.begin(web.port, "/front")
    answer = await peer.get(f"live.m3u8{asks}")
    assert (answer.status, answer.problem["code"]) == (status, code)


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/nobody/index.m3u8", 404),
        ("/../etc/index.m3u8", 403),
        ("/front/hls/0-0/live.m3u8", 403),
        ("/front/hls/%2e%2e/live.m3u8", 403),
        ("/front/hls/x/../../index.m3u8", 403),
    ],
)
async def test_mounts_and_tokens_that_are_none(web: WebServer, target: str, status: int) -> None:
    PublishedFilm(web.server, film("h264", LONG).rtp).show(8)
    assert (await fetch(web.port, target)).status == status
    assert not len(inside(web.server).web.hls)


async def test_a_token_is_for_its_own_mount_and_cannot_be_made_up(web: WebServer) -> None:
    for path in ("/front", "/other"):
        PublishedFilm(web.server, film("h264", LONG).rtp, path).show(8)
    peer = await HlsPeer.begin(web.port, "/front")
    assert (await peer.get("live.m3u8")).status == 200
    token = peer.base.split("/")[3]
    forged = token[:-1] + ("0" if token[-1] != "0" else "1")
    for base in (f"/other/hls/{token}/", f"/front/hls/{forged}/", f"/front/hls/{token}0/"):
        assert (await fetch(web.port, f"{base}live.m3u8")).status == 403


@pytest.mark.parametrize(
    "name", ["init9.mp4", "segment9.mp4", "part9.9.mp4", "x.mp4", "init0.0.mp4", "%2e%2e%2fx"]
)
async def test_names_that_are_none(web: WebServer, name: str) -> None:
    PublishedFilm(web.server, film("h264", LONG).rtp).show(8)
    peer = await HlsPeer.begin(web.port, "/front")
    assert (await peer.get(name)).status in {403, 404}


async def test_viewers_are_counted_and_let_go(start_web: WebFactory, clock: LoopClock) -> None:
    web = await start_web(
        settings={"mounts": MountSettings(grace_s=0, max_readers=2, publisher_idle_timeout_s=0)}
    )
    PublishedFilm(web.server, film("h264", LONG).rtp).show(8)
    first = await HlsPeer.begin(web.port, "/front", headers={"User-Agent": "player"})
    second = await HlsPeer.begin(web.port, "/front")
    assert (await fetch(web.port, "/front/index.m3u8")).status == 503
    sessions = [one for one in web.server.sessions.values() if one.kind is EndKind.HLS]
    assert sorted(one.user_agent for one in sessions) == ["", "player"]
    part = await first.content("part0.0.mp4")
    readers = web.server.mounts["/front"].readers
    assert sorted(one.sent_bytes for one in readers if one.transport == "http") == [0, len(part)]
    ended = next(one for one in sessions if one.user_agent == "player")
    assert await web.server.close_session(ended.id, "enough")
    assert (await first.get("live.m3u8")).status == 403
    clock.advance(13)
    await holds(lambda: not [one for one in web.server.sessions.values() if one.kind == "hls"])
    assert (await second.get("live.m3u8")).status == 403
    assert len(inside(web.server).web.hls)
    clock.advance(60)
    await holds(lambda: not len(inside(web.server).web.hls))
    assert not len(inside(web.server).running.feeds)


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 401), (basic("ann", "secret"), 200), (basic("bob", "hidden"), 403)],
)
async def test_rights_are_those_of_readers(
    start_web: WebFactory, headers: dict[str, str], status: int
) -> None:
    users = (
        UserSettings(name="ann", password="secret", read=("front",)),
        UserSettings(name="bob", password="hidden", read=("other",)),
    )
    web = await start_web(settings={"access": AccessSettings(users=users)})
    PublishedFilm(web.server, film("h264", LONG).rtp).show(8)
    answer = await fetch(web.port, "/front/index.m3u8", headers=headers)
    assert answer.status == status


async def test_sound_and_picture_are_in_the_same_parts(web: WebServer) -> None:
    publisher = web.server.publish("/front", description("h264", "opus"))
    shown, heard = film("h264", 48).rtp, sound("opus", 2).rtp
    for place, picture in enumerate(pictures_of(shown)):
        publisher.publish(0, picture)
        publisher.publish(1, heard[place : place + 1])
    peer = await HlsPeer.begin(web.port, "/front")
    assert peer.codecs.endswith(",opus")
    await peer.catch_up()
    with opened(await peer.file()) as container:
        assert {stream.type for stream in container.streams} == {"video", "audio"}


async def test_nothing_is_built_while_nobody_asks(web: WebServer) -> None:
    published = PublishedFilm(web.server, film("h264", LONG).rtp)
    published.show(published.left)
    assert not len(inside(web.server).web.hls)
    assert not len(inside(web.server).running.feeds)


@dataclass
class Slideshow:
    """A picture a second, each a key frame, for as long as it is let run."""

    web: WebServer
    shown: int = 0

    def __post_init__(self) -> None:
        self.publisher = self.web.server.publish("/front", description("h264"))

    def show(self, count: int, sps: bytes = H264.sets[0]) -> None:
        unit = H264.aggregate(sps, H264.sets[1], H264.key)
        for _ in range(count):
            self.shown += 1
            packets = marked(unit, sequence=self.shown, timestamp=90_000 * self.shown)
            self.publisher.publish(0, packets)

    async def watched(self) -> HlsPeer:
        """A player that came when it began, and has read its first playlist."""
        self.show(1)
        begun = asyncio.create_task(HlsPeer.begin(self.web.port, "/front"))
        hls = inside(self.web.server).web.hls
        await holds(lambda: len(hls))
        self.show(7)
        peer = await begun
        await peer.playlist()
        return peer

    async def until_made(self, count: int) -> MountHls:
        """Wait until so many segments have been made."""
        (stream,) = inside(self.web.server).web.hls
        await holds(lambda: stream.segmenter.segments[-1].number >= count - 1)
        return stream


async def test_of_a_stream_without_end_what_was_listed_lately_is_kept(web: WebServer) -> None:
    slides = Slideshow(web)
    peer = await slides.watched()
    slides.show(40)
    stream = await slides.until_made(40)
    playlist = await peer.playlist()
    first = playlist.first
    assert first > 20
    kept = [one.number for one in stream.segmenter.segments if one.number < first]
    # Each lasts a second. What was listed last stays for its own duration and the playlist's.
    assert len(kept) == len(playlist.whole) + 1
    assert (await peer.get(f"segment{kept[0]}.mp4")).status == 200
    assert (await peer.get(f"segment{kept[0] - 1}.mp4")).status == 404
    assert stream.held_bytes == sum(one.size_bytes for one in stream.segmenter.segments)


async def test_without_room_what_is_listed_is_kept_alone(start_web: WebFactory) -> None:
    web = await start_web(settings={"limits": LimitSettings(gop_cache_bytes_total=4_096)})
    slides = Slideshow(web)
    peer = await slides.watched()
    slides.show(40)
    stream = await slides.until_made(40)
    first = (await peer.playlist()).first
    assert first > 20
    # Room is made when a part comes: one that was listed till then may be left.
    assert stream.segmenter.segments[0].number >= first - 1
    for segment in (await peer.playlist()).whole:
        assert await peer.content(segment.uri)


async def test_other_parameter_sets_are_a_discontinuity_and_another_head(web: WebServer) -> None:
    slides = Slideshow(web)
    peer = await slides.watched()
    slides.show(4)
    await slides.until_made(10)
    before = await peer.playlist()
    slides.show(4, H264.other_sps)
    await slides.until_made(14)
    both = await peer.playlist()
    assert [one.number for one in both.segments if one.discontinuity] == [12]
    assert {one.init for one in both.segments} == {"init0.mp4", "init1.mp4"}
    assert await peer.content("init0.mp4") != await peer.content("init1.mp4")
    slides.show(40, H264.other_sps)
    await slides.until_made(50)
    after = await peer.playlist()
    assert (before.discontinuities, after.discontinuities) == (0, 1)
    assert {one.init for one in after.segments} == {"init1.mp4"}


@pytest.mark.parametrize("failing", [(Mp4Stream, "sample"), (FragmentWriter, "fragment")])
async def test_what_fails_while_the_mount_lives_is_a_discontinuity(
    web: WebServer, monkeypatch: pytest.MonkeyPatch, failing: tuple[type, str]
) -> None:
    slides = Slideshow(web)
    peer = await slides.watched()
    slides.show(4)
    stream = await slides.until_made(10)
    before = await peer.playlist()
    next_number, place = before.position()
    waiting = asyncio.create_task(
        peer.playlist(f"?_HLS_msn={next_number}" + f"&_HLS_part={place}" * (place > 0))
    )
    await holds(lambda: bool(stream._waiting))
    tap = stream._tap
    with monkeypatch.context() as patch:
        patch.setattr(*failing, lambda *_: 1 // 0)
        slides.show(1)
        await holds(lambda: stream._tap is not tap)
    assert len(inside(web.server).running.feeds) == 1
    slides.show(4)
    both = await waiting
    assert (both.first, both.target_s, both.ended) == (before.first, before.target_s, False)
    assert [one.number for one in both.segments if one.discontinuity] == [next_number]
    assert both.segments[-1].init == "init1.mp4"
    assert await peer.content(both.whole[-1].uri)
    assert await peer.content(both.segments[-1].init)
    assert [*inside(web.server).web.hls] == [stream]
    slides.show(40)
    await slides.until_made(next_number + 40)
    after = await peer.playlist()
    assert (before.discontinuities, after.discontinuities) == (0, 1)
    assert {one.init for one in after.segments} == {"init1.mp4"}


async def test_a_mount_that_closes_right_after_a_failure_has_ended(web: WebServer) -> None:
    slides = Slideshow(web)
    peer = await slides.watched()
    (stream,) = inside(web.server).web.hls
    stream._tap.close()
    stream._end("its function raised ValueError")
    slides.publisher.close()
    await web.server.close_mount("/front")
    await holds(lambda: stream.over)
    assert (await peer.playlist()).ended
    assert not len(inside(web.server).running.feeds)


@pytest.mark.parametrize("asks", ["", "?_HLS_msn=99"])
async def test_a_mount_that_closes_has_an_end_for_its_players(web: WebServer, asks: str) -> None:
    published = PublishedFilm(web.server, film("h264", LONG).rtp)
    published.show(6)
    peer = await HlsPeer.begin(web.port, "/front")
    published.show(42)
    (stream,) = inside(web.server).web.hls
    before = await peer.catch_up()
    number, place = before.position()
    waiting = asyncio.create_task(peer.get(f"live.m3u8?_HLS_msn={number + 1}&_HLS_part={place}"))
    await holds(lambda: bool(stream._waiting))
    published.publisher.close()
    await web.server.close_mount("/front")
    assert read((await waiting).body.decode()).ended
    assert (await peer.playlist(asks)).ended
    playlist = await peer.catch_up()
    assert [one.number for one in playlist.segments] == [one.number for one in playlist.whole]
    # Every picture that was published is in it: a player comes to the end of all of them.
    assert len(pictures(await peer.file())) == 48
    assert not [one for one in web.server.sessions.values() if one.kind is EndKind.HLS]
    assert (await fetch(web.port, "/front/index.m3u8")).status == 404


async def test_after_the_end_a_publisher_that_returns_is_found(web: WebServer) -> None:
    first = PublishedFilm(web.server, film("h264", LONG).rtp)
    first.show(48)
    peer = await HlsPeer.begin(web.port, "/front")
    first.publisher.close()
    await web.server.close_mount("/front")
    second = PublishedFilm(web.server, film("h264", LONG).rtp)
    second.show(8)
    assert (await peer.playlist()).ended
    again = await HlsPeer.begin(web.port, "/front")
    assert not (await again.playlist()).ended


async def test_what_has_ended_is_kept_for_a_while(start_web: WebFactory, clock: LoopClock) -> None:
    web = await start_web(settings={"mounts": MountSettings(grace_s=0)})
    published = PublishedFilm(web.server, film("h264", LONG).rtp)
    published.show(48)
    peer = await HlsPeer.begin(web.port, "/front")
    ended = await HlsPeer.begin(web.port, "/front")
    service = inside(web.server).web.hls
    (stream,) = service
    sent_away, _ = (one for one in web.server.sessions.values() if one.kind is EndKind.HLS)
    assert await web.server.close_session(sent_away.id, "enough")
    published.publisher.close()
    await web.server.close_mount("/front")
    await holds(lambda: stream.over)
    # Whose right ended before the mount did has no right to the rest of it.
    assert sorted([(await one.get("live.m3u8")).status for one in (peer, ended)]) == [200, 403]
    assert stream.held_bytes
    clock.advance(32)
    await holds(lambda: not service._ended and not service._viewers)
    assert stream.held_bytes == 0
    assert {(await one.get("live.m3u8")).status for one in (peer, ended)} == {403}


async def test_what_has_ended_gives_way_to_all_that_goes_on(web: WebServer) -> None:
    slides = Slideshow(web)
    peer = await slides.watched()
    (stream,) = inside(web.server).web.hls
    slides.publisher.close()
    await web.server.close_mount("/front")
    await holds(lambda: stream.over)
    stream.give_way()
    assert stream.held_bytes == 0
    for name in ("live.m3u8", "segment0.mp4", "part0.0.mp4"):
        answer = await peer.get(name)
        assert (answer.status, answer.problem["code"]) == (404, "gone"), name
    await holds(lambda: not living(Request))


async def test_mounts_that_have_ended_are_kept_in_a_bounded_number(
    web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headwater.hls.service._MOST_ENDED", 2)
    service = inside(web.server).web.hls
    streams = []
    for count in range(1, 5):
        slides = Slideshow(web)
        await slides.watched()
        streams += [*service]
        slides.publisher.close()
        await web.server.close_mount("/front")
        await holds(lambda: len(service._ended) == min(count, 2) and not len(service))  # noqa: B023 - awaited at once
    assert [*service._ended] == streams[-2:]
    assert [bool(one.held_bytes) for one in streams] == [False, False, True, True]


async def test_a_part_that_does_not_come_because_the_mount_closes_is_gone(web: WebServer) -> None:
    slides = Slideshow(web)
    peer = await slides.watched()
    (stream,) = inside(web.server).web.hls
    number, place = (await peer.playlist()).position()
    waiting = asyncio.create_task(peer.get(f"part{number}.{place}.mp4"))
    await holds(lambda: bool(stream._waiting))
    slides.publisher.close()
    await web.server.close_mount("/front")
    # The picture whose duration nobody knew is the last part.
    assert (await waiting).status == 200
    assert (await peer.get(f"part{number}.{place + 1}.mp4")).status == 404
