"""A camera as a program of its own: `camera_program.py PORT`, until it is killed."""

from __future__ import annotations

import asyncio
import sys

from headwater.testing.fake_camera import AsyncFakeCamera, CameraSettings

PATH = "/camera"


async def main(port: int) -> None:
    camera = AsyncFakeCamera(settings=CameraSettings(host="0.0.0.0", port=port, path=PATH))
    await camera.start()
    print(flush=True)  # noqa: T201 - it can be asked now
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
