"""An RTSP publisher through libav: the same ANNOUNCE, SETUP and RECORD that ffmpeg sends."""

import av
from av.container import OutputContainer

SOCKET_TIMEOUT_S = 10.0
"""What libav may wait for an answer, or for the network to take what it sends."""


def open_rtsp_output(url: str, transport: str) -> OutputContainer:
    """Return an output that publishes to `url` over `transport` (udp, tcp) when it starts."""
    return av.open(
        url,
        "w",
        format="rtsp",
        options={"rtsp_transport": transport, "timeout": str(round(SOCKET_TIMEOUT_S * 1e6))},
    )


def reason_of(error: av.FFmpegError) -> str:
    """libav's word for what went wrong, without the URL, which may hold a password."""
    return error.strerror or type(error).__name__
