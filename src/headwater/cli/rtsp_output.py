"""An RTSP publisher through libav: the same ANNOUNCE, SETUP and RECORD that ffmpeg sends."""

import av
from av.container import OutputContainer

# What libav may wait for an answer, in microseconds as its option wants it.
_SOCKET_TIMEOUT_US = 10_000_000


def open_rtsp_output(url: str, transport: str) -> OutputContainer:
    """An output that publishes to `url` over `transport` (udp, tcp) once it starts encoding."""
    return av.open(
        url,
        "w",
        format="rtsp",
        options={"rtsp_transport": transport, "timeout": str(_SOCKET_TIMEOUT_US)},
    )


def reason_of(error: av.FFmpegError) -> str:
    """libav's word for what went wrong, without the URL, which may hold a password."""
    return error.strerror or type(error).__name__
