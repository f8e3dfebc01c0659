"""Two servers in one process: cameras publish to one, and viewers play from the other.

The second fetches a camera from the first only while somebody watches it.

    python examples/two_servers.py
    ffmpeg -re -i input.mp4 -c copy -f rtsp rtsp://127.0.0.1:5554/stream1
    ffplay rtsp://127.0.0.1:6554/stream1
"""

import asyncio

from headwater import RtspServer

# Each has its own TCP port and its own UDP ports.
cameras = RtspServer(publish_port=5554, rtp_port_start=10000, rtp_port_count=1000)
viewers = RtspServer(publish_port=6554, rtp_port_start=11000, rtp_port_count=1000)


async def main() -> None:
    async with cameras, viewers:
        await viewers.add_source("/stream1", cameras.play_url("/stream1"), on_demand=True)
        print("publish to", cameras.publish_url("/stream1"))
        print("play from ", viewers.play_url("/stream1"))
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
