"""A function over the frames of a mount: what it returns is shown, what it raises harms nobody."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from frame_functions import DIED, dies_at_first, inverted
from numbered_pictures import SIZE, numbered, seen_number
from waiting import holds

from headwater import Frame, FramePublisher, RtspServer, ThreadedRtspServer, TransformSnapshot
from headwater.libav.encoding import encoder_choice
from headwater.libav.encoding.encoder_table import EncoderKind
from headwater.libav.transforms import transform as transform_file

CAM, SHOWN = "/cam", "/cam/annotated"
LATE_S = 20.0
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


@asynccontextmanager
async def camera(server: RtspServer) -> AsyncIterator[FramePublisher]:
    """A source whose pictures have numbers."""
    async with server.publish_frames(CAM, size=SIZE) as source:
        yield source


async def shown(
    server: RtspServer, source: FramePublisher, fits: Callable[[Frame], bool] = lambda _: True
) -> Frame:
    """Put pictures until one is shown that fits."""
    async with server.frames(SHOWN, timeout_s=LATE_S) as frames:
        first = asyncio.ensure_future(anext(frames))
        async with asyncio.timeout(LATE_S):
            for number in range(10_000):
                taken = NOON + timedelta(seconds=number / 25)
                await source.put(numbered(number % 256), wallclock=taken)
                done, _ = await asyncio.wait([first], timeout=0.02)
                if done:
                    if fits(frame := first.result()):
                        return frame
                    first = asyncio.ensure_future(anext(frames))
    raise TimeoutError


def the_one(server: RtspServer) -> TransformSnapshot:
    (snapshot,) = server.transforms
    return snapshot


async def test_what_the_function_returns_is_shown_with_the_wall_clock_of_its_frame(
    server: RtspServer,
) -> None:
    async with camera(server) as source:
        server.transform(CAM, SHOWN, inverted)
        frame = await shown(server, source, lambda frame: frame.wallclock is not None)
        number = 255 - seen_number(frame.gray())
        assert frame.wallclock is not None
        told_s = (frame.wallclock - NOON).total_seconds()
        assert round(told_s * 25) % 256 == number
        assert told_s * 25 == pytest.approx(round(told_s * 25), abs=0.03)
    assert the_one(server).published > 0


async def test_none_is_not_shown_and_other_sizes_are(server: RtspServer) -> None:
    def every_other(frame: Frame) -> object:
        return frame if frame.index % 2 else None

    async with camera(server) as source:
        server.transform(CAM, SHOWN, every_other, size=(160, None), format="gray", fps=10)
        frame = await shown(server, source)
    assert (frame.width, frame.height) == (160, 120)
    snapshot = the_one(server)
    assert 0 < snapshot.published < snapshot.given


async def test_a_function_that_raises_is_logged_and_the_next_frame_is_tried(
    server: RtspServer, caplog: pytest.LogCaptureFixture
) -> None:
    def fails_at_first(frame: Frame) -> object:
        if frame.index < 3:
            raise ZeroDivisionError("no objects")
        if frame.index == 3:
            return "a picture"
        return frame.array()

    async with camera(server) as source:
        server.transform(CAM, SHOWN, fails_at_first)
        assert await shown(server, source)
        assert 1 <= the_one(server).failures <= 4
    assert "a frame's function failed; the next frame is tried" in caplog.text
    assert "no objects" in caplog.text


async def test_frames_that_come_while_the_function_is_at_work_are_passed_over(
    server: RtspServer,
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(frame: Frame) -> object:
        begun.set()
        assert go_on.wait(LATE_S)
        return frame.array()

    async with camera(server) as source:
        server.transform(CAM, SHOWN, slow)
        async with server.frames(CAM, mode="every", queue=99, timeout_s=LATE_S) as seen:
            await holds(lambda: server.mounts[CAM].readers)
            after = 0
            while after < 20:
                await source.put(numbered(after))
                await anext(seen)
                after += begun.is_set()
            assert the_one(server).given == 1
            go_on.set()
            frame = await shown(server, source)
    assert frame is not None
    assert the_one(server).skipped >= 19


async def test_it_ends_with_the_source_and_comes_back_with_it(server: RtspServer) -> None:
    async with camera(server) as source:
        server.transform(CAM, SHOWN, inverted)
        await shown(server, source)
        assert server.mounts[SHOWN].publisher is not None
    await holds(lambda: SHOWN not in server.mounts or server.mounts[SHOWN].publisher is None)
    async with camera(server) as source:
        assert await shown(server, source)


async def test_a_source_that_cannot_be_decoded_is_waited_for(
    server: RtspServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transform_file, "RETRY_S", 0.05)
    async with server.publish_frames(CAM, audio="opus"):
        server.transform(CAM, SHOWN, inverted)
        await holds(lambda: the_one(server).problem)
        assert "no video track that can be decoded" in str(the_one(server).problem)
    async with camera(server) as source:
        assert await shown(server, source)
        assert the_one(server).problem is None


async def test_a_path_that_another_publisher_has_is_waited_for(
    server: RtspServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transform_file, "RETRY_S", 0.05)
    async with camera(server) as source:
        async with server.publish_frames(SHOWN, size=SIZE):
            server.transform(CAM, SHOWN, inverted)
            async with asyncio.timeout(LATE_S):
                while the_one(server).problem is None:
                    await source.put(numbered(0))
                    await asyncio.sleep(0.02)
            assert "/cam/annotated has a publisher already" in str(the_one(server).problem)
        assert await shown(server, source)


async def test_an_encoder_that_is_missing_is_a_problem_and_disturbs_nobody(
    server: RtspServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transform_file, "RETRY_S", 0.05)
    async with camera(server) as source:
        with monkeypatch.context() as machine:
            machine.setattr(
                encoder_choice, "kinds_for", lambda *_: (EncoderKind("h264_of_no_machine"),)
            )
            server.transform(CAM, SHOWN, inverted)
            async with server.frames(CAM, timeout_s=LATE_S) as seen, asyncio.timeout(LATE_S):
                while the_one(server).problem is None:
                    await source.put(numbered(7))
                    assert seen_number((await anext(seen)).gray()) == 7
            assert "tried: h264_of_no_machine" in str(the_one(server).problem)
        assert await shown(server, source)


async def test_it_is_stopped_when_the_program_says_so(server: RtspServer) -> None:
    async with camera(server) as source:
        server.transform(CAM, SHOWN, inverted)
        await shown(server, source)
        assert await server.stop_transform(SHOWN)
        assert server.transforms == ()
        assert not await server.stop_transform(SHOWN)
        await holds(lambda: SHOWN not in server.mounts or server.mounts[SHOWN].publisher is None)
        # The same path may show another one.
        server.transform(CAM, SHOWN, inverted)


async def test_a_function_that_never_returns_holds_nobody_up(server: RtspServer) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def hangs(frame: Frame) -> object:
        begun.set()
        go_on.wait()
        return frame.array()

    async with camera(server) as source:
        server.transform(CAM, SHOWN, hangs)
        async with asyncio.timeout(LATE_S):
            while not begun.is_set():
                await source.put(numbered(0))
                await asyncio.sleep(0.02)
            assert await server.stop_transform(SHOWN)
            server.transform(CAM, SHOWN, hangs)
            await server.stop()
    go_on.set()
    assert not server.running


async def test_a_function_may_run_in_a_process_and_one_that_dies_is_made_anew(
    server: RtspServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DIED, str(tmp_path / "died"))
    async with camera(server) as source:
        server.transform(CAM, SHOWN, dies_at_first, process=True)
        frame = await shown(server, source)
        assert frame.width == SIZE[0]
        assert the_one(server).failures == 1


async def test_paths_and_wishes_without_sense_are_refused_at_once(server: RtspServer) -> None:
    with pytest.raises(ValueError, match="choose another path"):
        server.transform(CAM, CAM, inverted)
    with pytest.raises(ValueError, match="codec is one of"):
        server.transform(CAM, SHOWN, inverted, codec="vp8")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="encoder is auto or one of"):
        server.transform(CAM, SHOWN, inverted, encoder="x264")
    with pytest.raises(ValueError, match="fps is more than 0"):
        server.transform(CAM, SHOWN, inverted, fps=0)
    assert server.transforms == ()
    server.transform(CAM, SHOWN, inverted)
    with pytest.raises(RuntimeError, match="shows a transform already"):
        server.transform(CAM, SHOWN, inverted)


def test_programs_without_asyncio_have_the_same() -> None:
    with ThreadedRtspServer(host="127.0.0.1", publish_port=0) as server:
        server.transform(CAM, SHOWN, inverted)
        with server.publish_frames(CAM, size=SIZE) as out, server.frames(SHOWN) as frames:
            stop = threading.Event()

            def feed() -> None:
                while not stop.wait(0.02):
                    out.put(np.zeros((SIZE[1], SIZE[0], 3), np.uint8))

            feeding = threading.Thread(target=feed)
            feeding.start()
            try:
                assert next(frames).array().min() > 240
            finally:
                stop.set()
                feeding.join()
        (snapshot,) = server.transforms
        assert (snapshot.source, snapshot.target) == (CAM, SHOWN)
        assert server.stop_transform(SHOWN)
