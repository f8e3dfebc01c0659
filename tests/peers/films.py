"""Short films: encoded by PyAV, sent as RTP by ffmpeg's own packetizers, and decoded again."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import av
import numpy as np

WIDTH, HEIGHT, RATE_HZ = 192, 112, 25
MOST_PACKET_BYTES = 700
"""Small, so that small pictures are fragmented too."""
_RTCP = range(200, 208)

CODECS: Mapping[str, tuple[str, dict[str, str]]] = {
    "h264": ("libx264", {"preset": "veryfast", "tune": "zerolatency", "g": "10"}),
    "h264-b": ("libx264", {"preset": "veryfast", "g": "12", "bf": "2", "b_strategy": "0"}),
    "h264-slices": (
        "libx264",
        {"preset": "veryfast", "g": "10", "bf": "0", "x264-params": "slices=3"},
    ),
    "h264-baseline": (
        "libx264",
        {"preset": "veryfast", "profile": "baseline", "g": "10", "tune": "zerolatency"},
    ),
    "h264-refresh": (
        "libx264",
        {"preset": "veryfast", "g": "10", "bf": "0", "x264-params": "intra-refresh=1"},
    ),
    "h265": (
        "libx265",
        {
            "preset": "ultrafast",
            "x265-params": "log-level=none:keyint=10:bframes=0:repeat-headers=1",
        },
    ),
    "h265-b": (
        "libx265",
        {
            "preset": "veryfast",
            "x265-params": "log-level=none:keyint=12:bframes=2:repeat-headers=1",
        },
    ),
    "vp8": (
        "libvpx",
        {"deadline": "realtime", "cpu-used": "8", "g": "10", "b": "400k", "lag-in-frames": "0"},
    ),
    "vp9": (
        "libvpx-vp9",
        {"deadline": "realtime", "cpu-used": "8", "g": "10", "b": "400k", "lag-in-frames": "0"},
    ),
    "av1": (
        "libsvtav1",
        {"preset": "11", "g": "10", "crf": "30", "svtav1-params": "pred-struct=1"},
    ),
    "mjpeg": ("mjpeg", {"threads": "1", "huffman": "default", "qmin": "4", "qmax": "8"}),
}
DECODERS = {"h264": "h264", "h265": "hevc", "vp8": "vp8", "vp9": "vp9", "av1": "libdav1d"}


@dataclass(frozen=True, slots=True)
class Film:
    """A film as its encoder made it."""

    packets: tuple[bytes, ...]
    """The encoder's, in decoding order."""
    moments: tuple[int, ...]
    """When each is shown, in pictures."""
    rtp: tuple[bytes, ...]
    """The same as RTP packets of ffmpeg."""
    pictures: tuple[str, ...]
    """A hash of each picture that a decoder makes of `packets`."""


@contextmanager
def priority_kept() -> Iterator[None]:
    """Have this thread afterwards run as it ran before.

    SVT-AV1 makes the thread that opens it a real-time one where it may: whatever a test does after
    that would keep all other programs from a processor.
    """
    if not hasattr(os, "sched_getscheduler"):
        yield
        return
    policy, priority = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, priority)


@cache
def film(name: str, pictures: int = 24) -> Film:
    """Encode one of `CODECS`."""
    with priority_kept():
        return _shot(name, pictures)


def _shot(name: str, pictures: int) -> Film:
    codec, options = CODECS[name]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        receiver.bind(("127.0.0.1", 0))
        port = receiver.getsockname()[1]
        url = f"rtp://127.0.0.1:{port}?pkt_size={MOST_PACKET_BYTES}&rtcpport={port}"
        encoded: list[tuple[bytes, int]] = []
        rtp: list[bytes] = []
        with av.open(url, "w", format="rtp", options={"strict": "experimental"}) as out:
            stream = out.add_stream(codec, rate=RATE_HZ, options=options)
            assert isinstance(stream, av.VideoStream)
            stream.width, stream.height = WIDTH, HEIGHT
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            for frame in [*_drawn(pictures, stream.pix_fmt), None]:
                for packet in stream.encode(frame):
                    assert packet.pts is not None
                    assert packet.time_base is not None
                    moment = packet.pts * packet.time_base * RATE_HZ
                    encoded.append((bytes(packet), int(moment)))
                    out.mux(packet)
                    rtp += waiting(receiver)
        rtp += waiting(receiver)
    packets = tuple(packet for packet, _ in encoded)
    return Film(
        packets=packets,
        moments=tuple(moment for _, moment in encoded),
        rtp=tuple(packet for packet in rtp if packet[1] not in _RTCP),
        pictures=tuple(decoded(name, packets)),
    )


def decoded(name: str, packets: Iterable[bytes]) -> list[str]:
    """Decode packets one by one; return a hash of each picture."""
    decoder = av.CodecContext.create(DECODERS.get(name.partition("-")[0], name), "r")
    assert isinstance(decoder, av.VideoCodecContext)
    decoder.thread_count = 1
    hashes: list[str] = []
    for packet in [*map(av.Packet, packets), None]:
        hashes += map(picture_hash, decoder.decode(packet))
    return hashes


def picture_hash(frame: av.VideoFrame) -> str:
    """Return a hash of what the frame shows."""
    return hashlib.sha1(frame.to_ndarray().tobytes()).hexdigest()


def _drawn(count: int, pixel_format: str) -> Iterator[av.VideoFrame]:
    down, across = np.mgrid[0:HEIGHT, 0:WIDTH]
    for number in range(count):
        planes = [
            (across * 3 + down * 5 + number * 7) % 256,
            (across + number * 11) % 256,
            (down * 2 + number * 5) % 256,
        ]
        noise = np.random.default_rng(number).integers(0, 24, (HEIGHT, WIDTH, 3))
        picture = (np.stack(planes, axis=-1) * 9 // 10 + noise).astype(np.uint8)
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pixel_format)
        frame.pts, frame.time_base = number, Fraction(1, RATE_HZ)
        yield frame


def waiting(receiver: socket.socket) -> Iterator[bytes]:
    """Yield the datagrams that wait."""
    receiver.setblocking(False)
    while True:
        try:
            yield receiver.recv(65_535)
        except BlockingIOError:
            return


def annex_b(units: Iterable[bytes]) -> bytes:
    """Return NAL units as a byte stream, as decoders take them."""
    return b"".join(b"\0\0\0\1" + unit for unit in units)
