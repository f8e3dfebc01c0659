"""A reader of its own: counts the key frames of every mount, from the packets as they come.

Publish something, and watch the numbers grow:

    ffmpeg -re -i input.mp4 -c copy -f rtsp rtsp://127.0.0.1:5554/stream1
"""

import asyncio
from collections import Counter

from headwater import EventName, PacketBatch, RtspServer

server = RtspServer(publish_port=5554)
key_frames: Counter[str] = Counter()


def count(path: str) -> None:
    def on_batch(track: int, batch: PacketBatch) -> None:
        # The server looks for key frames anyway: H.264, H.265, AV1, VP8, VP9, MJPEG, MPEG-TS.
        if batch.key_frame_index >= 0:
            key_frames[path] += 1
            print(f"{path}: key frame {key_frames[path]} on track {track}")

    def on_end(reason: str) -> None:
        print(f"{path} is over: {reason}")

    server.read(path, on_batch, on_end=on_end, user_agent="key frame counter")


async def run() -> None:
    async with server:
        async for event in server.events():
            if event.name is EventName.MOUNT_OPENED:
                count(event.path)


if __name__ == "__main__":
    asyncio.run(run())
