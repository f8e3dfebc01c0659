"""Players that ask for multicast get one stream of packets between them."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from clients.client import FrameChecksums, Program, Transport
from clients.description import wait_until_published
from clients.ffmpeg import FfmpegPublisher, checksum_options, read_framemd5
from media_library import MediaLibrary, prove_same
from server_process import ServerProcess

pytestmark = [pytest.mark.interop, pytest.mark.timeout(90)]

FRAMES = 45
PLAYERS = 3
GROUP = "239.255.77.7"
MOUNTS = {"multicast_group": GROUP, "multicast_ttl": 0}  # 0: stays on this machine


def _has_route() -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((GROUP, 5000))
        except OSError:
            return False
    return True


@pytest.mark.skipif(not _has_route(), reason="no route for multicast on this machine")
def test_ffmpeg_players_share_a_multicast(library: MediaLibrary, tmp_path: Path) -> None:
    film = library.film("H.264+AAC")
    log = tmp_path / "server.log"
    with ServerProcess(log, publish_port=0, play_port=0, mounts=MOUNTS) as server:
        url, play_url = server.publish_url("shared"), server.play_url("shared")

        def play(number: int) -> str:
            sums = tmp_path / f"{number}.md5"
            Program(
                [
                    *("ffmpeg", "-hide_banner", "-nostdin", "-y", "-loglevel", "warning"),
                    *("-rtsp_transport", "udp_multicast"),
                    *("-i", play_url),
                    *checksum_options(film.media, sums, frames=FRAMES),
                ],
                tmp_path / f"{number}.log",
            ).finish(40.0)
            video, audio = read_framemd5(sums)
            return prove_same(FrameChecksums(video, audio_packets=audio), film, FRAMES)

        with FfmpegPublisher().publish(url, Transport.TCP, film.media, tmp_path):
            wait_until_published(play_url)
            with ThreadPoolExecutor(PLAYERS) as pool:
                proofs = list(pool.map(play, range(PLAYERS)))
    assert len(proofs) == PLAYERS
