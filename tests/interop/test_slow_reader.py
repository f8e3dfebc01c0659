"""A player that stops reading for seconds: whole pictures before the gap, whole ones behind it."""

from __future__ import annotations

import itertools
import signal
from pathlib import Path

import pytest
from clients.client import FrameChecksums, Transport
from clients.description import wait_until_published
from clients.ffmpeg import FfmpegPublisher
from live_player import LivePlayer
from media_library import MediaLibrary, SourceFilm, prove_same
from server_process import ServerProcess

pytestmark = [pytest.mark.interop, pytest.mark.timeout(240)]

BEFORE, IN_ALL = 30, 450
# Bounds that a player meets which has stopped for some seconds, behind its own and the kernel's
# buffers; and not the other one, which may have no processor for a while on a busy machine.
BOUNDS = {"slow_reader_max_bytes": 4_000_000, "slow_reader_max_age_s": 6.0}
DROPPED = "slow reader: packets dropped"


def test_a_player_that_stopped_gets_no_broken_picture(
    library: MediaLibrary, tmp_path: Path
) -> None:
    film = library.film("H.264 with noise")
    with ServerProcess(
        tmp_path / "server.log", publish_port=0, play_port=0, mounts=BOUNDS
    ) as server:
        url, play_url = server.publish_url("slow"), server.play_url("slow")

        def play(name: str) -> LivePlayer:
            return LivePlayer(play_url, Transport.TCP, film.media, tmp_path / name, frames=IN_ALL)

        with FfmpegPublisher().publish(url, Transport.TCP, film.media, tmp_path):
            wait_until_published(play_url)
            with play("steady") as steady, play("stopped") as stopped:
                stopped.wait_until(lambda: len(stopped.pictures) >= BEFORE, "pictures")
                stopped.program.process.send_signal(signal.SIGSTOP)
                try:
                    steady.wait_until(lambda: DROPPED in server.log(), "packets dropped")
                    # It goes on in the middle of a group of pictures, of which it misses the first.
                    every = film.media.key_frame_every
                    enough = len(steady.pictures) + every
                    steady.wait_until(
                        lambda: (
                            len(steady.pictures) >= enough
                            and film.video.index(steady.pictures[-1]) % every == 1
                        ),
                        "picture behind a key frame",
                    )
                finally:
                    stopped.program.process.send_signal(signal.SIGCONT)
                _prove_gaps_end_at_key_frames(stopped.finish(), film)
                prove_same(FrameChecksums(steady.finish()), film, IN_ALL)


def _prove_gaps_end_at_key_frames(pictures: tuple[str, ...], film: SourceFilm) -> None:
    """Every picture is the film's, in its order, and where some are missing a key frame follows."""
    place = {checksum: index for index, checksum in enumerate(film.video)}
    foreign = [number for number, checksum in enumerate(pictures) if checksum not in place]
    assert foreign == [], f"pictures that the film does not have: {foreign} of {len(pictures)}"
    places = [place[checksum] for checksum in pictures]
    assert places[0] in film.key_frames
    gaps = [(a, b) for a, b in itertools.pairwise(places) if b != a + 1]
    assert gaps, "nothing was left out: the player was not slow"
    assert all(before < after for before, after in gaps), f"not in the film's order: {gaps}"
    assert all(after in film.key_frames for _, after in gaps), f"not at key frames: {gaps}"
