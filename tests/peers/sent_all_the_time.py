"""A server of ours with a mount that sends all the time, for a client to play."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from rtsp_peer import SDP_VIDEO, rtp

from headwater import PacketPublisher, RtspServer

DEADLINE_S = 10


@contextlib.asynccontextmanager
async def published(
    server: RtspServer, path: str = "/cam", sdp: bytes = SDP_VIDEO
) -> AsyncIterator[PacketPublisher]:
    """Publish numbered key frames of one packet each on the first track, in small batches."""
    with_packets = server.publish(path, sdp)

    async def send() -> None:
        seq = 0
        while True:
            with_packets.publish(0, [rtp(seq), rtp(seq + 1)])
            seq += 2
            await asyncio.sleep(0.005)

    task = asyncio.create_task(send())
    try:
        yield with_packets
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        with_packets.close()
