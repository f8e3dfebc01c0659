"""What a program may wish of a function over frames."""

from __future__ import annotations

from typing import Literal, TypedDict


class TransformArguments(TypedDict, total=False):
    """What a program may wish of a transform, by name."""

    size: tuple[int | None, int | None] | None
    """Of the frames that the function is given; None for one of them keeps the picture's shape."""
    format: Literal["bgr24", "rgb24", "gray", "bgra", "rgba"]
    """Of the frames, and of the arrays that the function returns (bgr24)."""
    fps: float | None
    """At most so many frames a second."""
    keyframes_only: bool
    """Only pictures that are coded without others; the rest is not decoded."""
    track: int | None
    """The index of the track; the first one with pictures unless given."""
    device: str | None
    """What decodes in hardware, such as `cuda` or `vaapi`."""
    decode_in: Literal["thread", "process"]
    """Where the decoder of the frames works; not the function (thread)."""
    codec: Literal["h264", "h265"]
    """How what the function returns is coded; this and what follows is as in `publish_frames`."""
    encoder: str
    """libav's name of the encoder; `auto` takes the first that works."""
    bit_rate_bps: int | None
    """A tenth of a bit for each pixel unless given."""
    key_frame_interval_s: float
    """The longest time between two key frames (2)."""
    latency: Literal["low", "balanced"]
    """What the encoder may wait for (low)."""
    process: bool
    """Whether the function runs in a process of its own, not on a thread of this one."""
