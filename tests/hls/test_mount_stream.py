"""The HLS of one mount: those who wait for a part look again a few in each turn of the loop."""

from __future__ import annotations

import asyncio
from collections import Counter

from films import film
from http_peer import fetch
from inside import inside
from published_film import PublishedFilm
from web_rig import WebServer

from headwater.hls.mount_stream import WOKEN_AT_ONCE, MountHls
from headwater.hls.playlist import next_part

WAITING = 3 * WOKEN_AT_ONCE + 1


async def watched(web: WebServer) -> tuple[PublishedFilm, MountHls]:
    """A film that is watched by HLS."""
    published = PublishedFilm(web.server, film("h264").rtp)
    published.show(8)
    assert (await fetch(web.port, "/front/index.m3u8")).status == 200
    [stream] = inside(web.server).web.hls
    return published, stream


async def test_a_part_wakes_a_few_in_each_turn(web: WebServer) -> None:
    published, stream = await watched(web)
    wanted = next_part(stream.listed)
    turn = 0
    woken: Counter[int] = Counter()

    def turned() -> None:
        nonlocal turn
        turn += 1
        if not all(task.done() for task in waiting):
            loop.call_soon(turned)

    async def wait() -> None:
        assert await stream.until(lambda: stream.has(*wanted), 20)
        woken[turn] += 1

    loop = asyncio.get_running_loop()
    waiting = [asyncio.create_task(wait()) for _ in range(WAITING)]
    await asyncio.sleep(0)
    assert len(stream._waiting) == WAITING
    loop.call_soon(turned)
    published.show(12)
    await asyncio.gather(*waiting)
    assert woken.total() == WAITING
    assert max(woken.values()) <= WOKEN_AT_ONCE
    assert not stream._waiting


async def test_who_goes_away_waits_no_more(web: WebServer) -> None:
    _, stream = await watched(web)
    waiting = asyncio.create_task(stream.until(lambda: False, 20))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert not stream._waiting
    assert not await stream.until(lambda: False, 0.01)
    assert not stream._waiting


async def test_what_is_listed_is_looked_for_once_between_two_parts(web: WebServer) -> None:
    published, stream = await watched(web)
    listed = stream.listed
    assert stream.listed is listed
    published.show(12)
    number, place = next_part(listed)
    assert await stream.until(lambda: stream.has(number, place), 20)
    assert stream.listed is not listed
    playlist = stream.playlist(skips=False)
    assert stream.playlist(skips=False) is playlist
