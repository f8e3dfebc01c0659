"""Iterations over frames: what is given, what is passed over, and how they wait and end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from film_camera import PATH, FilmCamera, film_camera, read_from
from films import HEIGHT, WIDTH, film, picture_hash

from headwater import RtspServer
from headwater.libav.decoding.errors import FrameTimeout, NotDecodable, SourceEnded
from headwater.libav.decoding.frame import Frame
from headwater.libav.decoding.frame_stream import FrameStream
from headwater.protocol.rtcp_build import ntp_time

LATE_S = 60.0

MakeCamera = Callable[..., FilmCamera]


async def begun(server: RtspServer, frames: FrameStream[Frame]) -> asyncio.Task[Frame]:
    """Ask for the first frame; returns once the mount has the reader that brings it."""
    first = asyncio.create_task(anext(frames))
    await read_from(server)
    return first


async def taken(frames: FrameStream[Frame], count: int) -> Sequence[Frame]:
    return [await anext(frames) for _ in range(count)]


@pytest.mark.parametrize("name", ["h264", "h264-b", "h265", "vp8", "vp9", "av1", "mjpeg"])
async def test_every_picture_comes_as_its_encoder_meant_it(
    server: RtspServer, make_camera: MakeCamera, name: str
) -> None:
    camera = make_camera(name)
    async with server.frames(PATH, mode="every", queue=100) as frames:
        first = await begun(server, frames)
        camera.send(24)
        # A decoder of pictures that come out of order holds the last ones back.
        held_back = 0 if name != "h264-b" else 2
        got = [await first, *await taken(frames, 23 - held_back)]
    hashes = [picture_hash(frame.video) for frame in got]
    assert hashes == list(film(name).pictures[: len(hashes)])
    assert [frame.index for frame in got] == list(range(len(got)))
    assert [round(frame.pts_s * 25) for frame in got] == list(range(len(got)))
    assert not any(frame.skipped or frame.gap for frame in got)
    assert got[0].key_frame


async def test_the_latest_is_the_newest_and_tells_what_it_passed_over(
    server: RtspServer, make_camera: MakeCamera
) -> None:
    camera = make_camera()
    async with server.frames(PATH) as frames, server.frames(PATH, mode="every", queue=99) as all_:
        first = await begun(server, all_)
        camera.send()
        await first
        assert (await anext(frames)).index == 0
        camera.send(9)
        await taken(all_, 9)
        newest = await anext(frames)
        assert (newest.index, newest.skipped, frames.skipped) == (9, 8, 8)
        camera.send()
        assert (await anext(frames)).skipped == 0


async def test_every_passes_the_oldest_over_when_too_many_wait(
    server: RtspServer, make_camera: MakeCamera
) -> None:
    camera = make_camera()
    async with (
        server.frames(PATH, mode="every", queue=3) as frames,
        server.frames(PATH, mode="every", queue=99) as all_,
    ):
        first = await begun(server, all_)
        also_first = asyncio.create_task(anext(frames))
        camera.send()
        await asyncio.gather(first, also_first)
        camera.send(8)
        await taken(all_, 8)
        got = await taken(frames, 3)
        assert [frame.index for frame in got] == [6, 7, 8]
        assert [frame.skipped for frame in got] == [5, 0, 0]


async def test_a_reader_who_comes_late_has_the_last_key_frame_and_what_follows(
    server: RtspServer, make_camera: MakeCamera
) -> None:
    make_camera().send(15)
    async with server.frames(PATH, mode="every", queue=99) as frames:
        got = await taken(frames, 5)
    # The film has a key frame every ten pictures.
    assert [picture_hash(frame.video) for frame in got] == list(film("h264").pictures[10:15])


async def test_key_frames_alone_are_decoded_where_nobody_wants_more(
    server: RtspServer, make_camera: MakeCamera
) -> None:
    camera = make_camera()
    async with server.frames(PATH, keyframes_only=True, mode="every", queue=99) as keys:
        first = await begun(server, keys)
        camera.send(23)
        got = [await first, *await taken(keys, 2)]
        assert [frame.index for frame in got] == [0, 1, 2], "nothing between was decoded"
        assert [round(frame.pts_s * 25) for frame in got] == [0, 10, 20]
        # One who wants all begins where it can be decoded without what was left out.
        async with server.frames(PATH, mode="every", queue=99) as everything:
            await anext(everything)
            camera.send(15)
            following = await taken(everything, 3)
    wanted = film("h264").pictures[0:3]
    assert [picture_hash(frame.video) for frame in following] == list(wanted)


async def test_frames_a_second_are_limited_on_an_even_grid(
    server: RtspServer, make_camera: MakeCamera
) -> None:
    camera = make_camera()
    async with server.frames(PATH, mode="every", queue=99, fps=5) as frames:
        first = await begun(server, frames)
        camera.send(21)
        got = [await first, *await taken(frames, 4)]
    assert [round(frame.pts_s * 25) for frame in got] == [0, 5, 10, 15, 20]
    assert not frames.skipped, "what was not asked for is not missed"


async def test_pictures_come_in_the_size_and_format_that_were_asked_for(
    server: RtspServer, make_camera: MakeCamera
) -> None:
    camera = make_camera()
    async with server.frames(PATH, size=(96, None), format="rgb24") as frames:
        first = await begun(server, frames)
        camera.send()
        frame = await first
    assert (frame.width, frame.height, frame.video.format.name) == (96, 56, "rgb24")
    assert frame.array().shape == (56, 96, 3)
    assert frame.gray().shape == (56, 96)


async def test_lost_packets_are_told_with_the_frame_behind_them(
    server: RtspServer, make_camera: MakeCamera
) -> None:
    camera = make_camera()
    camera.losses.add(4)
    async with server.frames(PATH, mode="every", queue=99) as frames:
        first = await begun(server, frames)
        # Enough to tell that it is lost, and does not come late.
        camera.send(36)
        got = [await first, *await taken(frames, 5)]
    # The rest of the group refers to the picture that is broken.
    assert [round(frame.pts_s * 25) for frame in got] == [0, 1, 2, 3, 10, 11]
    assert [frame.gap for frame in got] == [0, 0, 0, 0, 1, 0]


async def test_the_iteration_goes_on_with_the_next_publisher(
    server: RtspServer, make_camera: MakeCamera
) -> None:
    camera = make_camera()
    async with server.frames(PATH, mode="every", queue=99) as frames:
        first = await begun(server, frames)
        camera.send(3)
        before = [await first, *await taken(frames, 2)]
        camera.publisher.close()
        await server.close_mount(PATH)
        again = make_camera()
        following = await begun(server, frames)
        again.send(2)
        after = [await following, await anext(frames)]
    assert [picture_hash(frame.video) for frame in after] == list(film("h264").pictures[:2])
    assert [frame.index for frame in (*before, *after)] == [0, 1, 2, 3, 4]
    times = [frame.pts_s for frame in (*before, *after)]
    assert times == sorted(times)


async def test_who_comes_after_the_publisher_is_gone_gets_no_picture_of_it(
    server: RtspServer, make_camera: MakeCamera
) -> None:
    camera = make_camera()
    async with server.frames(PATH, on_gap="stop") as frames:
        first = await begun(server, frames)
        camera.send()
        await first
        camera.publisher.close()
        await server.close_mount(PATH)
        assert await anext(frames, None) is None
        # The decoder waits for the next publisher, some seconds long.
        async with server.frames(PATH, timeout_s=LATE_S) as later:
            waits = asyncio.create_task(anext(later))
            again = make_camera()
            await read_from(server)
            assert not waits.done()
            again.send()
            assert (await waits).index == 1


async def test_pictures_keep_their_wall_clock_when_they_come_with_the_report_of_another(
    server: RtspServer, make_camera: MakeCamera
) -> None:
    """The camera's clock was set an hour ahead while three pictures waited on the way."""
    camera = make_camera()
    begin = datetime(2026, 11, 29, 6, tzinfo=UTC)

    def report(seconds: float) -> None:
        camera.report(ntp_time((begin + timedelta(seconds=seconds)).timestamp()))

    async with server.frames(PATH, mode="every", queue=99) as frames:
        first = await begun(server, frames)
        report(0)
        camera.send(5)
        got = [await first, *await taken(frames, 4)]
        # All of it in one turn of the loop.
        camera.send(3)
        report(3600 + 8 / 25)
        camera.send(2)
        got += await taken(frames, 5)
    ahead_s = []
    for number, frame in enumerate(got):
        assert frame.wallclock is not None
        ahead_s.append(round((frame.wallclock - begin).total_seconds() - number / 25, 3))
    assert ahead_s == [0] * 8 + [3600] * 2


async def test_it_stops_at_a_gap_where_that_was_asked_for(
    server: RtspServer, make_camera: MakeCamera
) -> None:
    camera = make_camera()
    got = []
    async with server.frames(PATH, mode="every", queue=99, on_gap="stop") as frames:
        first = await begun(server, frames)
        camera.send(2)
        got = [await first, await anext(frames)]
        camera.publisher.close()
        await server.close_mount(PATH)
        got += [frame async for frame in frames]
    assert len(got) == 2


async def test_no_frame_in_time_is_told_and_the_next_may_come(
    server: RtspServer, make_camera: MakeCamera
) -> None:
    async with server.frames(PATH, timeout_s=0.05) as frames:
        with pytest.raises(FrameTimeout, match=r"within 0\.05 s"):
            await anext(frames)
    async with server.frames(PATH) as frames:
        first = asyncio.create_task(anext(frames))
        make_camera().send()
        assert (await first).index == 0


async def test_the_end_of_the_server_ends_it() -> None:
    async with RtspServer(host="127.0.0.1", publish_port=0) as server:
        film_camera(server)
        frames = server.frames(PATH)
        waits = await begun(server, frames)
    with pytest.raises(SourceEnded, match="the server has stopped"):
        await waits
    depths = set()
    for _ in range(3):
        with pytest.raises(SourceEnded) as again:
            await anext(frames)
        depths.add(len(again.traceback))
    # Whoever asks on and on is not kept by the error, with all its calls.
    assert len(depths) == 1


@pytest.mark.parametrize(
    ("media", "said"),
    [
        ("m=audio 0 RTP/AVP 0\r\n", "no video track .*audio PCMU"),
        ("m=video 0 RTP/AVP 31\r\n", "no video track .*video H261"),
    ],
    ids=["sound alone", "a codec that nobody decodes"],
)
async def test_a_mount_without_pictures_is_refused_in_words(
    server: RtspServer, media: str, said: str
) -> None:
    server.publish(PATH, f"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n{media}")
    with pytest.raises(NotDecodable, match=said):
        await anext(server.frames(PATH))


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        ({"fps": 0}, "fps is more than 0"),
        ({"queue": 0}, "queue is at least 1"),
        ({"size": (0, None)}, "1 to 16384 pixels, not 0"),
        ({"size": (20_000, 10)}, "not 20000"),
        ({"format": "bgr25"}, "'bgr25' is no pixel format"),
        ({"mode": "newest"}, "'newest' is not a valid FrameMode"),
        ({"device": "gpu"}, "'gpu' is no device of libav; there are .*cuda"),
        ({"decode_in": "gpu"}, "decode_in is 'thread' or 'process', not 'gpu'"),
    ],
)
async def test_wishes_without_sense_are_refused(
    server: RtspServer, wishes: dict[str, object], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        server.frames(PATH, **wishes)  # type: ignore[arg-type]


async def test_a_closed_iteration_is_over(server: RtspServer, make_camera: MakeCamera) -> None:
    camera = make_camera()
    frames = server.frames(PATH)
    first = await begun(server, frames)
    camera.send()
    await first
    frames.close()
    frames.close()
    with pytest.raises(StopAsyncIteration):
        await anext(frames)


async def test_a_view_of_grey_is_no_copy(server: RtspServer, make_camera: MakeCamera) -> None:
    frame = await one(server, make_camera())
    view = frame.gray()
    assert view.shape == (HEIGHT, WIDTH)
    assert view.base is not None
    assert np.shares_memory(view, np.frombuffer(frame.planes[0], np.uint8))
    with pytest.raises(ValueError, match="read-only"):
        view[0, 0] = 1


async def one(server: RtspServer, camera: FilmCamera) -> Frame:
    """The first frame of a camera."""
    async with server.frames(PATH) as frames:
        first = await begun(server, frames)
        camera.send()
        return await first
