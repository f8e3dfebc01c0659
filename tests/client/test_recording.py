"""What a program may do with a recording, and when it is told that it may not."""

from __future__ import annotations

import asyncio

import pytest

from headwater import RtspServer
from headwater.client import ClientError, Recording, RefusedError, RtspClient

SDP = b"v=0\r\ns=-\r\nm=audio 0 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
PACKET = b"\x80\x00\x00\x01\x00\x00\x00\xa0ssrc" + bytes(160)


@pytest.mark.parametrize("presentation", [b"", b"v=0\r\ns=-\r\n", b"nonsense"])
async def test_what_is_no_presentation(server: RtspServer, presentation: bytes) -> None:
    with pytest.raises(ValueError, match="presentation"):
        RtspClient(server.publish_url("/a")).record(presentation)


async def test_nothing_is_recorded_before_the_start(server: RtspServer) -> None:
    recording = RtspClient(server.publish_url("/a")).record(SDP)
    with pytest.raises(RuntimeError, match=r"recording\.start\(\)"):
        recording.publish(0, [PACKET])
    with pytest.raises(RuntimeError):
        assert recording.transport
    await recording.close()
    assert not server.mounts


async def test_packets_of_tracks_that_are_there(server: RtspServer) -> None:
    async with RtspClient(server.publish_url("/a")).record(SDP) as recording:
        assert await recording.start() is recording
        recording.publish(0, [])
        recording.publish_rtcp(0, [])
        for index in (-1, 1):
            with pytest.raises(IndexError, match="there is no track"):
                recording.publish(index, [PACKET])
        recording.publish(0, [PACKET])
        assert recording.dropped_packets == 0
        mount = await server.wait_for_mount("/a", timeout_s=10)
        assert mount.publisher is not None
    await recording.close()


async def publish_without_end(recording: Recording) -> None:
    while True:
        recording.publish(0, [PACKET])
        await asyncio.sleep(0)


async def test_a_recording_that_the_server_ended_takes_nothing_more(server: RtspServer) -> None:
    async with RtspClient(server.publish_url("/a")).record(SDP) as recording:
        await server.wait_for_mount("/a", timeout_s=10)
        assert await server.close_mount("/a")
        with pytest.raises(ClientError):
            await asyncio.wait_for(publish_without_end(recording), 10)


async def test_a_recording_that_is_refused_leaves_nothing(server: RtspServer) -> None:
    async with RtspClient(server.publish_url("/a")).record(SDP):
        second = RtspClient(server.publish_url("/a")).record(SDP)
        with pytest.raises(RefusedError):
            await second.start()
        await second.close()
