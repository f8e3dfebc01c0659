"""Decoders in processes of their own: the same frames, and nobody is harmed when one dies."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from decoder_processes import decoder_processes, is_gone, is_there, looks_at_frames
from film_camera import PATH, FilmCamera, film_camera, read_from
from films import film, picture_hash
from sounds import sound
from waiting import holds

from headwater import RtspServer
from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.g711 import G711Config
from headwater.codecs.mjpeg.config import MjpegConfig
from headwater.libav.decoding import decode_thread, decoding
from headwater.libav.decoding.apart.frame_memory import FrameMemory
from headwater.libav.decoding.apart.process_decoder import ProcessDecoder
from headwater.libav.decoding.apart.slots import SLOTS
from headwater.libav.decoding.apart.talk import Answer, Order, Request
from headwater.libav.decoding.coded_unit import CodedUnit
from headwater.libav.decoding.errors import DecoderDied, FramesError
from headwater.libav.decoding.frame import Frame
from headwater.libav.decoding.frame_stream import FrameStream

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/maps").exists(), reason="looks at processes as Linux shows them"
)
LATE_S = 60.0

MakeCamera = Callable[..., FilmCamera]


def wanted(server: RtspServer, path: str = PATH) -> FrameStream[Frame]:
    return server.frames(path, mode="every", queue=99, timeout_s=LATE_S, decode_in="process")


async def shown(camera: FilmCamera, frames: FrameStream[Frame], count: int) -> list[Frame]:
    """Send pictures, and return as many of those that come out."""
    asked = asyncio.create_task(anext(frames))
    await asyncio.sleep(0)
    camera.send(count)
    return [await asked, *[await anext(frames) for _ in range(count - 1)]]


async def next_of(camera: FilmCamera, frames: FrameStream[Frame]) -> Frame:
    """The next frame, however many pictures it takes."""
    asked = asyncio.create_task(anext(frames))
    while not asked.done():
        camera.send()
        await asyncio.sleep(0.01)
    return await asked


@pytest.mark.parametrize("name", ["h264", "h264-b", "vp8", "mjpeg"])
async def test_every_picture_comes_as_from_a_thread(
    server: RtspServer, make_camera: MakeCamera, name: str
) -> None:
    camera = make_camera(name)
    async with wanted(server) as frames:
        asked = asyncio.create_task(anext(frames))
        await read_from(server)
        camera.send(24)
        held_back = 0 if name != "h264-b" else 2
        got = [await asked, *[await anext(frames) for _ in range(23 - held_back)]]
    # More of them than there are slots, and all are still what they were.
    assert len(got) > SLOTS
    assert [picture_hash(frame.video) for frame in got] == list(film(name).pictures[: len(got)])
    assert [round(frame.pts_s * 25) for frame in got] == list(range(len(got)))
    assert not any(frame.skipped or frame.gap or frame.undecoded for frame in got)


async def test_sound_comes_as_samples(server: RtspServer) -> None:
    recorded = sound("aac")
    publisher = server.publish(
        PATH,
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 0 RTP/AVP 97\r\n"
        "a=rtpmap:97 MPEG4-GENERIC/48000\r\na=fmtp:97 mode=AAC-hbr;sizelength=13;indexlength=3;"
        f"indexdeltalength=3;config={recorded.config.hex()}\r\n",
    )
    async with (
        server.audio_frames(PATH, queue=500, timeout_s=LATE_S) as here,
        server.audio_frames(PATH, queue=500, timeout_s=LATE_S, decode_in="process") as there,
    ):
        asked = [asyncio.create_task(anext(frames)) for frames in (here, there)]
        await read_from(server)
        for _ in range(10):
            await asyncio.sleep(0)  # both are at the mount then
        publisher.publish(
            0, [bytes((one[0], 97 | one[1] & 0x80)) + one[2:] for one in recorded.rtp]
        )
        first, its_like = await asyncio.gather(*asked)
        assert np.array_equal(first.array(), its_like.array())
        for _ in range(9):
            assert np.array_equal((await anext(here)).array(), (await anext(there)).array())


async def test_a_decoder_that_is_killed_costs_its_own_frames_alone(
    server: RtspServer, make_camera: MakeCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decode_thread, "FIRST_REST_S", 0.05)
    camera, other = make_camera(), make_camera(path="/other")
    async with wanted(server) as frames, wanted(server, "/other") as others:
        camera.send()
        before = await anext(frames)
        (killed,) = decoder_processes()
        other.send()
        seen = [await anext(others)]
        (alive,) = decoder_processes() - {killed}
        for death in (signal.SIGKILL, signal.SIGSEGV):
            (killed,) = decoder_processes() - {alive}
            os.kill(killed, death)
            await holds(partial(is_gone, killed), within_s=LATE_S)
            while not (after := await next_of(camera, frames)).undecoded:
                before = after  # it was decoded before
            assert after.key_frame
            # Each picture that was sent is told of: it is given, or counted.
            between = picture_number(after) - picture_number(before) - 1
            assert between == after.undecoded + after.skipped
            assert after.gap == 0
            seen += await shown(other, others, 3)
            before = after
        assert [frame.index for frame in seen] == list(range(7))
        assert not any(frame.undecoded for frame in seen)
        assert alive in decoder_processes()


def picture_number(frame: Frame) -> int:
    return round(frame.pts_s * 25)


async def test_one_that_hangs_is_killed_and_another_goes_on(
    server: RtspServer, make_camera: MakeCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decode_thread, "HANGS_AFTER_S", 2.0)
    camera = make_camera()
    async with wanted(server) as frames:
        camera.send()
        await anext(frames)
        (stopped,) = decoder_processes()
        os.kill(stopped, signal.SIGSTOP)
        while not (after := await next_of(camera, frames)).undecoded:
            pass
        assert after.key_frame
        await holds(lambda: not is_there(stopped), within_s=LATE_S)


def named_memory() -> set[str]:
    """What stands where Linux shows shared memory that has a name."""
    return {path.name for path in Path("/dev/shm").glob("*")}


async def all_of(frames: FrameStream[Frame]) -> None:
    async for _ in frames:
        pass


async def test_nothing_is_left_when_the_server_stops() -> None:
    shared = named_memory()
    async with RtspServer(host="127.0.0.1", publish_port=0) as server:
        camera = film_camera(server)
        camera.send(3)
        frames = wanted(server)
        kept = await anext(frames)
        (decoder,) = decoder_processes()
    await holds(lambda: not is_there(decoder), within_s=LATE_S)
    with pytest.raises(FramesError, match="the server has stopped"):
        await all_of(frames)
    assert picture_hash(kept.video) == film("h264").pictures[0], "a frame stays what it is"
    del kept, frames
    await holds(lambda: not looks_at_frames(), within_s=LATE_S)
    assert not {name for name in named_memory() - shared if "headwater" in name}


async def test_nothing_is_left_when_nobody_wants_frames(
    server: RtspServer, make_camera: MakeCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "LINGER_S", 0.05)
    make_camera().send(3)

    async def fails() -> None:
        async with wanted(server) as frames:
            await anext(frames)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fails()
    await holds(lambda: not decoder_processes(), within_s=LATE_S)
    await holds(lambda: not looks_at_frames(), within_s=LATE_S)


def test_one_that_cannot_be_opened_says_why_and_leaves_nothing() -> None:
    decoder = ProcessDecoder(G711Config("of no country"), 8_000)
    with pytest.raises(RuntimeError, match="KeyError: 'of no country'"):
        decoder.open()
    decoder.close()
    assert not is_there(decoder.pid)
    del decoder
    assert not looks_at_frames()


PROGRAM = """
import sys
from headwater import ThreadedRtspServer

with ThreadedRtspServer(host="127.0.0.1", publish_port=0) as server:
    server.add_source("/cam", sys.argv[1], transport="tcp")
    for frame in server.frames("/cam", decode_in="process", timeout_s=60):
        print(frame.index, flush=True)
"""


def test_it_ends_with_a_program_that_is_killed() -> None:
    from headwater.testing import FakeCamera

    with FakeCamera() as camera:
        program = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, camera.url], stdout=subprocess.PIPE, text=True
        )
        try:
            assert program.stdout is not None
            assert program.stdout.readline().strip().isdigit()
            (decoder,) = decoder_processes(program.pid)
        finally:
            program.kill()
            program.communicate()
        asyncio.run(holds(lambda: not is_there(decoder), within_s=LATE_S))


HANGS = """
import sys, threading
from pathlib import Path
from headwater.libav.decoding.apart import child

class Hangs:
    def __init__(self, *_, **__): pass
    def decode(self, coded):
        Path(sys.argv[1]).touch()
        threading.Event().wait()

child.Decoder = Hangs
child.main()
"""


def test_it_ends_with_its_program_even_while_it_hangs(tmp_path: Path) -> None:
    memory, began = FrameMemory(), tmp_path / "began"
    process = subprocess.Popen(
        [sys.executable, "-c", HANGS, str(began)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        pass_fds=(memory.descriptor,),
    )
    assert process.stdin is not None
    try:
        order = Order(MjpegConfig(16, 16), 90_000, None, memory.descriptor, os.getpid())
        pickle.dump(order, process.stdin)
        pickle.dump(Request(0, (b"x",), (0,)), process.stdin)
        process.stdin.flush()
        asyncio.run(holds(began.exists, within_s=LATE_S))
        process.stdin.close()
        assert process.wait(LATE_S) == 1
    finally:
        memory.close_descriptor()
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("said", "how"),
    [
        (b"no json\n", "told nonsense"),
        (Answer().line()[:-1] * 4000, "told nonsense"),
        (b"", "was ended by SIGKILL|ended with exit code"),
        (
            Answer()
            .line()
            .replace(
                b"[]",
                b'[{"kind": "picture", "position": 0, "slot": 99,'
                b' "planes": [4], "width": 2, "height": 2, "pixel_format": "gray",'
                b' "color_range": 0, "colorspace": 0}]',
            ),
            "slot 99 is not free",
        ),
    ],
    ids=["no answer", "too long", "nothing", "no slot"],
)
def test_what_it_says_is_not_believed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: bytes, how: str
) -> None:
    """A program that a hostile stream has taken over may say anything."""
    script = tmp_path / "says.py"
    script.write_text(
        "import sys, pickle\n"
        "pickle.load(sys.stdin.buffer)\n"
        f"sys.stdout.buffer.write({Answer().line()!r}); sys.stdout.buffer.flush()\n"
        "pickle.load(sys.stdin.buffer)\n"
        f"sys.stdout.buffer.write({said!r}); sys.stdout.buffer.flush()\n"
    )
    begin = subprocess.Popen

    def starts(words: list[str], **named: object) -> object:
        return begin([words[0], *words[1:-2], str(script)], **named)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "Popen", starts)
    decoder = ProcessDecoder(MjpegConfig(16, 16), 90_000)
    try:
        decoder.open()
        with pytest.raises(DecoderDied, match=how):
            decoder.decode(CodedUnit(AccessUnit(0, (b"x",)), 0, 0.0, None, 0, 1))
    finally:
        decoder.close()
    assert not is_there(decoder.pid)
