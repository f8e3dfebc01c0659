"""Spread readers over several servers: one address, a redirect to where the stream is.

Publishers choose a server by hand; this one knows where each path is published and sends readers
there. Players that follow RTSP redirects (ffmpeg, VLC, GStreamer do) need to know this address
only.
"""

import asyncio

from headwater import HookRequest, Hooks, Redirect, RtspServer

SERVER_BY_PATH = {
    "/stream1": "rtsp://127.0.0.1:8554",
    "/stream2": "rtsp://127.0.0.1:9554",
}

hooks = Hooks()


@hooks.check_mount
def check_mount(request: HookRequest) -> Redirect | int:
    server = SERVER_BY_PATH.get(request.path)
    return 404 if server is None else Redirect(f"{server}{request.path}")


server = RtspServer(publish_port=5554, play_port=6554, play_hooks=hooks)

if __name__ == "__main__":
    asyncio.run(server.serve_forever())
