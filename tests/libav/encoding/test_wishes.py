"""Arguments of a program that publishes frames: those without sense are refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from headwater.libav.encoding.wishes import Latency, VideoCodec, publish_wishes_of


def test_what_is_not_said_fits_size_and_rate() -> None:
    wishes = publish_wishes_of(size=(1280, 720), fps=25, audio="opus", channels=2)
    video, sound = wishes.video, wishes.sound
    assert video is not None
    assert sound is not None
    assert (video.bit_rate_bps, video.codec, video.latency) == (2_304_000, "h264", Latency.LOW)
    assert (sound.sample_rate_hz, sound.bit_rate_bps) == (48_000, 96_000)
    smaller = publish_wishes_of(size=(1280, 720), fps=25, codec="h265").video
    assert smaller is not None
    assert smaller.codec is VideoCodec.H265
    assert smaller.bit_rate_bps < video.bit_rate_bps


def test_sound_may_be_alone() -> None:
    assert publish_wishes_of(audio="pcma").video is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "give `size`, the width and height of the pictures, or `audio`, or both"),
        ({"size": (641, 360)}, "even numbers from 16 to 16384, not 641"),
        ({"size": (640, 2)}, "even numbers from 16 to 16384, not 2"),
        ({"size": (640, 360), "fps": 0}, "fps is more than 0 and at most 480, not 0"),
        ({"size": (640, 360), "format": "yuv"}, "bgr24, rgb24, gray, bgra, rgba, not 'yuv'"),
        ({"size": (640, 360), "codec": "vp8"}, "codec is one of h264, h265, not 'vp8'"),
        ({"size": (640, 360), "latency": "no"}, "latency is one of low, balanced, not 'no'"),
        ({"size": (640, 360), "bit_rate_bps": 4}, "in bits a second, 1000 at least, not 4"),
        ({"size": (640, 360), "key_frame_interval_s": 0}, "more than 0, not 0"),
        ({"audio": "mp3"}, "audio is one of opus, aac, pcma, pcmu, not 'mp3'"),
        ({"audio": "opus", "sample_rate_hz": 44_100}, "48000, 24000, 16000, 12000, 8000, not"),
        ({"audio": "pcmu", "channels": 2}, "channels of pcmu are 1 to 1, not 2"),
    ],
)
def test_a_wish_without_sense_is_refused(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        publish_wishes_of(**arguments)
