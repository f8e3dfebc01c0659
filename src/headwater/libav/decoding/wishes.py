"""What a program may wish of frames."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum

from av import VideoFormat
from av.codec.hwaccel import HWDeviceType

from headwater.http.settings import DecodingPlace
from headwater.libav.decoding.picture import AS_IT_COMES, Shape

_DEVICES = tuple(kind.name for kind in HWDeviceType if kind.value)
MOST_PIXELS = 16_384
"""Of width or height that a program may ask for."""


class FrameMode(StrEnum):
    """Which frames a program gets that is slower than the source."""

    LATEST = "latest"
    """The newest one, whenever it asks: those between are passed over."""
    EVERY = "every"
    """One after another; the oldest are passed over where too many wait."""


class OnGap(StrEnum):
    """What happens when the source goes away."""

    WAIT = "wait"
    """The iteration goes on with the next one."""
    STOP = "stop"
    """The iteration ends."""


@dataclass(frozen=True, slots=True)
class FrameWishes:
    """What a program wants of a source.

    Attributes:
        mode: which frames.
        queue: how many frames may wait, with `FrameMode.EVERY`.
        shape: size and pixel format.
        fps: at most so many frames a second; all unless given.
        key_frames_only: only those that are coded without others; the rest is not even decoded.
        on_gap: what happens when the source goes away.
        timeout_s: how long to wait for each frame; None for ever.
        track: the index of the track; the first one that fits unless given.
        device: libav's name of what decodes in hardware.
        decode_in: where the decoder works.
    """

    mode: FrameMode = FrameMode.LATEST
    queue: int = 8
    shape: Shape = AS_IT_COMES
    fps: float | None = None
    key_frames_only: bool = False
    on_gap: OnGap = OnGap.WAIT
    timeout_s: float | None = 10.0
    track: int | None = None
    device: str | None = None
    decode_in: DecodingPlace = DecodingPlace.THREAD


def wishes_of(
    *,
    mode: str = "latest",
    queue: int = 8,
    size: tuple[int | None, int | None] | None = None,
    format: str | None = None,  # noqa: A002 - the program's name for it
    fps: float | None = None,
    keyframes_only: bool = False,
    on_gap: str = "wait",
    timeout_s: float | None = 10.0,
    track: int | None = None,
    device: str | None = None,
    decode_in: str = "thread",
) -> FrameWishes:
    """Return the wishes of a program's arguments. Raises ValueError for those without sense."""
    if queue < 1:
        raise ValueError(f"queue is at least 1, not {queue}")
    if fps is not None and not fps > 0:
        raise ValueError(f"fps is more than 0, not {fps}")
    for pixels in size or ():
        if pixels is not None and not 1 <= pixels <= MOST_PIXELS:
            raise ValueError(f"width and height are 1 to {MOST_PIXELS} pixels, not {pixels}")
    if format is not None:
        try:
            VideoFormat(format)
        except ValueError:
            raise ValueError(
                f"{format!r} is no pixel format of libav; bgr24, rgb24 and gray are some"
            ) from None
    if device is not None and device not in _DEVICES:
        raise ValueError(f"{device!r} is no device of libav; there are {', '.join(_DEVICES)}")
    return FrameWishes(
        mode=FrameMode(mode),
        queue=queue,
        shape=Shape(size, format),
        fps=fps,
        key_frames_only=keyframes_only,
        on_gap=OnGap(on_gap),
        timeout_s=timeout_s,
        track=track,
        device=device,
        decode_in=_decode_in_of(decode_in),
    )


def _decode_in_of(name: str) -> DecodingPlace:
    if name not in tuple(DecodingPlace):
        places = " or ".join(repr(place.value) for place in DecodingPlace)
        raise ValueError(f"decode_in is {places}, not {name!r}")
    if name == DecodingPlace.PROCESS and os.name != "posix":
        raise ValueError("decode_in='process' needs Linux or macOS; leave it out here")
    return DecodingPlace(name)
