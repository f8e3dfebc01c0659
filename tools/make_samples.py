"""Makes the samples that the fake camera plays again, with PyAV and numpy.

The fake camera itself needs neither of the two.

Each picture carries its number: eight squares along the top, white for 1 and black for 0, the
most significant bit first. The sound is a row of notes, each a tenth of a second long: their
pitches tell the tenth.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

HERE = Path(__file__).resolve().parent.parent / "src/headwater/testing/fake_camera/samples"
WIDTH, HEIGHT, RATE_HZ, PICTURES = 320, 240, 25, 50
SQUARE = 40
ADTS_48_KHZ = 3


def picture(number: int) -> np.ndarray:
    """A picture with its number above, and below it a grain that needs more than one packet."""
    grain = np.random.default_rng(7).integers(90, 150, (HEIGHT - SQUARE, WIDTH))
    luma = np.vstack([np.zeros((SQUARE, WIDTH)), np.roll(grain, number, axis=1)])
    for bit in range(8):
        if number >> (7 - bit) & 1:
            luma[:SQUARE, bit * SQUARE : (bit + 1) * SQUARE] = 235
    return np.repeat(luma.astype(np.uint8)[:, :, None], 3, axis=2)


def make_h264(path: Path) -> None:
    """Two seconds, a key frame each second, parameter sets before it, no B pictures."""
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    encoder.framerate = Fraction(RATE_HZ)
    encoder.options = {
        "profile": "baseline",
        "preset": "slow",
        "crf": "34",
        "x264-params": f"keyint={RATE_HZ}:scenecut=0:bframes=0:slices=1:threads=1",
    }
    frames = [av.VideoFrame.from_ndarray(picture(n), format="rgb24") for n in range(PICTURES)]
    packets = [packet for frame in (*frames, None) for packet in encoder.encode(frame)]
    units = b"".join(map(bytes, packets)).replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")[1:]
    # The encoder's own advertisement (SEI, type 6) is of no use here.
    kept = [unit for unit in units if unit[0] & 31 != 6]
    path.write_bytes(b"".join(b"\0\0\0\1" + unit for unit in kept))


def make_h265(path: Path) -> None:
    """The pictures of the H.264 sample, likewise: parameter sets before each key frame."""
    encoder = av.CodecContext.create("libx265", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    encoder.framerate = Fraction(RATE_HZ)
    encoder.options = {
        "preset": "slow",
        "crf": "36",
        "x265-params": f"keyint={RATE_HZ}:min-keyint={RATE_HZ}:scenecut=0:bframes=0:pools=1:"
        "frame-threads=1:repeat-headers=1:open-gop=0:info=0:log-level=none",
    }
    frames = [av.VideoFrame.from_ndarray(picture(n), format="rgb24") for n in range(PICTURES)]
    packets = [packet for frame in (*frames, None) for packet in encoder.encode(frame)]
    units = b"".join(map(bytes, packets)).replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")[1:]
    # Types 39 and 40 are SEI.
    kept = [unit for unit in units if unit[0] >> 1 & 63 not in (39, 40)]
    path.write_bytes(b"".join(b"\0\0\0\1" + unit for unit in kept))


def make_mjpeg(path: Path) -> None:
    """The numbers over a plain picture, each a JPEG file behind two bytes of length."""
    encoder = av.CodecContext.create("mjpeg", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = WIDTH, HEIGHT, "yuvj420p"
    encoder.framerate = Fraction(RATE_HZ)
    # RFC 2435 knows the Huffman tables of ITU-T T.81 only.
    encoder.options = {"huffman": "default", "qmin": "6", "qmax": "6"}
    files: list[bytes] = []
    for number in range(PICTURES):
        plain = picture(number)
        plain[SQUARE:] = np.linspace(60, 200, WIDTH, dtype=np.uint8)[None, :, None]
        frame = av.VideoFrame.from_ndarray(plain, format="rgb24")
        files += map(bytes, encoder.encode(frame))
    files += map(bytes, encoder.encode(None))
    path.write_bytes(b"".join(struct.pack(">H", len(file)) + file for file in files))


def notes(rate_hz: int) -> np.ndarray:
    """Two seconds of sound: twenty notes, each 50 Hz higher than the one before."""
    at = np.arange(2 * rate_hz)
    pitch_hz = 400 + at * 10 // rate_hz * 50
    # A whole number of periods fits into each tenth, so that nothing clicks between notes.
    return (np.sin(at * 2 * np.pi * pitch_hz / rate_hz) * 6_000).astype(np.int16)


def make_audio(
    path: Path, codec: str, rate_hz: int, head: Callable[[int], bytes] = lambda _: b""
) -> None:
    """The notes, by one encoder; with a head before each of its packets."""
    encoder = av.CodecContext.create(codec, "w")
    assert isinstance(encoder, av.AudioCodecContext)
    formats = encoder.codec.audio_formats
    assert formats, f"{codec} names no sample formats"
    encoder.sample_rate, encoder.layout = rate_hz, "mono"
    encoder.format = formats[0].name
    encoder.bit_rate = 32_000
    frame = av.AudioFrame.from_ndarray(notes(rate_hz)[None, :], format="s16", layout="mono")
    frame.sample_rate = rate_hz
    resampler = av.AudioResampler(encoder.format.name, "mono", rate_hz, encoder.frame_size or 160)
    frames = [*resampler.resample(frame), *resampler.resample(None), None]
    packets = [bytes(packet) for frame in frames for packet in encoder.encode(frame)]
    path.write_bytes(b"".join(head(len(each)) + each for each in packets))


def adts_head(payload_bytes: int) -> bytes:
    """Seven bytes before an AAC-LC access unit of one channel (ISO/IEC 14496-3, 1.A.2.2)."""
    length = payload_bytes + 7
    return struct.pack(
        ">HBBBH",
        0xFFF1,
        1 << 6 | ADTS_48_KHZ << 2,
        1 << 6 | length >> 11,
        length >> 3 & 0xFF,
        (length & 7) << 13 | 0x1FFC,
    )


if __name__ == "__main__":
    make_h264(HERE / "h264-320x240-25.h264")
    make_h265(HERE / "h265-320x240-25.h265")
    make_mjpeg(HERE / "mjpeg-320x240-25.jpegs")
    make_audio(HERE / "aac-48000-mono.aac", "aac", 48_000, adts_head)
    make_audio(HERE / "alaw-8000-mono.al", "pcm_alaw", 8_000)
    make_audio(HERE / "mulaw-8000-mono.ul", "pcm_mulaw", 8_000)
    make_audio(
        HERE / "opus-48000-mono.packets",
        "libopus",
        48_000,
        lambda length: struct.pack(">H", length),
    )
