"""A server inside a program: one port for publishers, one for readers.

Publish and play:

    ffmpeg -re -i input.mp4 -c copy -f rtsp rtsp://127.0.0.1:5554/stream1
    ffplay rtsp://127.0.0.1:6554/stream1
"""

import asyncio

from headwater import RtspServer

server = RtspServer(
    publish_port=5554,
    play_port=6554,
    rtp_port_start=10000,
    rtp_port_count=10000,
)


async def run() -> None:
    try:
        await server.serve_forever()
    except OSError as error:
        print(f"the server cannot start: {error}")


if __name__ == "__main__":
    asyncio.run(run())
