"""How old is a picture when it is seen? Measure it, from the encoder to the decoded frame.

Needs PyAV and numpy. A process of its own publishes pictures that carry their time as black and
white blocks; this one reads them and compares. Both are on one machine, so the clock is the same.

    python examples/glass_to_glass.py rtsp://127.0.0.1:8554/stream1
"""

import multiprocessing
import statistics
import sys
import time
from fractions import Fraction

import av
import numpy as np

RATE = 25
BLOCK = 16
BITS = 40
MEASURED = 50

READER_OPTIONS = {
    "as it is": {"rtsp_transport": "tcp"},
    "low delay": {
        "rtsp_transport": "tcp",
        "fflags": "nobuffer",
        "flags": "low_delay",
        "max_delay": "0",
    },
}


def publish(url: str) -> None:
    """Send pictures, each with the millisecond at which it was drawn."""
    with av.open(url, "w", format="rtsp", options={"rtsp_transport": "tcp"}) as output:
        stream = output.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = BLOCK * BITS, 360, "yuv420p"
        stream.options = {"preset": "veryfast", "tune": "zerolatency", "g": str(2 * RATE)}
        began_s = time.monotonic()
        for number in range(60 * RATE):
            time.sleep(max(0.0, began_s + number / RATE - time.monotonic()))
            frame = av.VideoFrame.from_ndarray(drawn(now_ms()), format="gray")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            output.mux(stream.encode(frame))


def drawn(moment_ms: int) -> np.ndarray:
    """A picture whose columns of blocks are the bits of a number."""
    bits = np.array([moment_ms >> bit & 1 for bit in range(BITS)], dtype=np.uint8)
    return np.tile(np.repeat(bits * 255, BLOCK), (360, 1))


def read_back(frame: av.VideoFrame) -> int:
    """The number that a picture shows."""
    row = frame.to_ndarray(format="gray")[180, BLOCK // 2 :: BLOCK]
    return sum(1 << bit for bit, level in enumerate(row) if level > 127)


def now_ms() -> int:
    return time.monotonic_ns() // 1_000_000


def watched(url: str, options: dict[str, str]) -> tuple[int, list[int]]:
    """After how many milliseconds the first picture is there, and how old each is by then."""
    began_ms = now_ms()
    waited_ms, ages_ms = 0, []
    with av.open(url, options=options, timeout=10) as stream:
        for frame in stream.decode(video=0):
            waited_ms = waited_ms or now_ms() - began_ms
            ages_ms.append(now_ms() - read_back(frame))
            if len(ages_ms) == MEASURED:
                break
    return waited_ms, ages_ms


def wait_for(url: str) -> None:
    """Return when somebody publishes there."""
    for _ in range(100):
        try:
            av.open(url, options={"rtsp_transport": "tcp"}, timeout=10).close()
        except av.HTTPNotFoundError:
            time.sleep(0.1)
        else:
            return


def main(url: str) -> None:
    camera = multiprocessing.get_context("spawn").Process(target=publish, args=(url,), daemon=True)
    camera.start()
    wait_for(url)
    print("begins with      reader     first picture after  that is old  later pictures are old")
    for query, begins in (("", "last key frame"), ("?instant_start=0", "next packet")):
        for name, options in READER_OPTIONS.items():
            waited_ms, ages_ms = watched(url + query, options)
            later_ms = statistics.median(ages_ms[MEASURED // 2 :])
            print(
                f"{begins:16} {name:10} {waited_ms:16} ms {ages_ms[0]:9} ms {later_ms:20.0f} ms",
                flush=True,
            )
    camera.terminate()


if __name__ == "__main__":
    main(sys.argv[1])
