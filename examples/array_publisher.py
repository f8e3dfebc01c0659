"""Arrays that a callback brings, as from a ROS topic or a camera's own library, become a stream.

The camera here is a fake: a thread that calls back with a picture and the time at which it was
taken. With ROS, `on_image` is the callback of a subscription, and the array comes from cv_bridge.

    python examples/array_publisher.py
    ffplay rtsp://127.0.0.1:8554/robot
"""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np

from headwater import ThreadedFramePublisher, ThreadedRtspServer

WIDTH, HEIGHT, FPS = 640, 480, 20


class ImagePublisher:
    """Publishes the pictures of a topic."""

    def __init__(self, out: ThreadedFramePublisher) -> None:
        self._out = out

    def on_image(self, picture: np.ndarray, stamp_s: float) -> None:
        """Publish one; called on the camera's thread.

        `put` copies the picture and does not wait. Where the encoder is still at work, the newest
        picture is the next one.
        """
        self._out.put(picture, wallclock=datetime.fromtimestamp(stamp_s, UTC))


class FakeCamera(threading.Thread):
    """Calls back with pictures of a ball that moves."""

    def __init__(self, on_image: Callable[[np.ndarray, float], None]) -> None:
        super().__init__(daemon=True)
        self._on_image = on_image
        self._ended = threading.Event()

    def run(self) -> None:
        """Call back until the end."""
        rows, columns = np.ogrid[:HEIGHT, :WIDTH]
        number = 0
        while not self._ended.wait(1 / FPS):
            number += 1
            x, y = 40 + number * 5 % (WIDTH - 80), 40 + number * 3 % (HEIGHT - 80)
            picture = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
            picture[(rows - y) ** 2 + (columns - x) ** 2 < 900] = (0, 160, 255)
            self._on_image(picture, time.time())

    def end(self) -> None:
        """Call back no more."""
        self._ended.set()
        self.join()


def main() -> None:
    with (
        ThreadedRtspServer(publish_port=8554) as server,
        server.publish_frames("/robot", size=(WIDTH, HEIGHT), fps=FPS) as out,
    ):
        camera = FakeCamera(ImagePublisher(out).on_image)
        camera.start()
        print("play from", server.play_url("/robot"), "coded by", out.encoder)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("stopping")
        camera.end()


if __name__ == "__main__":
    main()
