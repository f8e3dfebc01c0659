"""Play a file or URL with OpenCV: `opencv_play.py SOURCE FRAMES OUT.json` (0 frames: to the end).

RTSP options come in OPENCV_FFMPEG_CAPTURE_OPTIONS, which OpenCV reads when it opens the source.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import cv2


def main(source: str, frames: str, out: str) -> None:
    """Write the checksums of the pictures."""
    wanted = int(frames)
    capture = cv2.VideoCapture(source, cv2.CAP_FFMPEG)
    if not capture.isOpened():
        sys.exit(f"OpenCV could not open {source}")
    sums: list[str] = []
    while not wanted or len(sums) < wanted:
        got, picture = capture.read()
        if not got:
            break
        sums.append(hashlib.md5(picture.tobytes()).hexdigest())
    capture.release()
    if len(sums) < wanted:
        sys.exit(f"OpenCV read {len(sums)} of {wanted} pictures")
    Path(out).write_text(json.dumps(sums))


if __name__ == "__main__":
    main(*sys.argv[1:])
