"""Frames to a URL without a server of the program's own, with asyncio and without."""

from __future__ import annotations

import asyncio
import threading

import pytest
from numbered_pictures import SIZE, numbered, seen_number
from own_ports import free_port
from waiting import holds

import headwater
from headwater import (
    AccessSettings,
    ClientError,
    PublisherEnded,
    RtspServer,
    Settings,
    ThreadedRtspServer,
    UserSettings,
)
from headwater.client import CredentialsError, UnreachableError

OUT = "/out"
LATE_S = 20.0


def own_threads() -> list[threading.Thread]:
    """Those that publish: asyncio, libav and other tests have theirs, which wait for work."""
    return [thread for thread in threading.enumerate() if thread.name == "frames to a URL"]


def test_a_program_without_asyncio_publishes_from_a_thread_of_its_own() -> None:
    with ThreadedRtspServer(host="127.0.0.1", publish_port=0) as server:
        with headwater.publish_frames(server.publish_url(OUT), size=SIZE) as out:
            out.put(numbered(40))
            assert len(own_threads()) == 1
            frame = server.latest_frame(OUT, max_age_s=LATE_S)
        assert seen_number(frame.gray()) == 40
        assert frame.wallclock is not None
        assert out.end_reason == "it was closed"
    assert own_threads() == []


async def test_every_picture_arrives_and_so_does_the_wish_for_a_key_frame() -> None:
    async with (
        RtspServer(host="127.0.0.1", publish_port=0) as server,
        headwater.publish_frames(
            server.publish_url(OUT), size=SIZE, audio="opus", key_frame_interval_s=3600
        ) as out,
        server.frames(OUT, mode="every", queue=100, timeout_s=LATE_S) as frames,
    ):
        assert len(server.mounts[OUT].tracks) == 2
        await out.put(numbered(0))
        seen = [await anext(frames)]
        key_frames = 1
        async with asyncio.timeout(LATE_S):
            for number in range(1, 256):
                if number == 3:
                    assert server._running is not None
                    mount = server._running.relay.mounts.get(OUT)
                    assert mount is not None
                    mount.tracks[0].request_key_frame()
                await out.put(numbered(number))
                seen.append(await anext(frames))
                if seen[-1].key_frame:
                    key_frames += 1
                    break
    assert [seen_number(frame.gray()) for frame in seen] == list(range(len(seen)))
    assert key_frames == 2


async def test_a_server_that_comes_back_is_published_to_again() -> None:
    first = RtspServer(host="127.0.0.1", publish_port=0)
    await first.start()
    url, port = first.publish_url(OUT), first.publish_port
    async with headwater.publish_frames(url, size=SIZE) as out:
        await first.stop()
        # What is put meanwhile is dropped.
        await out.put(numbered(0))
        async with RtspServer(host="127.0.0.1", publish_port=port) as second:
            await holds(lambda: OUT in second.mounts)
            async with second.frames(OUT, timeout_s=LATE_S) as frames:
                shown = asyncio.create_task(anext(frames))
                await holds(lambda: second.mounts[OUT].readers)
                await out.put(numbered(7))
                assert seen_number((await shown).gray()) == 7


async def test_no_server_is_an_error_at_the_beginning() -> None:
    url = f"rtsp://127.0.0.1:{free_port()}{OUT}"
    with pytest.raises(UnreachableError):
        await headwater.publish_frames(url, size=SIZE).__aenter__()
    with pytest.raises(ClientError):
        await asyncio.to_thread(headwater.publish_frames(url, size=SIZE).__enter__)
    assert own_threads() == []


async def test_a_server_that_wants_other_words_later_ends_it() -> None:
    ann = UserSettings(name="ann", password="before", publish=("**",))
    first = RtspServer(
        host="127.0.0.1", publish_port=0, settings=Settings(access=AccessSettings(users=(ann,)))
    )
    await first.start()
    port = first.publish_port
    url = f"rtsp://ann:before@127.0.0.1:{port}{OUT}"
    async with headwater.publish_frames(url, size=SIZE) as out:
        await first.stop()
        other = AccessSettings(users=(UserSettings(name="ann", password="after", publish=("**",)),))
        async with RtspServer(host="127.0.0.1", publish_port=port, settings=Settings(access=other)):
            await holds(lambda: out.end_reason)
            with pytest.raises(PublisherEnded, match="401"):
                await out.put(numbered(0))
    with pytest.raises((CredentialsError, UnreachableError)):
        await headwater.publish_frames(url, size=SIZE).__aenter__()


def test_urls_and_wishes_without_sense_are_refused_at_once() -> None:
    with pytest.raises(ValueError, match="RTSP"):
        headwater.publish_frames("http://127.0.0.1/out", size=SIZE)
    with pytest.raises(ValueError, match="give `size`"):
        headwater.publish_frames("rtsp://127.0.0.1/out")
