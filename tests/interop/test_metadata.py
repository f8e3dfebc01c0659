"""ffprobe tells what is in each stream: codecs, picture size, rates, as in the film itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from clients.client import Transport
from clients.description import wait_until_published
from clients.ffmpeg import FfmpegPublisher, run_quietly
from media_library import RECIPES, MediaLibrary
from server_process import ServerProcess

pytestmark = [pytest.mark.interop, pytest.mark.timeout(240)]

TOLD = ("codec_name", "width", "height", "sample_rate", "channels")


def _streams(source: str, *options: str) -> list[dict[str, object]]:
    shown = run_quietly("ffprobe", "-v", "error", *options, "-show_streams", "-of", "json", source)
    streams = [
        {key: stream[key] for key in TOLD if key in stream}
        for stream in json.loads(shown)["streams"]
    ]
    return sorted(streams, key=lambda stream: str(stream["codec_name"]))


@pytest.mark.parametrize("film_name", list(RECIPES))
def test_ffprobe_sees_the_film(
    film_name: str, server: ServerProcess, library: MediaLibrary, tmp_path: Path
) -> None:
    media = library.film(film_name).media
    mount = f"probe/{media.path.parent.name}"
    with FfmpegPublisher().publish(server.publish_url(mount), Transport.TCP, media, tmp_path):
        wait_until_published(server.play_url(mount))
        seen = _streams(
            server.play_url(mount), "-rtsp_transport", "tcp", "-analyzeduration", "2000000"
        )
    assert seen == _streams(str(media.path))
    assert len(seen) == 2
