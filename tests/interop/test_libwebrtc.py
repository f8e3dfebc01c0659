"""A second peer: Chrome's engine as a Python package, which sees the pictures themselves."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import pytest
from numbered_film import BITS, FRAMES, HEIGHT, WIDTH, end, film, publish
from webrtc_peer import post

from headwater import RtspServer, Settings
from headwater.http.settings import HttpSettings
from headwater.webrtc.settings import WebRtcSettings

webrtc = pytest.importorskip("webrtc")
pytestmark = [pytest.mark.interop, pytest.mark.timeout(90)]

_COLUMN = WIDTH // BITS


def number_of(luma: bytes) -> int:
    """The number that a picture tells, by the middle of each column."""
    row = WIDTH * (HEIGHT // 2)
    return sum(1 << bit for bit in range(BITS) if luma[row + bit * _COLUMN + _COLUMN // 2] > 127)


async def test_pictures_in_their_order(tmp_path: Path) -> None:
    settings = Settings(http=HttpSettings(port=0), webrtc=WebRtcSettings(port=0))
    async with RtspServer(host="127.0.0.1", publish_port=0, settings=settings) as server:
        clip = film(tmp_path, "vp8", "opus")
        publisher = await publish(clip, server.publish_url("/front"))
        try:
            await server.wait_for_mount("/front", 20)
            assert server.http_port is not None
            async with asyncio.timeout(40):
                numbers = await watched(server.http_port, 60)
        finally:
            await end(publisher)
    steps = [(b - a) % FRAMES for a, b in itertools.pairwise(numbers)]
    assert all(0 < step < FRAMES // 10 for step in steps), numbers
    assert steps.count(1) >= 50, numbers


async def watched(port: int, count: int) -> list[int]:
    """The numbers of so many pictures, as the engine decodes them."""
    async with webrtc.RTCPeerConnection() as peer:
        receiving = webrtc.RTCRtpTransceiverInit(direction="recvonly")
        transceiver = peer.add_transceiver("video", receiving)
        await peer.set_local_description(await peer.create_offer())
        answer = await post(port, "/front/whep", peer.local_description.sdp.encode())
        assert answer.status == 201
        await peer.set_remote_description(
            webrtc.RTCSessionDescriptionInit(type="answer", sdp=answer.body.decode())
        )
        track = transceiver.receiver.track
        processor = webrtc.MediaStreamTrackProcessor(
            webrtc.MediaStreamTrackProcessorInit(track=track)
        )
        numbers: list[int] = []
        async for frame in processor.readable:
            picture = bytearray(frame.allocation_size())
            await frame.copy_to(picture)
            frame.close()
            numbers.append(number_of(bytes(picture)))
            if len(numbers) == count:
                break
        return numbers
