"""Files of MP4, as PyAV reads them."""

from __future__ import annotations

import io

import av


def opened(file: bytes) -> av.container.InputContainer:
    """Open a file that is in memory."""
    return av.open(io.BytesIO(file), "r", format="mp4")
