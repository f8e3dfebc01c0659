"""What people call a codec."""

from __future__ import annotations

from typing import Final

_SPOKEN: Final = {
    "HEVC": "H265",
    "JPEG": "MJPEG",
    "MP4A-LATM": "AAC",
    "MPEG4-GENERIC": "AAC",
    "OPUS": "Opus",
    "PCMA": "G.711",
    "PCMU": "G.711",
}


def spoken(encoding: str) -> str:
    """Return what people call the codec that RTP calls so; in capital letters where it has none."""
    name = encoding.upper()
    return _SPOKEN.get(name, name)
