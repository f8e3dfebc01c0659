"""A model looks at a camera, and what it finds is drawn and published again.

The model here is a fake that "finds" the brightest place. However long a real one takes, the camera
is not slowed down: the model gets the newest frame each time, and the others are passed over.

    python examples/inference.py
    headwater publish input.mp4 rtsp://127.0.0.1:8554/camera --loop
    ffplay rtsp://127.0.0.1:8554/camera/annotated
"""

import asyncio
import time

import numpy as np

from headwater import Frame, RtspServer

BLOCK = 40


class FakeModel:
    """Takes its time, and returns a box: left, top, width, height."""

    def predict(self, gray: np.ndarray) -> tuple[int, int, int, int]:
        """Find something."""
        time.sleep(0.1)
        rows, columns = gray.shape[0] // BLOCK, gray.shape[1] // BLOCK
        blocks = gray[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK)
        row, column = np.unravel_index(blocks.mean(axis=(1, 3)).argmax(), (rows, columns))
        return int(column) * BLOCK, int(row) * BLOCK, BLOCK, BLOCK


model = FakeModel()


def annotate(frame: Frame) -> np.ndarray:
    """Draw the box into the picture; runs on a thread of its own."""
    left, top, width, height = model.predict(frame.gray())
    picture = frame.array()
    bottom, right = min(top + height, frame.height) - 1, min(left + width, frame.width) - 1
    picture[[top, bottom], left:right] = picture[top:bottom, [left, right]] = (0, 0, 255)
    return picture


async def main() -> None:
    async with RtspServer(publish_port=8554) as server:
        server.transform("/camera", "/camera/annotated", annotate, size=(640, None))
        print("publish to", server.publish_url("/camera"))
        while True:
            await asyncio.sleep(1)
            for each in server.transforms:
                print(f"{each.published} pictures published, {each.skipped} frames passed over")


if __name__ == "__main__":
    asyncio.run(main())
