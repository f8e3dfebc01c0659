"""Frames of a URL without a server: the same iteration for programs with asyncio and without."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime

import pytest

pytest.importorskip("av")

import headwater
from headwater import ClientError, ClientSettings, ClientTransport, FrameTimeout, SourceEnded
from headwater.testing import CameraSettings, FakeCamera, WrongClock, number_of

LATE_S = 20.0


def own_threads() -> list[threading.Thread]:
    """Those that fetch: asyncio, libav and other tests have theirs, which wait for work."""
    return [thread for thread in threading.enumerate() if thread.name == "the frames of a URL"]


def test_a_program_without_asyncio_gets_every_frame_in_order() -> None:
    with FakeCamera() as camera:
        with headwater.frames(camera.url, mode="every", queue=100, timeout_s=LATE_S) as frames:
            seen = [number_of(next(frames).gray().tobytes()) for _ in range(20)]
            assert len(own_threads()) == 1
        assert camera.wait_for("TEARDOWN", timeout_s=LATE_S)
    assert seen == list(range(20))
    assert own_threads() == []


async def test_a_program_with_asyncio_gets_them_on_its_loop() -> None:
    seen: list[int] = []
    with FakeCamera(codec="h265") as camera:
        async with headwater.frames(
            camera.url, mode="every", queue=100, timeout_s=LATE_S, size=(160, None)
        ) as frames:
            async for frame in frames:
                seen.append(frame.index)
                assert frame.array().shape == (120, 160, 3)
                if len(seen) == 10:
                    break
        assert await asyncio.to_thread(camera.wait_for, "TEARDOWN", timeout_s=LATE_S)
    assert seen == list(range(seen[0], seen[0] + 10))


def test_it_goes_on_when_the_camera_is_back() -> None:
    with FakeCamera() as camera, headwater.frames(camera.url, timeout_s=LATE_S) as frames:
        next(frames)
        camera.restart()
        camera.wait_for("PLAY", len(camera.seen("PLAY")) + 1, timeout_s=LATE_S)
        assert next(frames).width == 320


def test_the_wall_clock_is_a_drifting_cameras_own_within_5_ms_and_follows_its_step() -> None:
    fault = WrongClock(ppm=200, step_s=3_600, step_after=60)
    settings = CameraSettings(report_interval_s=0.4)
    before = datetime.now(UTC)
    with (
        FakeCamera(fault, settings=settings) as camera,
        headwater.frames(
            camera.url,
            settings=ClientSettings(transport=ClientTransport.TCP),
            mode="every",
            queue=200,
            timeout_s=LATE_S,
        ) as frames,
    ):
        seen = [next(frames)]
        came = datetime.now(UTC)
        seen += [next(frames) for _ in range(99)]
    first = seen[0].wallclock
    assert first is not None
    assert before <= first <= came
    ahead_s = []
    for number, frame in enumerate(seen):
        assert frame.wallclock is not None
        ahead_s.append((frame.wallclock - first).total_seconds() - number / 25)
    stepped = [round(each / 3_600) for each in ahead_s]
    off_s = [abs(each - 3_600 * step) for each, step in zip(ahead_s, stepped, strict=True)]
    assert max(off_s) < 0.005
    # From the RTP timestamp of the first report after the step on.
    assert stepped == sorted(stepped)
    # Where the first key frame came too early for the client, the frames begin with the second.
    begins_at = number_of(seen[0].gray().tobytes())
    assert begins_at in {0, 25}
    assert stepped[45 - begins_at] == 0
    assert stepped[75 - begins_at] == 1
    assert seen[99].wallclock_trusted


def test_no_camera_is_a_time_out_that_may_be_asked_again() -> None:
    with FakeCamera() as gone:
        url = gone.url
    with headwater.frames(url, timeout_s=0.3) as frames:
        for _ in range(2):
            with pytest.raises(FrameTimeout):
                next(frames)


def test_one_that_is_not_to_come_back_ends_with_the_reason() -> None:
    with FakeCamera() as camera:
        url = camera.url
        with headwater.frames(url, reconnect=False, timeout_s=LATE_S) as frames:
            next(frames)
            camera.switch_off()
            with pytest.raises(SourceEnded) as ended:
                for _ in frames:
                    pass
    assert isinstance(ended.value.__cause__, ClientError)
    with (
        headwater.frames(url, reconnect=False) as frames,
        pytest.raises(SourceEnded, match="Connection refused"),
    ):
        next(frames)


def test_wishes_and_urls_without_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="fps"), headwater.frames("rtsp://a/b", fps=0) as frames:
        next(frames)
    with pytest.raises(ValueError, match="RTSP"), headwater.frames("http://a/b") as frames:
        next(frames)
