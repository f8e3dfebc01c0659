"""Frames as they lie in shared memory: one plane after another, as the decoder gave them.

The process of a decoder begins sooner without numpy, so nothing of it is here.
"""

from __future__ import annotations

from dataclasses import dataclass

from av import VideoFrame

from headwater.libav.decoding.decoder import Decoded


@dataclass(frozen=True, slots=True)
class LaidPicture:
    """What is to be known of a picture beside its bytes.

    Attributes:
        position: of the access unit that it was decoded from; None where libav does not say.
        slot: where it lies.
        planes: how many bytes each plane has, with the padding of its lines.
        width: in pixels.
        height: in pixels.
        pixel_format: libav's name.
        color_range: libav's number.
        colorspace: libav's number.
    """

    position: int | None
    slot: int
    planes: tuple[int, ...]
    width: int
    height: int
    pixel_format: str
    color_range: int
    colorspace: int


@dataclass(frozen=True, slots=True)
class LaidSound:
    """What is to be known of sound beside its bytes.

    Attributes:
        position: as of a picture.
        slot: where it lies.
        planes: how many bytes each plane has.
        sample_format: libav's name.
        layout: libav's name.
        samples: of each channel.
        sample_rate_hz: of each channel.
    """

    position: int | None
    slot: int
    planes: tuple[int, ...]
    sample_format: str
    layout: str
    samples: int
    sample_rate_hz: int


Laid = LaidPicture | LaidSound


def lay(frame: Decoded, position: int | None, slot: int, memory: memoryview) -> Laid:
    """Copy a frame into a slot, and return what its reader has to know.

    Raises ValueError where it is too large for one.
    """
    parts = [memoryview(plane) for plane in frame.planes]
    planes = tuple(part.nbytes for part in parts)
    if sum(planes) > len(memory):
        raise ValueError(f"a frame of {sum(planes)} bytes does not fit into {len(memory)}")
    at = 0
    for part in parts:
        memory[at : at + part.nbytes] = part
        at += part.nbytes
    if isinstance(frame, VideoFrame):
        return LaidPicture(
            position,
            slot,
            planes,
            frame.width,
            frame.height,
            frame.format.name,
            int(frame.color_range),
            int(frame.colorspace),
        )
    return LaidSound(
        position,
        slot,
        planes,
        frame.format.name,
        frame.layout.name,
        frame.samples,
        frame.sample_rate,
    )
