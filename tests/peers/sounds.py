"""Short sounds: encoded by PyAV, sent as RTP by ffmpeg's own packetizers, and decoded again."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import av
import numpy as np
from films import waiting

CODECS: Mapping[str, tuple[str, int, dict[str, str]]] = {
    "aac": ("aac", 48_000, {"b": "96k"}),
    "latm": ("aac", 44_100, {"b": "64k"}),
    "opus": ("libopus", 48_000, {"b": "48k"}),
    "pcmu": ("pcm_mulaw", 8_000, {}),
    "pcma": ("pcm_alaw", 8_000, {}),
}
_RTCP = range(200, 208)
_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Sound:
    """A sound as its encoder made it."""

    frames: tuple[bytes, ...]
    rtp: tuple[bytes, ...]
    config: bytes
    """The encoder's extradata."""
    rate_hz: int
    channels: int


@cache
def sound(name: str, channels: int = 1) -> Sound:
    """Encode one of `CODECS`."""
    codec, rate_hz, options = CODECS[name]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        port = receiver.getsockname()[1]
        url = f"rtp://127.0.0.1:{port}?pkt_size=600&rtcpport={port}"
        frames: list[bytes] = []
        rtp: list[bytes] = []
        flags = {"rtpflags": "latm"} if name == "latm" else {}
        with av.open(url, "w", format="rtp", options=flags) as out:
            layout = "mono" if channels == 1 else "stereo"
            stream = out.add_stream(codec, rate=rate_hz, options=options, layout=layout)
            assert isinstance(stream, av.AudioStream)
            for frame in [*_drawn(rate_hz, channels), None]:
                for packet in stream.encode(frame):
                    frames.append(bytes(packet))
                    out.mux(packet)
                    rtp += waiting(receiver)
            config = stream.codec_context.extradata or b""
        rtp += waiting(receiver)
    packets = tuple(packet for packet in rtp if packet[1] not in _RTCP)
    return Sound(tuple(frames), packets, config, rate_hz, channels)


def _drawn(rate_hz: int, channels: int) -> Iterator[av.AudioFrame]:
    moments = np.arange(rate_hz * _SECONDS) / rate_hz
    tones = [np.sin(2 * np.pi * 440 * (1 + channel) * moments) for channel in range(channels)]
    samples = (np.stack(tones, axis=-1) * 9_000).astype(np.int16).reshape(1, -1)
    layout = "mono" if channels == 1 else "stereo"
    step = rate_hz // 50
    for at in range(0, rate_hz * _SECONDS, step):
        piece = np.ascontiguousarray(samples[:, at * channels : (at + step) * channels])
        frame = av.AudioFrame.from_ndarray(piece, format="s16", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate_hz, at, Fraction(1, rate_hz)
        yield frame


def heard(
    codec: str, frames: Iterable[bytes], extradata: bytes = b"", *, rate_hz: int = 8_000
) -> np.ndarray:
    """Decode frames; return the samples of all."""
    decoder = av.CodecContext.create(codec, "r")
    assert isinstance(decoder, av.AudioCodecContext)
    # What decoders of streams without headers, G.711's, have to be told.
    decoder.sample_rate = rate_hz
    decoder.layout = "mono"
    if extradata:
        decoder.extradata = extradata
    decoded = [
        frame.to_ndarray() for packet in frames for frame in decoder.decode(av.Packet(packet))
    ]
    return np.concatenate(decoded, axis=-1)
