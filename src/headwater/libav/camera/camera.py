"""The camera itself: encodes picture and tone in real time and publishes them over RTSP.

Runs as a process of its own (`python -m headwater.libav.camera`): encoding takes processor time,
and libav's RTSP handshake blocks the thread that the server it talks to may live in.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import av
from av.packet import Packet

from headwater.libav.camera.picture import Picture
from headwater.libav.camera.tone import tone
from headwater.libav.rtsp_output import open_rtsp_output

AUDIO_RATE_HZ = 48_000
_AUDIO_FRAME_SAMPLES = 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class CameraSettings:
    """What the camera shows: size in pixels, frames and key frames, bits per second."""

    width: int = 640
    height: int = 360
    frames_per_second: int = 25
    key_frame_interval_s: float = 2.0
    video_bits_per_second: int = 1_000_000


def run_camera(url: str, *, transport: str, settings: CameraSettings) -> None:
    """Publish to `url` over `transport` (udp, tcp) until the connection or the process ends.

    Raises av.FFmpegError when the server refuses or goes away.
    """
    with open_rtsp_output(url, transport) as output:
        video = output.add_stream("libx264", rate=settings.frames_per_second)
        video.width, video.height = settings.width, settings.height
        video.pix_fmt = "yuv420p"
        video.bit_rate = settings.video_bits_per_second
        video.codec_context.gop_size = round(
            settings.frames_per_second * settings.key_frame_interval_s
        )
        # No B-frames and no look-ahead: a frame leaves the encoder as it goes in.
        video.options = {"preset": "veryfast", "tune": "zerolatency"}
        audio = output.add_stream("aac", rate=AUDIO_RATE_HZ, layout="mono")
        audio.bit_rate = 64_000
        output.start_encoding()
        for packet in _packets(video, audio, settings):
            output.mux(packet)


def _packets(
    video: av.VideoStream, audio: av.AudioStream, settings: CameraSettings
) -> Iterator[Packet[Any]]:
    """Yield packets of both tracks, each not before its time."""
    picture = Picture(settings.width, settings.height)
    # The time of day here, for people to compare with their own clock.
    began = datetime.now()
    began_s = time.monotonic()
    samples_into_second = began.microsecond * AUDIO_RATE_HZ // 1_000_000
    samples_sent = 0
    frame_number = 0
    while True:
        media_s = frame_number / settings.frames_per_second
        time.sleep(max(0.0, began_s + media_s - time.monotonic()))
        frame = av.VideoFrame.from_ndarray(
            picture.draw(frame_number, began + timedelta(seconds=media_s)), format="yuv420p"
        )
        frame.pts = frame_number
        frame.time_base = Fraction(1, settings.frames_per_second)
        yield from video.encode(frame)
        frame_number += 1
        while samples_sent < frame_number * AUDIO_RATE_HZ / settings.frames_per_second:
            yield from audio.encode(_sound(samples_sent, samples_into_second))
            samples_sent += _AUDIO_FRAME_SAMPLES


def _sound(first_sample: int, samples_into_second: int) -> av.AudioFrame:
    samples = tone(samples_into_second + first_sample, _AUDIO_FRAME_SAMPLES, AUDIO_RATE_HZ)
    frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
    frame.sample_rate = AUDIO_RATE_HZ
    frame.pts = first_sample
    frame.time_base = Fraction(1, AUDIO_RATE_HZ)
    return frame
