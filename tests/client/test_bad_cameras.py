"""Cameras that hang, break off, say nonsense or never end cost little, and it is said why."""

from __future__ import annotations

import asyncio
import logging
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from headwater import RtspClient
from headwater.client import (
    ClientError,
    ConnectionLostError,
    RefusedError,
    SilentError,
    StepTimeoutError,
    UnreachableError,
    UnusableAnswerError,
)
from headwater.testing.fake_camera import AsyncFakeCamera, CameraSettings, Fault, Transport
from headwater.testing.fake_camera.faults import (
    CutConnection,
    Drip,
    Echo,
    EndlessBody,
    EndlessHeaders,
    FloodOfRequests,
    Garbage,
    GarbageBetweenFrames,
    Hang,
    LongSdp,
    NoAnswer,
    OtherCSeq,
    Reply,
)
from headwater.testing.fake_camera.faults.conversation import CONNECT

SHORT_S = 0.3
"""What the client is told to wait; a test that takes DEADLINE_S has waited without a bound."""
DEADLINE_S = 15.0
MOST_BYTES = 8_000_000
"""What a conversation may take; a hostile camera sends as much in a fraction of a second."""


def client_of(camera: AsyncFakeCamera, transport: str = "tcp", **chosen: float) -> RtspClient:
    waits: dict[str, Any] = {"answer_timeout_s": SHORT_S, "connect_timeout_s": SHORT_S} | chosen
    return RtspClient(camera.url, transport=transport, **waits)


async def play_on(client: RtspClient) -> int:
    """Play until the end; how many batches came."""
    batches = 0
    async with asyncio.timeout(DEADLINE_S), client, client.play() as playback:
        async for _ in playback:
            batches += 1
    return batches


async def error_of(camera: AsyncFakeCamera, transport: str = "tcp", **chosen: float) -> ClientError:
    """What a client says that plays until it cannot go on."""
    with pytest.raises(ClientError) as caught:
        await play_on(client_of(camera, transport, **chosen))
    assert caught.value.url == camera.url
    await camera.wait_until(lambda: not camera.live_connections)
    return caught.value


@contextmanager
def bounded_memory() -> Iterator[None]:
    """No more than MOST_BYTES are held at any time by what runs within."""
    tracemalloc.start()
    try:
        yield
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < MOST_BYTES, f"{most} bytes were held"


@pytest.mark.parametrize("after_bytes", [0, 20])
@pytest.mark.parametrize(
    ("step", "named"),
    [
        ("OPTIONS", "OPTIONS"),
        ("DESCRIBE", "DESCRIBE"),
        ("SETUP", "SETUP of track 0 (tcp)"),
        ("PLAY", "PLAY"),
    ],
)
async def test_it_hangs_at_a_step(step: str, named: str, after_bytes: int) -> None:
    async with AsyncFakeCamera(Hang(step, after_bytes)) as camera:
        error = await error_of(camera)
    assert isinstance(error, StepTimeoutError)
    assert error.step == named
    assert "no answer within 0.3 s" in error.message


async def test_it_hangs_as_soon_as_one_connects() -> None:
    async with AsyncFakeCamera(Hang(CONNECT)) as camera:
        assert isinstance(await error_of(camera), StepTimeoutError)


@pytest.mark.parametrize("answer_timeout_s", [SHORT_S, DEADLINE_S])
async def test_it_hangs_in_the_tls_handshake(answer_timeout_s: float) -> None:
    async with AsyncFakeCamera(Hang(CONNECT)) as camera:
        url = camera.url.replace("rtsp:", "rtsps:")
        client = RtspClient(
            url,
            fingerprint="00" * 32,
            connect_timeout_s=SHORT_S,
            answer_timeout_s=answer_timeout_s,
        )
        with pytest.raises(StepTimeoutError) as caught:
            await play_on(client)
        assert caught.value.step == "TLS handshake"
        assert "not done after 0.3 s" in caught.value.message
        await camera.wait_until(lambda: not camera.live_connections)


@pytest.mark.parametrize(
    "fault", [Hang("TEARDOWN"), NoAnswer("TEARDOWN"), CutConnection("TEARDOWN")]
)
async def test_it_does_not_answer_the_farewell(fault: Fault) -> None:
    async with AsyncFakeCamera(fault) as camera:
        client = client_of(camera)
        async with asyncio.timeout(DEADLINE_S), client, client.play() as playback:
            await anext(playback)
        await camera.wait_until(lambda: not camera.live_connections)
        assert len(camera.seen("TEARDOWN")) == 1


@pytest.mark.parametrize("step", ["OPTIONS", "GET_PARAMETER"])
@pytest.mark.parametrize("fault", [Hang, NoAnswer])
async def test_a_keep_alive_without_an_answer_stops_nothing(
    fault: type[Hang | NoAnswer], step: str
) -> None:
    methods = ("OPTIONS", "DESCRIBE", "SETUP", "PLAY", "TEARDOWN", step)
    settings = CameraSettings(methods=methods, session_timeout_s=60, advertised_timeout_s=2)
    # The first OPTIONS is no keep-alive: it asks what there is.
    answered = int(step == "OPTIONS")
    async with AsyncFakeCamera(fault(step, after=answered), settings=settings) as camera:
        client = client_of(camera)
        async with asyncio.timeout(DEADLINE_S), client, client.play() as playback:
            pictures = 0
            async for _ in playback:
                pictures += 1
                if len(camera.seen(step)) > answered:
                    break
            before = pictures
            async for _ in playback:
                pictures += 1
                if pictures == before + 10:
                    break


@pytest.mark.parametrize("after_bytes", [0, 20])
@pytest.mark.parametrize("step", ["DESCRIBE", "SETUP", "PLAY"])
async def test_it_cuts_the_connection_at_a_step(step: str, after_bytes: int) -> None:
    async with AsyncFakeCamera(CutConnection(step, after_bytes)) as camera:
        error = await error_of(camera)
    assert isinstance(error, ConnectionLostError)
    assert error.step.startswith(step)


async def test_it_cuts_the_connection_as_soon_as_one_connects() -> None:
    async with AsyncFakeCamera(CutConnection(CONNECT)) as camera:
        assert isinstance(await error_of(camera), ConnectionLostError)


async def test_it_is_switched_off() -> None:
    camera = AsyncFakeCamera()
    async with camera:
        pass
    error = await error_of(camera)
    assert isinstance(error, UnreachableError)
    assert error.may_pass


async def test_it_answers_another_cseq() -> None:
    async with AsyncFakeCamera(OtherCSeq("SETUP")) as camera:
        error = await error_of(camera)
    assert isinstance(error, StepTimeoutError)
    assert "1 answers came with another CSeq" in error.message


@pytest.mark.parametrize("value", [None, ""])
async def test_it_answers_without_a_cseq(value: str | None) -> None:
    async with AsyncFakeCamera(OtherCSeq("SETUP", value)) as camera:
        client = client_of(camera)
        async with asyncio.timeout(DEADLINE_S), client, client.play() as playback:
            assert (await anext(playback)).packets


GARBAGE = [
    b"\x00\xff\x80" * 30,
    b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    b"SSH-2.0-OpenSSH_9.2\r\n",
    b"RTSP/1.0 two hundred\r\n\r\n",
    b"RTSP/1.0 OK 200\r\nCSeq: 1\r\n\r\n",
    b"RTSP/2.0 200 OK\r\nCSeq: 1\r\n\r\n",
    b"$\x00\xff\xff",
    b"\r\n" * 2_000,
]


@pytest.mark.parametrize("step", ["DESCRIBE", "PLAY"])
@pytest.mark.parametrize("garbage", GARBAGE, ids=range(len(GARBAGE)))
async def test_it_answers_garbage(garbage: bytes, step: str) -> None:
    async with AsyncFakeCamera(Garbage(step, garbage)) as camera:
        error = await error_of(camera)
    assert isinstance(error, UnusableAnswerError | StepTimeoutError | ConnectionLostError)
    assert str(error).isprintable()


async def test_it_sends_the_request_back() -> None:
    async with AsyncFakeCamera(Echo("DESCRIBE")) as camera:
        assert isinstance(await error_of(camera), UnusableAnswerError | StepTimeoutError)


@pytest.mark.parametrize("step", ["DESCRIBE", "SETUP", "PLAY"])
async def test_it_answers_byte_by_byte_for_too_long(step: str) -> None:
    async with AsyncFakeCamera(Drip(step, interval_s=0.02)) as camera:
        assert isinstance(await error_of(camera), StepTimeoutError)


@pytest.mark.parametrize(
    ("status", "words"),
    [(404, "check the path"), (453, "no room"), (503, "busy"), (999, "999"), (0, "")],
)
async def test_it_refuses(status: int, words: str) -> None:
    async with AsyncFakeCamera(Reply("DESCRIBE", status)) as camera:
        error = await error_of(camera)
    assert isinstance(error, RefusedError | UnusableAnswerError | StepTimeoutError)
    assert words in str(error)


ENDLESS = [
    EndlessHeaders("DESCRIBE"),
    EndlessHeaders("DESCRIBE", b"x"),
    EndlessHeaders("PLAY"),
    EndlessBody("DESCRIBE"),
    EndlessBody("SETUP"),
    LongSdp(1_000_000),
    LongSdp(100_000, "\r\n"),
    LongSdp(100_000, "m=video 0 RTP/AVP 96\r\n"),
    Garbage("PLAY", b"\xff" * 20_000_000),
]


@pytest.mark.parametrize("fault", ENDLESS, ids=range(len(ENDLESS)))
async def test_it_does_not_come_to_an_end(fault: Fault) -> None:
    async with AsyncFakeCamera(fault) as camera:
        error = await error_of(camera, answer_timeout_s=3.0)
    # A bound was met, not the clock.
    assert isinstance(error, UnusableAnswerError), error


ENDLESS_MEMORY = [EndlessHeaders("DESCRIBE"), EndlessBody("DESCRIBE"), LongSdp(1_000_000)]


@pytest.mark.parametrize("fault", ENDLESS_MEMORY, ids=range(len(ENDLESS_MEMORY)))
async def test_what_does_not_end_takes_little_memory(fault: Fault) -> None:
    async with AsyncFakeCamera(fault) as camera:
        with bounded_memory():
            await error_of(camera, answer_timeout_s=3.0)


async def test_it_asks_without_end() -> None:
    async with AsyncFakeCamera(FloodOfRequests()) as camera:
        with bounded_memory():
            error = await error_of(camera, silence_timeout_s=1.0)
    assert isinstance(error, UnusableAnswerError | SilentError | StepTimeoutError)


async def test_it_floods_with_media_and_the_program_takes_its_time() -> None:
    async with AsyncFakeCamera(settings=CameraSettings(pace=None)) as camera:
        client = client_of(camera, answer_timeout_s=5.0)
        with bounded_memory():
            async with asyncio.timeout(DEADLINE_S), client, client.play() as playback:
                for _ in range(20):
                    await anext(playback)
                    await asyncio.sleep(0.02)
        await camera.wait_until(lambda: not camera.live_connections)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_it_falls_silent(transport: str) -> None:
    async with AsyncFakeCamera() as camera:
        asyncio.get_running_loop().call_later(0.2, camera.fall_silent)
        error = await error_of(camera, transport, silence_timeout_s=1.0)
    assert isinstance(error, SilentError)


async def test_it_plays_nothing_at_all() -> None:
    async with AsyncFakeCamera() as camera:
        camera.fall_silent()
        error = await error_of(camera, "udp", silence_timeout_s=SHORT_S)
    assert isinstance(error, SilentError)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_it_cuts_the_connection_while_it_plays(transport: str) -> None:
    async with AsyncFakeCamera() as camera:
        asyncio.get_running_loop().call_later(0.2, camera.cut)
        error = await error_of(camera, transport)
    assert isinstance(error, ConnectionLostError)
    assert error.step == "playing"


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_it_says_goodbye(transport: str) -> None:
    async with AsyncFakeCamera() as camera:
        client = client_of(camera, transport)
        asyncio.get_running_loop().call_later(0.2, camera.say_bye)
        assert await play_on(client) > 0


async def test_garbage_without_packets_ends_it() -> None:
    fault = GarbageBetweenFrames(garbage=b"\xff" * 200_000, every=2)
    async with AsyncFakeCamera(fault) as camera:
        error = await error_of(camera)
    assert isinstance(error, UnusableAnswerError)


@pytest.mark.parametrize(
    "fault", [Hang("PLAY"), Garbage("PLAY", b"\xff" * 300), Reply("PLAY", 500)]
)
async def test_the_log_is_silent_and_ports_are_given_back(
    fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    """What went wrong is in the error that the program gets, once."""
    settings = CameraSettings(transports=frozenset({Transport.UDP}))
    async with AsyncFakeCamera(fault, settings=settings) as camera:
        client = client_of(camera, "udp")
        with caplog.at_level(logging.INFO), pytest.raises(ClientError):
            await play_on(client)
        assert not [record for record in caplog.records if record.name.startswith("headwater")]
        assert client._surroundings.transports.ports.in_use == 0
        await camera.wait_until(lambda: not camera.live_connections)
