"""Pictures and sound that a program gives come out of the mount as they went in."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from inside import inside
from numbered_pictures import HEIGHT, SIZE, WIDTH, numbered, seen_number
from waiting import holds

from headwater import Frame, FramePublisher, PublisherEnded, RtspServer, ThreadedRtspServer
from headwater.libav.encoding import encoder_choice, given_track
from headwater.libav.encoding.encoder_table import EncoderKind
from headwater.libav.encoding.errors import EncoderMissing
from headwater.libav.encoding.video_encoder import VideoEncoder
from headwater.media.tracks.track import Track

OUT = "/out"
LATE_S = 20.0
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


async def give(out: FramePublisher, numbers: Sequence[int], **named: Any) -> None:
    """Put pictures one by one, each once the encoder has taken the one before."""
    assert out._video is not None
    thread = out._video.thread
    for number in numbers:
        wallclock = NOON + timedelta(seconds=number / 25)
        await out.put(numbered(number), wallclock=wallclock, **named)
        await holds(lambda: not thread._waiting)


async def frames_of(server: RtspServer, count: int, path: str = OUT) -> list[Frame]:
    async with server.frames(path, mode="every", queue=100, timeout_s=LATE_S) as frames:
        return [await anext(frames) for _ in range(count)]


def the_track(server: RtspServer) -> Track:
    mount = inside(server).mounts.get(OUT)
    assert mount is not None
    (track,) = mount.tracks
    return track


@pytest.mark.parametrize("codec", ["h264", "h265"])
@pytest.mark.parametrize("latency", ["low", "balanced"])
async def test_every_picture_arrives_once_in_order_with_its_wall_clock(
    server: RtspServer, codec: Any, latency: Any
) -> None:
    async with server.publish_frames(OUT, size=SIZE, codec=codec, latency=latency) as out:
        reading = asyncio.create_task(frames_of(server, 30))
        await give(out, range(30))
        await out.close()
        frames = await reading
    assert [seen_number(frame.gray()) for frame in frames] == list(range(30))
    late_s = [
        abs((frame.wallclock - NOON).total_seconds() - number / 25)
        for number, frame in enumerate(frames)
        if frame.wallclock is not None
    ]
    assert len(late_s) == 30
    assert max(late_s) < 0.001
    assert frames[-1].wallclock_trusted
    assert out.passed_over == 0


@pytest.mark.parametrize("name", ["bgr24", "rgb24", "gray", "bgra", "rgba"])
async def test_colours_are_what_they_were(server: RtspServer, name: Any) -> None:
    colours = {"bgr24": (200, 60, 20), "rgb24": (200, 60, 20), "gray": (120,)}
    colour = colours.get(name, (200, 60, 20, 255))
    shape = (HEIGHT, WIDTH) if name == "gray" else (HEIGHT, WIDTH, len(colour))
    picture = np.empty(shape, np.uint8)
    picture[:] = colour if len(colour) > 1 else colour[0]
    async with server.publish_frames(OUT, size=SIZE, format=name, bit_rate_bps=4_000_000) as out:
        await out.put(picture)
        (frame,) = await frames_of(server, 1)
    assert np.abs(frame.array(name).astype(int) - picture).max() <= 6


async def test_readers_who_lose_their_picture_get_a_key_frame(server: RtspServer) -> None:
    async with server.publish_frames(OUT, size=SIZE, key_frame_interval_s=3600) as out:
        await give(out, range(3))
        track = the_track(server)
        await holds(lambda: track.counters.key_frames == 1)
        track.request_key_frame()
        await give(out, range(3, 6))
        await holds(lambda: track.counters.key_frames == 2)


async def test_key_frames_come_in_time_however_seldom_pictures_do(server: RtspServer) -> None:
    async with server.publish_frames(OUT, size=SIZE, fps=100, key_frame_interval_s=0.2) as out:
        # Pictures come at a quarter of the rate that was said.
        await give(out, range(21))
        track = the_track(server)
        await holds(lambda: track.counters.batches >= 21)
    assert track.counters.key_frames == 5


class SlowEncoder(VideoEncoder):
    """Waits before its second picture until the test lets it go on."""

    waits = threading.Event()
    go_on = threading.Event()

    def encode(self, *arguments: Any, **named: Any) -> Any:
        coded = super().encode(*arguments, **named)
        self.waits.set()
        assert self.go_on.wait(LATE_S)
        return coded


async def test_put_never_waits_and_the_newest_picture_is_the_next(
    server: RtspServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    SlowEncoder.waits, SlowEncoder.go_on = threading.Event(), threading.Event()
    async with server.publish_frames(OUT, size=SIZE) as out:
        monkeypatch.setattr(given_track, "VideoEncoder", SlowEncoder)
        await out.put(numbered(0))
        assert await asyncio.to_thread(SlowEncoder.waits.wait, LATE_S)
        for number in range(1, 50):
            await out.put(numbered(number))
        assert out.passed_over == 48
        SlowEncoder.go_on.set()
        frames = await frames_of(server, 2)
    assert [seen_number(frame.gray()) for frame in frames] == [0, 49]


async def test_the_program_may_go_on_with_its_array(server: RtspServer) -> None:
    async with server.publish_frames(OUT, size=SIZE) as out:
        picture = numbered(77)
        await out.put(picture)
        picture[:] = 0
        (frame,) = await frames_of(server, 1)
    assert seen_number(frame.gray()) == 77


async def test_a_decoded_frame_goes_on_with_its_wall_clock(server: RtspServer) -> None:
    async with (
        server.publish_frames(OUT, size=SIZE) as out,
        server.publish_frames("/again", size=SIZE) as again,
    ):
        await give(out, [5])
        (frame,) = await frames_of(server, 1)
        await again.put(frame)
        (copy,) = await frames_of(server, 1, "/again")
    assert seen_number(copy.gray()) == 5
    assert copy.wallclock == frame.wallclock == NOON + timedelta(seconds=0.2)


@pytest.mark.parametrize("codec", ["opus", "aac", "pcma", "pcmu"])
async def test_sound_arrives_as_it_was(server: RtspServer, codec: Any) -> None:
    rate_hz = 8_000 if codec.startswith("pcm") else 48_000
    tone = (0.5 * np.sin(2 * np.pi * 400 * np.arange(rate_hz) / rate_hz)).astype(np.float32)
    async with server.publish_frames(OUT, audio=codec) as out:
        frames = server.audio_frames(OUT, queue=200, timeout_s=LATE_S)
        first = asyncio.create_task(anext(frames))
        await holds(lambda: server.mounts[OUT].readers)
        for at in range(0, rate_hz, rate_hz // 20):
            await out.put_audio(tone[at : at + rate_hz // 20], wallclock=NOON + at * TICK[rate_hz])
        got = [await first]
        while sum(frame.samples for frame in got) < rate_hz * 0.9:
            got.append(await anext(frames))
        frames.close()
    heard = np.concatenate([frame.array()[:, 0] for frame in got])[rate_hz // 4 :]
    spectrum = np.abs(np.fft.rfft(heard))
    loudest_hz = spectrum.argmax() * rate_hz / len(heard)
    assert loudest_hz == pytest.approx(400, abs=3)
    assert np.sqrt(np.mean(heard**2)) == pytest.approx(0.35, abs=0.05)
    told = got[-1].wallclock
    assert told is not None
    assert 0.7 < (told - NOON).total_seconds() < 1.0


TICK = {rate_hz: timedelta(seconds=1) / rate_hz for rate_hz in (8_000, 48_000)}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (np.zeros((HEIGHT, WIDTH, 3)), "uint8"),
        (np.zeros((HEIGHT // 2, WIDTH, 3), np.uint8), "does not fit a stream of 320x240"),
        ("no picture", "an array is needed, not str"),
    ],
)
async def test_an_array_that_does_not_fit_is_refused_and_disturbs_nothing(
    server: RtspServer, given: object, said: str
) -> None:
    async with server.publish_frames(OUT, size=SIZE) as out:
        with pytest.raises(ValueError, match=said):
            await out.put(given)
        with pytest.raises(ValueError, match='give publish_frames audio="opus"'):
            await out.put_audio(np.zeros(10))
        with pytest.raises(ValueError, match="needs a time zone"):
            await out.put(numbered(1), wallclock=datetime(2026, 1, 1))
        await out.put(numbered(2))
        (frame,) = await frames_of(server, 1)
    assert seen_number(frame.gray()) == 2


async def test_an_encoder_that_is_missing_is_told_and_disturbs_nobody(
    server: RtspServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with server.publish_frames("/other", size=SIZE) as other:
        with monkeypatch.context() as machine:
            machine.setattr(
                encoder_choice, "kinds_for", lambda *_: (EncoderKind("h264_of_no_machine"),)
            )
            missing = server.publish_frames(OUT, size=SIZE)
            with pytest.raises(EncoderMissing, match=r"tried: h264_of_no_machine .*pip install"):
                await missing.start()
            assert OUT not in server.mounts
        # The path is free for the next one, and the other goes on.
        async with server.publish_frames(OUT, size=SIZE) as out:
            for path, publisher in ((OUT, out), ("/other", other)):
                await publisher.put(numbered(3))
                (frame,) = await frames_of(server, 1, path)
                assert seen_number(frame.gray()) == 3


async def test_a_path_that_somebody_has_is_refused_at_the_beginning(server: RtspServer) -> None:
    async with server.publish_frames(OUT, size=SIZE):
        with pytest.raises(RuntimeError, match="/out has a publisher already"):
            await server.publish_frames(OUT, size=SIZE).start()


async def test_after_the_end_put_says_why(server: RtspServer) -> None:
    out = server.publish_frames(OUT, size=SIZE)
    with pytest.raises(RuntimeError, match="nothing is published yet"):
        await out.put(numbered(0))
    await out.start()
    await server.close_mount(OUT, "the owner is tired")
    with pytest.raises(PublisherEnded, match=r"/out: .*: the owner is tired"):
        await out.put(numbered(0))
    await out.close()
    with pytest.raises(PublisherEnded, match="it was closed"):
        await out.put(numbered(0))
    with pytest.raises(RuntimeError, match="make another one"):
        await out.start()


class BrokenEncoder(VideoEncoder):
    """Fails with every picture."""

    def encode(self, *_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("no pixels")


async def test_an_encoder_that_fails_ends_it_with_the_reason(
    server: RtspServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with server.publish_frames(OUT, size=SIZE) as out:
        monkeypatch.setattr(given_track, "VideoEncoder", BrokenEncoder)

        def ended() -> str | None:
            with contextlib.suppress(PublisherEnded):
                out.take(numbered(0))
            return out.end_reason

        await holds(ended)
        with pytest.raises(PublisherEnded, match="its encoder fails: ZeroDivisionError"):
            await out.put(numbered(0))
        # The mount and its readers are not harmed.
        assert OUT in server.mounts


def test_programs_without_asyncio_have_the_same() -> None:
    with ThreadedRtspServer(host="127.0.0.1", publish_port=0) as server:
        with server.publish_frames(OUT, size=SIZE, format="rgb24") as out:
            assert out.encoder
            out.put(numbered(9))
            frame = server.latest_frame(OUT, max_age_s=LATE_S)
            assert seen_number(frame.gray()) == 9
            assert out.passed_over == 0
            with pytest.raises(ValueError, match="no sound"):
                out.put_audio(np.zeros(9))
        assert out.end_reason == "it was closed"
        again = server.publish_frames("/again", audio="opus").start()
    # The server is gone: to close is allowed still.
    again.close()
