"""What a picture of MJPEG says of the stream."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MjpegConfig:
    """What the last picture says."""

    width: int
    height: int
