"""`python -m headwater.libav.camera URL TRANSPORT`: the camera as a process of its own."""

import os
import signal
import sys

import av

from headwater.libav.camera.camera import CameraSettings, run_camera
from headwater.libav.rtsp_output import reason_of


def main() -> None:
    """Run the camera until a signal ends it; the exit code is 1 when the server refuses it."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # libav may sit in a blocking write just then: its own close would wait for the server.
        signal.signal(number, lambda _number, _frame: os._exit(0))
    url, transport = sys.argv[1:]
    try:
        run_camera(url, transport=transport, settings=CameraSettings())
    except av.FFmpegError as error:
        sys.exit(f"publishing to {url}: {reason_of(error)}")


main()
