"""Players that ask for multicast get one stream of packets between them."""

from __future__ import annotations

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

import pytest
from clients import gstreamer, vlc
from clients.client import FrameChecksums, Media, Program, Transport
from clients.description import wait_until_published
from clients.ffmpeg import FfmpegPublisher, checksum_options, read_framemd5
from media_library import MediaLibrary, prove_same
from server_process import ServerProcess
from vlc_program import why_no_rtsp

pytestmark = [pytest.mark.interop, pytest.mark.timeout(90)]

FRAMES = 45
GROUP = "239.255.77.7"
MOUNTS = {"multicast_group": GROUP, "multicast_ttl": 0}  # 0: stays on this machine
ONLY_MULTICAST = {"play_transports": ["multicast"]}

Play: TypeAlias = Callable[[str, Media, Path], FrameChecksums]


def _has_route() -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((GROUP, 5000))
        except OSError:
            return False
    return True


def by_ffmpeg(url: str, media: Media, workdir: Path) -> FrameChecksums:
    sums = workdir / "frames.md5"
    Program(
        [
            *("ffmpeg", "-hide_banner", "-nostdin", "-y", "-loglevel", "warning"),
            *("-rtsp_transport", "udp_multicast"),
            *("-i", url),
            *checksum_options(media, sums, frames=FRAMES),
        ],
        workdir / "ffmpeg.log",
    ).finish(40.0)
    video, audio = read_framemd5(sums)
    return FrameChecksums(video, audio_packets=audio)


def by_gstreamer(url: str, media: Media, workdir: Path) -> FrameChecksums:
    return gstreamer.play_with("udp-mcast", url, media, FRAMES, workdir)


def by_vlc(url: str, media: Media, workdir: Path) -> FrameChecksums:
    return vlc.play_with(("--rtsp-mcast",), url, media, FRAMES, workdir)


PLAYERS: dict[str, Play] = {
    "ffmpeg": by_ffmpeg,
    "another ffmpeg": by_ffmpeg,
    "GStreamer": by_gstreamer,
    "VLC": by_vlc,
}


@pytest.mark.skipif(not _has_route(), reason="no route for multicast on this machine")
def test_players_share_a_multicast(library: MediaLibrary, tmp_path: Path) -> None:
    film = library.film("H.264+AAC")
    players = dict(PLAYERS)
    if why_no_rtsp() is not None:
        del players["VLC"]
    log = tmp_path / "server.log"
    with ServerProcess(
        log, publish_port=0, play_port=0, mounts=MOUNTS, rtp=ONLY_MULTICAST
    ) as server:
        url, play_url = server.publish_url("shared"), server.play_url("shared")

        def play(name: str) -> str:
            workdir = tmp_path / name
            workdir.mkdir()
            try:
                return prove_same(players[name](play_url, film.media, workdir), film, FRAMES)
            except Exception as error:  # noqa: BLE001 - part of the report of all players
                return f"failed: {error}"

        with FfmpegPublisher().publish(url, Transport.TCP, film.media, tmp_path):
            wait_until_published(play_url)
            with ThreadPoolExecutor(len(players)) as pool:
                proofs = dict(zip(players, pool.map(play, players), strict=True))
    assert {name for name, proof in proofs.items() if "pictures, " in proof} == set(players), proofs
