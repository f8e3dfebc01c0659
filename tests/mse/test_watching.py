"""Watching by MSE, on real sockets: what plays, where it begins, who is told what."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from dataclasses import replace

import pytest
import websockets
from films import film, picture_hash
from http_peer import basic
from inside import inside
from living import living
from mp4_player import opened
from mse_peer import MsePeer
from nal_units import H264
from published_film import PublishedFilm, description, pictures_of
from rtp_units import marked
from server_rig import LoopClock
from sounds import sound
from starlette.websockets import WebSocket
from waiting import holds
from web_rig import WebFactory, WebServer

from headwater import AccessSettings, Hooks, LimitSettings, MountSettings, UserSettings
from headwater.relay.end import EndKind
from headwater.relay.finding import Wanted


def pictures(peer: MsePeer) -> list[str]:
    with opened(peer.file) as container:
        return [picture_hash(picture) for picture in container.decode(video=0)]


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("h264", "avc1.64000b"),
        ("h264-b", "avc1.64000c"),
        ("h265", "hvc1."),
        ("h265-b", "hvc1."),
        ("vp9", "vp09."),
        ("av1", "av01."),
    ],
)
async def test_every_frame_of_each_codec_is_played(web: WebServer, name: str, codec: str) -> None:
    shown = film(name)
    published = PublishedFilm(web.server, shown.rtp, codec=name.partition("-")[0])
    published.show(3)
    peer = await MsePeer.watch(web.port, "/front")
    await peer.until(lambda: peer.frames >= 2)
    while published.left > 0:
        # Not the whole film at once: a viewer that lags behind is sent the next key frame.
        published.show(5)
        await peer.until(lambda: peer.frames >= min(published.position, len(shown.pictures)) - 5)
    published.publisher.close()
    assert (await peer.ended())[0] == 1001
    assert peer.mime_type.startswith(f'video/mp4; codecs="{codec[:4]}')
    assert peer.inits == [0]
    assert pictures(peer) == list(shown.pictures)


@pytest.mark.parametrize(
    ("codec", "mime"),
    [
        ("aac", 'audio/mp4; codecs="mp4a.40.2"'),
        ("opus", 'audio/mp4; codecs="opus"'),
        ("pcmu", 'audio/mp4; codecs="flac"'),
    ],
)
async def test_sound(web: WebServer, codec: str, mime: str) -> None:
    heard = sound(codec, 2 if codec != "pcmu" else 1)
    publisher = web.server.publish("/radio", description(codec))
    peer = await MsePeer.watch(web.port, "/radio")
    await holds(lambda: len(inside(web.server).web.mse))
    publisher.publish(0, list(heard.rtp))
    publisher.close()
    await peer.ended()
    assert peer.mime_type == mime
    with opened(peer.file) as container:
        samples = sum(frame.samples for frame in container.decode(audio=0))
    assert samples > 0.9 * heard.rate_hz


async def test_who_comes_later_begins_with_the_key_frame_and_shares_what_is_made(
    web: WebServer,
) -> None:
    published = PublishedFilm(web.server, film("h264").rtp)
    published.show(12)
    first = await MsePeer.watch(web.port, "/front")
    await first.until(lambda: first.frames >= 1)
    published.show(3)
    await first.until(lambda: first.frames == 5)
    late = await MsePeer.watch(web.port, "/front")
    # Ten pictures are a group, so the second one begins at the eleventh.
    await late.until(lambda: late.frames == 5)
    assert late.media[1:] == first.media[-5:]
    (fragments,) = inside(web.server).web.mse
    published.show(published.left)
    await late.until(lambda: late.frames == 14)
    assert fragments.made == first.frames == 14
    await first.close()
    await late.close()
    await holds(lambda: not len(inside(web.server).web.mse))
    assert not len(inside(web.server).running.feeds)


@pytest.mark.parametrize(
    ("mounts", "limits"),
    [
        (MountSettings(instant_start=False), LimitSettings()),
        (MountSettings(gop_cache_max_bytes=4_096), LimitSettings()),
        (MountSettings(gop_cache_max_s=0.01), LimitSettings()),
        (MountSettings(), LimitSettings(gop_cache_bytes_total=4_096)),
    ],
    ids=["not wanted", "too large", "too old", "no room for all"],
)
async def test_without_what_is_kept_the_late_wait_for_the_next_key_frame(
    start_web: WebFactory, clock: LoopClock, mounts: MountSettings, limits: LimitSettings
) -> None:
    mounts = replace(mounts, publisher_idle_timeout_s=0)
    web = await start_web(settings={"mounts": mounts, "limits": limits})
    published = PublishedFilm(web.server, film("h264").rtp)
    published.show(1)
    first = await MsePeer.watch(web.port, "/front")
    await holds(lambda: len(inside(web.server).web.mse))
    while published.position < 20:
        published.show(1)
        clock.advance(0.04)
        await asyncio.sleep(0)
    # Ten pictures are a group.
    await first.until(lambda: first.frames >= 9)
    (fragments,) = inside(web.server).web.mse
    assert fragments.held_bytes <= 4_096
    late = await MsePeer.watch(web.port, "/front")
    await holds(lambda: len(fragments._takers) == 2)
    published.show(4)
    await late.until(lambda: late.frames == 4)
    assert late.media[1:] == first.media[-4:]
    await first.close()
    await late.close()


async def test_nothing_is_made_while_nobody_watches(web: WebServer) -> None:
    published = PublishedFilm(web.server, film("h264").rtp)
    published.show(published.left)
    assert not len(inside(web.server).web.mse)
    assert not len(inside(web.server).running.feeds)


async def test_a_browser_gets_the_tracks_that_it_plays(web: WebServer) -> None:
    publisher = web.server.publish("/front", description("h264", "opus"))
    publisher.publish(0, next(pictures_of(film("h264").rtp)))
    both = await MsePeer.watch(web.port, "/front")
    picture = await MsePeer.watch(web.port, "/front", "avc1.42e01e, mp4a.40.2")
    await both.until(lambda: both.frames)
    await picture.until(lambda: picture.frames)
    publisher.publish(1, list(sound("opus", 2).rtp))
    await both.until(lambda: both.frames > 10)
    publisher.close()
    await both.ended()
    await picture.ended()
    assert both.mime_type.endswith(',opus"')
    assert "opus" not in picture.mime_type
    assert picture.frames == 1


async def test_what_it_cannot_play_it_is_told(web: WebServer) -> None:
    PublishedFilm(web.server, film("h264").rtp).show(3)
    peer = await MsePeer.watch(web.port, "/front", "hvc1.1.6.L93.B0,opus")
    code, reason = await peer.ended()
    assert (code, peer.media) == (1003, [])
    assert "avc1.64000b" in (reason or "")
    assert not len(inside(web.server).web.mse)


async def test_pictures_that_mp4_has_no_place_for_are_refused(web: WebServer) -> None:
    PublishedFilm(web.server, film("vp8").rtp, codec="vp8").show(3)
    with pytest.raises(websockets.InvalidStatus, match="406"):
        await MsePeer.connect(web.port, "/front")


async def test_other_parameter_sets_are_another_head(web: WebServer) -> None:
    publisher = web.server.publish("/front", description("h264"))
    key = H264.aggregate(*H264.sets, H264.key)
    other = H264.aggregate(H264.other_sps, H264.sets[1], H264.key)
    publisher.publish(0, list(marked(key, sequence=1, timestamp=3_600)))
    peer = await MsePeer.watch(web.port, "/front")
    await peer.until(lambda: peer.frames == 1)
    publisher.publish(0, list(marked(other, sequence=2, timestamp=7_200)))
    await peer.until(lambda: peer.frames == 2)
    told = [said["value"].partition('"')[2] for said in peer.said]
    assert told == ['avc1.42c00b"', 'avc1.64000b"']
    assert peer.inits == [0, 2]
    await peer.close()


async def test_it_is_a_reader_like_any_other(start_web: WebFactory) -> None:
    hooks = Hooks()
    left: list[tuple[str, str]] = []
    hooks.client_close(lambda mount, session: left.append((mount.path, session.kind)))
    web = await start_web(play_hooks=hooks, settings={"mounts": MountSettings(max_readers=1)})
    published = PublishedFilm(web.server, film("h264").rtp)
    published.show(3)
    peer = await MsePeer.watch(web.port, "/front", user_agent_header="page")
    await peer.until(lambda: peer.frames >= 3)
    (session,) = (one for one in web.server.sessions.values() if one.kind is EndKind.MSE)
    assert (session.path, session.transport, session.user_agent, session.tracks) == (
        "/front",
        "websocket",
        "page",
        (0,),
    )
    reader = next(one for one in web.server.mounts["/front"].readers if one.id == session.id)
    assert (reader.sent_packets, reader.dropped_packets) == (3, 0)
    assert reader.sent_bytes > sum(map(len, peer.media[1:]))
    second = await MsePeer.watch(web.port, "/front")
    assert (await second.ended())[0] == 1008
    assert second.said[0]["code"] == "full"
    assert await web.server.close_session(session.id, "enough")
    assert await peer.ended() == (1001, "enough")
    await holds(lambda: left == [("/front", "mse")])


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 401), (basic("ann", "secret"), 101), (basic("bob", "hidden"), 403)],
)
async def test_rights_are_those_of_readers(
    start_web: WebFactory, headers: dict[str, str], status: int
) -> None:
    users = (
        UserSettings(name="ann", password="secret", read=("front",), publish=("*",)),
        UserSettings(name="bob", password="hidden", read=("other",)),
    )
    web = await start_web(settings={"access": AccessSettings(users=users)})
    published = PublishedFilm(web.server, film("h264").rtp)
    published.show(3)
    if status == 101:
        peer = await MsePeer.watch(web.port, "/front", additional_headers=headers)
        await peer.until(lambda: peer.frames)
        await peer.close()
        return
    with pytest.raises(websockets.InvalidStatus) as refused:
        await MsePeer.connect(web.port, "/front", additional_headers=headers)
    assert refused.value.response.status_code == status


@pytest.mark.parametrize(
    ("path", "status"),
    [("/nobody", 404), ("/../etc", 403), ("/%2e%2e%2fetc", 403), ("/" + "a" * 2_000, 414)],
)
async def test_mounts_that_are_none(web: WebServer, path: str, status: int) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        await MsePeer.connect(web.port, path)
    assert refused.value.response.status_code == status
    assert "code" in json.loads(refused.value.response.body or b"{}")


@pytest.mark.parametrize(
    "message",
    [
        "",
        "[" * 20_000,
        "[]",
        {"type": "webrtc", "value": "v=0"},
        {"type": "mse"},
        {"type": "mse", "value": 7},
        b"\0\1",
    ],
)
async def test_a_first_message_that_says_nothing(web: WebServer, message: object) -> None:
    PublishedFilm(web.server, film("h264").rtp).show(2)
    peer = await MsePeer.connect(web.port, "/front")
    await peer.socket.send(message if isinstance(message, str | bytes) else json.dumps(message))
    peer.read()
    assert (await peer.ended())[0] == 1008
    assert peer.said[0]["code"] == "unreadable"


async def test_who_says_nothing_is_let_go(start_web: WebFactory, clock: LoopClock) -> None:
    web = await start_web(settings={"mounts": MountSettings(publisher_idle_timeout_s=0)})
    PublishedFilm(web.server, film("h264").rtp).show(2)
    peer = await MsePeer.connect(web.port, "/front", ping_interval=None)
    peer.read()
    clock.advance(LimitSettings().request_timeout_s + 1)
    assert (await peer.ended())[0] == 1008
    assert not len(inside(web.server).web.mse)


async def test_of_those_who_were_refused_nothing_is_kept(web: WebServer) -> None:
    PublishedFilm(web.server, film("h264").rtp).show(1)
    for _ in range(3):
        async with websockets.connect(f"ws://127.0.0.1:{web.port}/front/mse") as socket:
            await socket.send("no wish")
            await socket.wait_closed()
            assert socket.close_code == 1008
    await holds(lambda: not living(WebSocket))


async def test_who_leaves_while_it_is_refused_is_no_fault_of_ours(
    web: WebServer, caplog: pytest.LogCaptureFixture
) -> None:
    published = PublishedFilm(web.server, film("h264").rtp)
    published.show(1)
    asked, may_end = asyncio.Event(), asyncio.Event()

    class Looks:
        async def find(self, _: Wanted) -> None:
            asked.set()
            await may_end.wait()

    socket = await websockets.connect(f"ws://127.0.0.1:{web.port}/front/mse")
    inside(web.server).relay.finding.add(Looks())
    published.publisher.close()
    await holds(lambda: "/front" not in web.server.mounts)
    await socket.send(json.dumps({"type": "mse", "value": "avc1.42e01e"}))
    await asked.wait()
    socket.transport.abort()
    await holds(lambda: not [*inside(web.server).web.door.connections])
    may_end.set()
    await holds(lambda: not living(WebSocket))
    assert not [one for one in caplog.records if one.levelname == "ERROR"]


async def test_a_flood_of_messages_ends_its_sender_alone(web: WebServer) -> None:
    published = PublishedFilm(web.server, film("h264").rtp)
    published.show(3)
    good = await MsePeer.watch(web.port, "/front")
    bad = await MsePeer.watch(web.port, "/front")
    await bad.until(lambda: bad.frames)
    for _ in range(20):
        await bad.say("more")
    assert (await bad.ended())[0] == 1001
    published.show(published.left)
    await good.until(lambda: good.frames == 24)
    await good.close()


async def test_a_flood_of_pings_ends_its_sender_alone(web: WebServer) -> None:
    published = PublishedFilm(web.server, film("h264").rtp)
    published.show(3)
    good = await MsePeer.watch(web.port, "/front")
    bad = await MsePeer.watch(web.port, "/front")
    await bad.until(lambda: bad.frames)
    with contextlib.suppress(websockets.ConnectionClosed):
        for number in range(5_000):
            await bad.socket.ping(b"%100d" % number)
    assert (await bad.ended())[0] == 1006
    published.show(published.left)
    await good.until(lambda: good.frames == 24)
    await good.close()


async def test_who_is_slow_goes_on_with_a_key_frame_and_others_miss_nothing(
    start_web: WebFactory,
) -> None:
    mounts = MountSettings(grace_s=0, slow_reader_max_bytes=2_000, catch_up_max_bytes=2_000)
    web = await start_web(settings={"mounts": mounts})
    shown = film("h264", 240)
    published = PublishedFilm(web.server, shown.rtp)
    published.show(1)
    good = await MsePeer.watch(web.port, "/front")
    slow = await MsePeer.watch(web.port, "/front")
    await slow.until(lambda: slow.frames == 1)
    port = slow.socket.local_address[1]
    (connection,) = (c for c in inside(web.server).web.door.connections if c.peer[1] == port)
    # As a socket that takes nothing.
    connection.stream.cork()
    while published.position < 100:
        published.show(1)
        await good.until(lambda: good.frames == published.position)
    connection.stream.uncork()
    await slow.until(lambda: not connection.stream.queued_bytes)
    while published.left > 0:
        published.show(1)
        await good.until(lambda: good.frames == published.position)
    published.publisher.close()
    await good.ended()
    await slow.ended()
    assert pictures(good) == list(shown.pictures)
    played = pictures(slow)
    places = [shown.pictures.index(one) for one in played]
    gaps = [(a, b) for a, b in itertools.pairwise(places) if b != a + 1]
    assert gaps, "it was never slow"
    assert all(b % 10 == 0 for _, b in gaps)
    assert places[-1] == 239
