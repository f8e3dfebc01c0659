"""Who is it? A hook that checks names and passwords; anybody else gets 401.

ffmpeg -re -i input.mp4 -c copy -f rtsp rtsp://test:test@127.0.0.1:5554/stream1
"""

import asyncio

from headwater import Hooks, RtspServer

hooks = Hooks()


@hooks.authentication
async def authentication(username: str, password: str) -> bool:
    return username == "test" and password == "test"


server = RtspServer(publish_port=5554, play_port=6554, publish_hooks=hooks, play_hooks=hooks)

if __name__ == "__main__":
    asyncio.run(server.serve_forever())
