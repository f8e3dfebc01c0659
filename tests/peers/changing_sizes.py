"""H.264 whose pictures change their size in the midst of it, with new parameter sets in band."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache

import av
import numpy as np

from headwater import RtspServer
from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.h264.payloads import h264_payloads
from headwater.codecs.packetizer import Packetizer
from headwater.codecs.quirks import annex_b_units

RATE_HZ = 25
STEP = 90_000 // RATE_HZ
SMALL, LARGE = (640, 480), (1280, 720)
SDP = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n"
)


@cache
def shot(size: tuple[int, int], count: int) -> Sequence[bytes]:
    """Access units of one size; the first is a key frame with its parameter sets."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height = size
    encoder.pix_fmt, encoder.time_base = "yuv420p", Fraction(1, RATE_HZ)
    encoder.gop_size, encoder.max_b_frames = 1_000, 0
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency"}
    units = []
    for number in range(count):
        grey = np.full((size[1], size[0]), 40 + 2 * number, np.uint8)
        frame = av.VideoFrame.from_ndarray(grey, format="gray").reformat(format="yuv420p")
        frame.pts = number
        units += [bytes(packet) for packet in encoder.encode(frame)]
    return units


class ChangingCamera:
    """Publishes pictures of any size on a server's mount."""

    def __init__(self, server: RtspServer, path: str) -> None:
        self._publisher = server.publish(path, SDP)
        self._packetizer = Packetizer(h264_payloads, payload_type=96, ssrc=1)
        self._sent = 0

    def send(self, size: tuple[int, int], count: int) -> None:
        """Publish so many pictures of a size, the first of them a key frame."""
        for unit in shot(size, count):
            made = AccessUnit(self._sent * STEP, tuple(annex_b_units(unit)))
            self._publisher.publish(0, self._packetizer.packets(made))
            self._sent += 1
