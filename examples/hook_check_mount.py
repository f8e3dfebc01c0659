"""What may be played? A hook that allows one path, and chooses the status of a refusal."""

import asyncio

from headwater import HookRequest, RtspServer


async def check_mount(request: HookRequest) -> bool | int:
    if request.path == "/test/1":
        return True
    if request.path == "/test/2":
        return 503  # instead of 403
    return False


server = RtspServer(publish_port=5554, play_port=6554, play_hooks={"check_mount": check_mount})

if __name__ == "__main__":
    asyncio.run(server.serve_forever())
