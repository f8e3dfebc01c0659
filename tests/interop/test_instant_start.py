"""With key frames 4 s apart a player begins with one that was sent before it came."""

from __future__ import annotations

from pathlib import Path

import pytest
from clients.client import Transport
from clients.description import wait_until_published
from clients.ffmpeg import FfmpegPublisher
from live_player import LivePlayer
from media_library import MediaLibrary, SourceFilm
from server_process import ServerProcess

pytestmark = [pytest.mark.interop, pytest.mark.timeout(240)]

ALL = 100_000
FEW = 20
TRIES = 4


class _Witness:
    """A player that is there already: what it has decoded was published before."""

    def __init__(self, player: LivePlayer, film: SourceFilm) -> None:
        self.player = player
        self._place = {checksum: index for index, checksum in enumerate(film.video)}
        self._gop = film.media.key_frame_every

    def place(self, checksum: str) -> int:
        """Where a picture stands in the film; -1 for none of it."""
        return self._place.get(checksum, -1)

    def last_place(self) -> int:
        """The picture decoded last."""
        pictures = self.player.pictures
        return self.place(pictures[-1]) if pictures else -1

    def wait_until_early_in_a_group(self) -> None:
        """Wait for a moment soon after a key frame, long before the next."""
        first, last = self._gop // 12, self._gop // 3
        self.player.wait_until(
            lambda: first <= self.last_place() % self._gop <= last, "group of pictures"
        )


@pytest.mark.parametrize("transport", list(Transport))
def test_the_first_picture_is_older_than_the_play(
    transport: Transport, library: MediaLibrary, tmp_path: Path
) -> None:
    film = library.film("H.264 with a GOP of 4 s")
    with ServerProcess(tmp_path / "server.log", publish_port=0, play_port=0) as server:
        url, play_url = server.publish_url("instant"), server.play_url("instant")
        with FfmpegPublisher().publish(url, transport, film.media, tmp_path):
            wait_until_published(play_url)

            def play(name: str, query: str = "", frames: int = FEW) -> LivePlayer:
                folder = tmp_path / name
                return LivePlayer(play_url + query, transport, film.media, folder, frames=frames)

            with play("witness", frames=ALL) as seeing:
                witness = _Witness(seeing, film)
                seeing.wait_until(lambda: seeing.pictures, "picture")
                first, seen = -1, -1
                # A machine that needs seconds to start a player comes after the next key frame.
                for number in range(TRIES):
                    witness.wait_until_early_in_a_group()
                    seen = witness.last_place()
                    with play(f"new-{number}") as player:
                        pictures = player.finish()
                    first = witness.place(pictures[0])
                    if first <= seen:
                        break
                assert first in film.key_frames
                assert first <= seen, "it began with a key frame that came after its PLAY"
                places = [witness.place(checksum) for checksum in pictures]
                assert places == list(range(first, first + len(places)))

                witness.wait_until_early_in_a_group()
                seen = witness.last_place()
                with play("live", "?instant_start=0") as player:
                    pictures = player.finish()
                # What it decodes before its first key frame are no pictures of the film (-1).
                whole = [place for place in map(witness.place, pictures) if place >= 0]
                assert min(whole) > seen
