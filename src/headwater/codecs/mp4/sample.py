"""One frame on its way into a fragment."""

from collections.abc import Sequence
from typing import NamedTuple


class Sample(NamedTuple):
    """One frame of a track, with its times in units of the track's timescale."""

    parts: Sequence[bytes]
    """Its bytes, in pieces: they are copied once, into the fragment."""
    size_bytes: int
    decode_time: int
    duration: int
    """Until the next frame of the track: what is known of it when this frame is there."""
    offset: int
    """How much later than at its decode time it is shown."""
    key_frame: bool
