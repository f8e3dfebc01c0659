"""Cameras that hang, break off, say nonsense, or never come to an end: each fault on the wire."""

from __future__ import annotations

import asyncio

import pytest
from camera_talk import CameraTalk

from headwater.testing.fake_camera import AsyncFakeCamera, CameraSettings
from headwater.testing.fake_camera.faults import (
    CutConnection,
    Drip,
    Echo,
    EndlessBody,
    EndlessHeaders,
    FloodOfRequests,
    Garbage,
    Hang,
    LongSdp,
    OtherCSeq,
    Reply,
    redirect,
)
from headwater.testing.fake_camera.faults.conversation import CONNECT

METHODS = ("OPTIONS", "DESCRIBE", "SETUP", "PLAY", "GET_PARAMETER", "TEARDOWN")


async def ask(talk: CameraTalk, method: str) -> None:
    """Send a request of this method, after those that must come before it, and read nothing."""
    if method in ("PLAY", "GET_PARAMETER", "TEARDOWN"):
        await talk.setup()
    uri = talk.camera.track_url(0) if method == "SETUP" else talk.camera.url
    headers = talk.session | {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}
    await talk.peer.send(talk.peer.request(method, uri, headers))
    await talk.camera.wait_for(method, 1)


async def nothing_more(talk: CameraTalk) -> None:
    """Another request gets no answer, though the connection takes it."""
    await talk.peer.send(talk.peer.request("OPTIONS", "*"))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await talk.reader.readexactly(1)
    assert talk.camera.live_connections


@pytest.mark.parametrize("after_bytes", [0, 20])
@pytest.mark.parametrize("method", METHODS)
async def test_it_hangs_at_a_step(method: str, after_bytes: int) -> None:
    camera = AsyncFakeCamera(Hang(method, after_bytes))
    async with CameraTalk.with_one(camera) as talk:
        await ask(talk, method)
        assert b"RTSP/1.0 200 OK\r\nSes".startswith(
            (await talk.reader.readexactly(after_bytes))[:15]
        )
        await nothing_more(talk)
        talk.peer.abort()
        await camera.wait_until(lambda: not camera.live_connections)


async def test_it_hangs_as_soon_as_one_connects() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera(Hang(CONNECT))) as talk:
        await nothing_more(talk)
        assert talk.camera.requests == []


async def test_it_hangs_later() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera(Hang("OPTIONS", after=2))) as talk:
        assert [(await talk.ask("OPTIONS")).status for _ in range(2)] == [200, 200]
        await nothing_more(talk)


@pytest.mark.parametrize("after_bytes", [0, 20])
@pytest.mark.parametrize("method", METHODS)
async def test_it_cuts_the_connection_at_a_step(method: str, after_bytes: int) -> None:
    async with CameraTalk.with_one(AsyncFakeCamera(CutConnection(method, after_bytes))) as talk:
        await ask(talk, method)
        assert len(await talk.peer.closed()) == after_bytes


async def test_it_cuts_the_connection_as_soon_as_one_connects() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera(CutConnection(CONNECT))) as talk:
        assert await talk.peer.closed() == b""


@pytest.mark.parametrize("value", ["4711", "", None])
async def test_it_answers_another_cseq(value: str | None) -> None:
    async with CameraTalk.with_one(AsyncFakeCamera(OtherCSeq("DESCRIBE", value))) as talk:
        assert (await talk.ask("OPTIONS")).header("CSeq") == "1"
        assert (await talk.ask("DESCRIBE")).header("CSeq") == value


async def test_it_answers_garbage_or_puts_it_before_an_answer() -> None:
    garbage = b"\x00\xff HTTP 1.1 \r\n\r\n"
    async with CameraTalk.with_one(AsyncFakeCamera(Garbage("OPTIONS", garbage))) as talk:
        await ask(talk, "OPTIONS")
        assert await talk.reader.readexactly(len(garbage)) == garbage
    async with CameraTalk.with_one(
        AsyncFakeCamera(Garbage("OPTIONS", garbage, instead=False))
    ) as talk:
        await ask(talk, "OPTIONS")
        expected = garbage + b"RTSP/1.0 200 OK"
        assert await talk.reader.readexactly(len(expected)) == expected


async def test_it_sends_the_request_back() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera(Echo("OPTIONS"))) as talk:
        sent = talk.peer.request("OPTIONS", "*")
        await talk.peer.send(sent)
        assert await talk.reader.readexactly(len(sent)) == sent


async def test_it_answers_byte_by_byte() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera(Drip("OPTIONS", interval_s=0.001))) as talk:
        pieces = 0
        await ask(talk, "OPTIONS")
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += await talk.reader.read(65_536)
            pieces += 1
    assert answer.startswith(b"RTSP/1.0 200 OK\r\n")
    assert pieces > 10


@pytest.mark.parametrize("line", [b"X-Camera: and so on\r\n", b"x"], ids=["headers", "one line"])
async def test_headers_never_end(line: bytes) -> None:
    async with CameraTalk.with_one(AsyncFakeCamera(EndlessHeaders("DESCRIBE", line))) as talk:
        await ask(talk, "DESCRIBE")
        data = await talk.reader.readexactly(2_000_000)
        assert b"\r\n\r\n" not in data
        talk.peer.abort()
        await talk.camera.wait_until(lambda: not talk.camera.live_connections)


async def test_a_body_never_ends() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera(EndlessBody())) as talk:
        await ask(talk, "DESCRIBE")
        data = await talk.reader.readexactly(2_000_000)
        assert b"Content-Length: 1099511627776\r\n" in data
        talk.peer.abort()
        await talk.camera.wait_until(lambda: not talk.camera.live_connections)


async def test_a_long_description_ends() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera(LongSdp(1_000_000))) as talk:
        body = (await talk.ask("DESCRIBE")).body
    assert 1_000_000 <= len(body) < 1_000_100
    assert body.startswith(b"v=0\r\n")


async def test_requests_without_end() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera(FloodOfRequests())) as talk:
        await talk.play()
        seen = [await talk.request() for _ in range(2_000)]
        assert set(seen) == {("OPTIONS * RTSP/1.0", b"")}
        talk.peer.abort()
        await talk.camera.wait_until(lambda: not talk.camera.live_connections)


async def test_media_as_fast_as_the_client_takes_it() -> None:
    settings = CameraSettings(pace=None)
    async with CameraTalk.with_one(AsyncFakeCamera(settings=settings)) as talk:
        await talk.play()
        assert len(await talk.pictures(2_000)) == 2_000


async def test_it_redirects_and_replies_as_it_is_told() -> None:
    elsewhere = redirect("rtsp://{address}/elsewhere", 301)
    async with CameraTalk.with_one(AsyncFakeCamera(elsewhere, Reply("PLAY", 503, after=1))) as talk:
        answer = await talk.ask("DESCRIBE")
        location = f"rtsp://{talk.camera.address}/elsewhere"
        assert (answer.status, answer.header("Location")) == (301, location)
        await talk.setup()
        assert [(await talk.ask("PLAY")).status for _ in range(2)] == [200, 503]
