"""What a program may wish of frames that it publishes."""

from __future__ import annotations

from typing import Literal, TypedDict


class PublisherArguments(TypedDict, total=False):
    """What a program may wish of frames that it publishes, by name."""

    size: tuple[int, int] | None
    """Width and height of all pictures, in pixels; None where sound is published alone."""
    fps: float
    """About how many pictures come in a second (25); each has a time of its own all the same."""
    format: str
    """Of the arrays: `bgr24` as OpenCV has it (the default), `rgb24`, `gray`, `bgra` or `rgba`."""
    codec: Literal["h264", "h265"]
    """How pictures are coded (h264, which every player knows)."""
    encoder: str
    """libav's name of the encoder, such as `libx264`; `auto` takes the first that works here, and
    tries those of graphics cards first."""
    bit_rate_bps: int | None
    """Of the pictures; a tenth of a bit for each pixel unless given."""
    key_frame_interval_s: float
    """The longest time between two key frames (2); readers get more where they ask for them."""
    latency: Literal["low", "balanced"]
    """`low`: each picture leaves at once. `balanced`: up to half a second later, and better."""
    audio: Literal["opus", "aac", "pcma", "pcmu"] | None
    """How sound is coded; None publishes none."""
    sample_rate_hz: int | None
    """Of the samples: 48,000 for opus and aac unless given, 8,000 for pcma and pcmu."""
    channels: int
    """Of the sound: 1 or 2 (1)."""
    audio_bit_rate_bps: int | None
    """Of the sound; 48,000 for each channel unless given."""
    user_agent: str
    """What logs and status call the publisher."""
