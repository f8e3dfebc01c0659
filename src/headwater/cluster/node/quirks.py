"""Which players go where a 302 sends them: tried with each, or read in its source."""

from __future__ import annotations

import re
from typing import Final

_FOLLOWS: Final = re.compile(
    # Tried with DESCRIBE: FFmpeg 5 to 8 (ffplay, PyAV, OpenCV), GStreamer 1.22, this program.
    r"^Lavf|^GStreamer|^Headwater/"
    # By their sources: live555 sends any request again (VLC has it), gortsplib (MediaMTX), go2rtc.
    r"|LIVE555 Streaming Media|^LibVLC|^VLC|^gortsplib|^MediaMTX|^go2rtc"
    r"|^ZLMediaKit",
    re.IGNORECASE,
)


def follows_redirects(user_agent: str) -> bool:
    """Return whether a player follows a 302 that answers its DESCRIBE.

    Others, such as aiortsp 1.4 and lal, take it for an error: they are never sent elsewhere.
    """
    return _FOLLOWS.search(user_agent) is not None
