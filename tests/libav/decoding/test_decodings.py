"""One decoder for all who want frames of a mount, and pictures for who asks once."""

from __future__ import annotations

import asyncio
import io
import pickle
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import av
import numpy as np
import pytest
from film_camera import PATH, FilmCamera, film_camera, read_from
from films import HEIGHT, WIDTH
from inside import inside
from sounds import sound
from udp_peer import wait_for

from headwater import RtspServer, ThreadedRtspServer
from headwater.libav.decoding import decoding
from headwater.libav.decoding.decoder import Decoder
from headwater.libav.decoding.errors import FramesError, FrameTimeout, SourceEnded
from headwater.libav.decoding.picture import Picture, Shape

MakeCamera = Callable[..., FilmCamera]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Decoder]:
    """The decoders that are opened from now on."""
    decoders: list[Decoder] = []

    class Counted(Decoder):
        def __init__(self, *arguments: object, **named: object) -> None:
            super().__init__(*arguments, **named)  # type: ignore[arg-type]
            decoders.append(self)

    monkeypatch.setattr(decoding, "Decoder", Counted)
    return decoders


async def test_ten_who_want_frames_of_a_mount_share_one_decoder(
    server: RtspServer, make_camera: MakeCamera, opened: list[Decoder]
) -> None:
    camera = make_camera()
    camera.send(3)
    streams = [server.frames(PATH, format="bgr24") for _ in range(10)]
    got = await asyncio.gather(*(anext(stream) for stream in streams))
    assert len(opened) == 1
    readers = [mount.readers for mount in server.mounts.values()]
    assert [len(each) for each in readers] == [1]
    # The picture is brought into its shape once for all.
    newest = max(frame.index for frame in got)
    same = {id(frame.video) for frame in got if frame.index == newest}
    assert len(same) == 1
    for stream in streams:
        stream.close()


@pytest.fixture
def handed_over(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The threads' names of all work that pools of threads are given from now on."""
    given: list[str] = []
    submit = ThreadPoolExecutor.submit

    def counted(pool: ThreadPoolExecutor, *arguments: Any) -> Any:
        given.append(str(pool._thread_name_prefix))
        return submit(pool, *arguments)

    monkeypatch.setattr(ThreadPoolExecutor, "submit", counted)
    return given


async def test_a_picture_is_converted_by_one_hand_over_for_all_who_want_it(
    server: RtspServer, make_camera: MakeCamera, handed_over: list[str]
) -> None:
    camera = make_camera()
    streams = [server.frames(PATH, format="bgr24", mode="every", queue=99) for _ in range(10)]
    for sent in range(1, 4):
        first = [asyncio.create_task(anext(stream)) for stream in streams]
        await read_from(server)
        camera.send()
        got = await asyncio.gather(*first)
        assert {frame.index for frame in got} == {sent - 1}
        assert handed_over.count("frames convert") == sent
    for stream in streams:
        stream.close()


async def test_what_the_latest_passes_over_is_not_converted(
    server: RtspServer, make_camera: MakeCamera, handed_over: list[str]
) -> None:
    """A consumer that is slow costs what it takes, and gets what is newest without a queue."""
    camera = make_camera()
    async with (
        server.frames(PATH, format="bgr24") as slow,
        server.frames(PATH, mode="every", queue=99) as all_,
    ):
        first = asyncio.create_task(anext(all_))
        await read_from(server)
        camera.send()
        await first
        await anext(slow)
        for times in range(1, 4):
            camera.send(10)
            for _ in range(10):
                newest = await anext(all_)
            assert (await anext(slow)).index == newest.index == times * 10
        assert slow.skipped == 27
    assert handed_over.count("frames convert") == 4


async def test_one_who_is_cancelled_does_not_cancel_a_conversion_for_others(
    server: RtspServer, make_camera: MakeCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, began = threading.Event(), threading.Event()
    convert = Picture.in_shape

    def waits(picture: Picture, shape: Shape) -> av.VideoFrame:
        began.set()
        assert go_on.wait(20)
        return convert(picture, shape)

    monkeypatch.setattr(Picture, "in_shape", waits)
    make_camera().send(3)
    streams = [server.frames(PATH, size=(96, None)) for _ in range(2)]
    one, other = (asyncio.create_task(anext(stream)) for stream in streams)
    await asyncio.to_thread(began.wait, 20)
    one.cancel()
    with pytest.raises(asyncio.CancelledError):
        await one
    go_on.set()
    assert (await other).width == 96
    for stream in streams:
        stream.close()


async def test_frames_that_wait_when_the_server_stops_end_with_it() -> None:
    async with RtspServer(host="127.0.0.1", publish_port=0) as server:
        film_camera(server).send(3)
        frames = server.frames(PATH, format="bgr24", mode="every", queue=9)
        await anext(frames)
    with pytest.raises(SourceEnded, match="the server has stopped"):
        await anext(frames)


async def test_the_decoder_goes_some_seconds_after_the_last_who_wants_frames(
    server: RtspServer, make_camera: MakeCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "LINGER_S", 0.05)
    make_camera().send(3)
    async with server.frames(PATH) as frames:
        await anext(frames)
    reader = server.mounts[PATH].readers
    async with server.frames(PATH) as again:
        await anext(again)
    assert [one.id for one in server.mounts[PATH].readers] == [one.id for one in reader]
    await wait_for(lambda: not server.mounts[PATH].readers)


async def test_the_latest_frame_is_decoded_from_the_kept_group_where_nobody_watches(
    server: RtspServer, make_camera: MakeCamera
) -> None:
    make_camera().send(15)
    frame = await server.latest_frame(PATH, max_age_s=5)
    assert (frame.width, frame.height) == (WIDTH, HEIGHT)
    assert frame.key_frame or frame.index > 0


async def test_a_frame_that_is_too_old_is_waited_for_in_vain(
    server: RtspServer, make_camera: MakeCamera
) -> None:
    make_camera().send(3)
    with pytest.raises(FrameTimeout, match=r"/cam: no frame of the last 0 s came within 0.2 s"):
        await server.latest_frame(PATH, max_age_s=0, timeout_s=0.2)


async def test_a_snapshot_is_a_file_that_others_read(
    server: RtspServer, make_camera: MakeCamera
) -> None:
    make_camera().send(3)
    for form, name in (("jpeg", "mjpeg"), ("png", "png")):
        file = await server.snapshot(PATH, format=form, size=(96, None), max_age_s=9)  # type: ignore[arg-type]
        with av.open(io.BytesIO(file)) as container:
            stream = container.streams.video[0]
            assert (stream.codec_context.name, stream.width, stream.height) == (name, 96, 56)
    with pytest.raises(ValueError, match="quality is 1 to 100, not 0"):
        await server.snapshot(PATH, quality=0, max_age_s=9)


async def test_a_jpeg_is_larger_the_better_it_is(
    server: RtspServer, make_camera: MakeCamera
) -> None:
    make_camera().send(3)
    frame = await server.latest_frame(PATH, max_age_s=9)
    assert len(frame.jpeg(20)) < len(frame.jpeg(60)) < len(frame.jpeg(95))
    with pytest.raises(ValueError, match="jpeg or png, not gif"):
        frame.still("gif")


async def test_arrays_are_the_programs_own(server: RtspServer, make_camera: MakeCamera) -> None:
    make_camera().send(3)
    frame = await server.latest_frame(PATH, max_age_s=9)
    bgr, rgb = frame.array(), frame.array("rgb24")
    assert bgr.shape == rgb.shape == (HEIGHT, WIDTH, 3)
    assert np.array_equal(bgr[..., ::-1], rgb)
    bgr[:] = 0
    assert np.array_equal(frame.array("rgb24"), rgb)
    assert np.array_equal(np.from_dlpack(frame), frame.array())


async def test_a_frame_goes_to_another_process_as_it_was_asked_for(
    server: RtspServer, make_camera: MakeCamera
) -> None:
    make_camera().send(3)
    async with server.frames(PATH, size=(96, None), format="rgb24") as frames:
        frame = await anext(frames)
    copy = pickle.loads(pickle.dumps(frame))
    assert np.array_equal(copy.array(), frame.array())
    assert np.array_equal(copy.array("bgr24")[..., ::-1], frame.array())
    assert (copy.width, copy.height) == (frame.width, frame.height) == (96, 56)
    for name in ("index", "pts_s", "arrived_s", "rtp_timestamp", "wallclock", "gap", "key_frame"):
        assert getattr(copy, name) == getattr(frame, name)


@pytest.mark.parametrize("device", ["cuda", "vaapi", "qsv"])
async def test_a_device_that_is_not_there_is_done_without(
    server: RtspServer, make_camera: MakeCamera, device: str
) -> None:
    make_camera().send(3)
    async with server.frames(PATH, device=device) as frames:
        assert (await anext(frames)).array().shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize("name", ["aac", "opus", "pcmu", "pcma"])
async def test_sound_comes_as_samples(server: RtspServer, name: str) -> None:
    recorded = sound(name)
    rtpmap = {
        "aac": "MPEG4-GENERIC/48000\r\na=fmtp:97 mode=AAC-hbr;sizelength=13;indexlength=3;"
        f"indexdeltalength=3;config={recorded.config.hex()}",
        "opus": "opus/48000/2",
        "pcmu": "PCMU/8000",
        "pcma": "PCMA/8000",
    }[name]
    publisher = server.publish(
        PATH,
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
        f"m=audio 0 RTP/AVP 97\r\na=rtpmap:97 {rtpmap}\r\n",
    )
    async with server.audio_frames(PATH, queue=500) as frames:
        first = asyncio.create_task(anext(frames))
        await read_from(server)
        packets = [
            bytes((packet[0], 97 | packet[1] & 0x80)) + packet[2:] for packet in recorded.rtp
        ]
        publisher.publish(0, packets)
        got = [await first]
        while sum(frame.samples for frame in got) < recorded.rate_hz // 2:
            got.append(await anext(frames))
    assert {frame.sample_rate_hz for frame in got} == {recorded.rate_hz}
    heard = np.concatenate([frame.array() for frame in got])
    assert heard.dtype == np.float32
    assert 0.05 < np.abs(heard).max() <= 1.5, "it is no silence, and no noise"
    step_s = got[-1].pts_s - got[-2].pts_s
    assert step_s == pytest.approx(got[-2].samples / recorded.rate_hz, abs=1e-3)


async def test_garbage_disturbs_nobody_and_the_next_key_frame_is_shown(
    server: RtspServer, make_camera: MakeCamera
) -> None:
    good, bad = make_camera(), make_camera(path="/bad")
    good.send(3)
    bad.send(3)
    async with (
        server.frames("/bad", mode="every", queue=99) as broken,
        server.frames(PATH) as whole,
    ):
        await anext(broken)
        await anext(whole)
        # Slices of random bytes, then pictures as they should be.
        for number in range(40):
            header = bytes((0x80, 0xE0)) + (9000 + number).to_bytes(2, "big")
            rest = (number * 3600).to_bytes(4, "big") + (0x1234).to_bytes(4, "big")
            bad.publisher.publish(0, [header + rest + b"\x41" + bytes(range(7, 200))])
        bad.send(24)
        good.send(1)
        assert (await anext(whole)).index >= 1
        async with asyncio.timeout(20):
            while not (frame := await anext(broken)).key_frame:
                pass
    assert (frame.width, frame.height) == (WIDTH, HEIGHT)


async def test_what_the_program_raises_frees_its_place_and_disturbs_nobody(
    server: RtspServer, make_camera: MakeCamera
) -> None:
    camera = make_camera()
    camera.send(3)

    async def fails() -> None:
        async with server.frames(PATH) as frames:
            await anext(frames)
            raise ZeroDivisionError

    async with server.frames(PATH, mode="every", queue=99) as other:
        got = [await anext(other)]
        with pytest.raises(ZeroDivisionError):
            await fails()
        (decoder,) = inside(server).running.decodings.running
        assert decoder.consumers == 1
        camera.send(5)
        got += [await anext(other) for _ in range(7)]
    assert [frame.index for frame in got] == list(range(8))
    assert decoder.consumers == 0


async def test_a_decoder_that_is_given_up_ends_the_iteration_with_the_reason(
    server: RtspServer, make_camera: MakeCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> Decoder:
        raise LookupError("no such decoder")

    monkeypatch.setattr(decoding, "Decoder", fails)
    camera = make_camera()
    frames = server.frames(PATH)
    waits = asyncio.create_task(anext(frames))
    async with asyncio.timeout(20):
        while not waits.done():
            camera.send(10)
            await asyncio.sleep(0.01)
    with pytest.raises(FramesError, match="/cam: its decoder cannot be used: LookupError"):
        await waits


def test_programs_without_asyncio_have_the_same() -> None:
    with ThreadedRtspServer(host="127.0.0.1", publish_port=0) as server:
        camera = server._call(made(server))
        with server.frames(PATH, format="rgb24") as frames:
            frame = next(iter(frames))
        assert frame.array().shape == (HEIGHT, WIDTH, 3)
        assert server.latest_frame(PATH, max_age_s=9).width == WIDTH
        assert server.snapshot(PATH, max_age_s=9).startswith(b"\xff\xd8")
        assert camera.sent == 3
    with pytest.raises(RuntimeError, match="not running"):
        server.frames(PATH)


async def made(server: ThreadedRtspServer) -> FilmCamera:
    camera = film_camera(server._server)
    camera.send(3)
    return camera
