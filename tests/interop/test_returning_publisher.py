"""Players go on, on the same connection, when their publisher dies and comes back."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from itertools import product
from pathlib import Path

import pytest
from clients.client import FrameChecksums, Program, Reader, Transport
from clients.description import wait_until_published
from clients.ffmpeg import FfmpegPublisher
from clients.lineup import READERS
from media_library import MediaLibrary, SourceFilm
from server_process import ServerProcess

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

FRAMES = 120
BEFORE_S = 4.0


def _runs(seen: FrameChecksums, film: SourceFilm) -> list[list[int]]:
    """Cut the pictures into stretches in which each is the film's next; foreign ones are -1."""
    place = {checksum: index for index, checksum in enumerate(film.pictures(seen.form))}
    runs: list[list[int]] = []
    for checksum in seen.video:
        index = place.get(checksum, -1)
        if runs and index == runs[-1][-1] + 1 and index > 0:
            runs[-1].append(index)
        else:
            runs.append([index])
    return runs


@pytest.mark.parametrize("transport_in", list(Transport))
def test_players_go_on_when_the_publisher_returns(
    transport_in: Transport, library: MediaLibrary, tmp_path: Path
) -> None:
    with ServerProcess(tmp_path / "server.log", publish_port=0, play_port=0) as server:
        assert _play_through_a_restart(transport_in, library, server, tmp_path) == {}


def _play_through_a_restart(
    transport_in: Transport, library: MediaLibrary, server: ServerProcess, tmp_path: Path
) -> dict[str, str]:
    """Kill the publisher while all players play, start it again; returns who did not go on."""
    film = library.film("H.264+AAC")
    url, play_url = server.publish_url("returns"), server.play_url("returns")
    crossings = [
        (reader, out)
        for reader, out in product(READERS, Transport)
        if reader.cannot(film.media, out) is None
    ]

    def publish(take: str) -> Program:
        (tmp_path / take).mkdir()
        return FfmpegPublisher().publish(url, transport_in, film.media, tmp_path / take)

    def play(reader: Reader, out: Transport) -> FrameChecksums:
        workdir = tmp_path / f"{reader.name}-{out}"
        workdir.mkdir()
        return reader.play(play_url, out, film.media, FRAMES, workdir)

    with ThreadPoolExecutor(len(crossings)) as pool:
        first = publish("first")
        wait_until_published(play_url)
        playing: list[Future[FrameChecksums]] = [pool.submit(play, *each) for each in crossings]
        first.run_for(BEFORE_S)
        first.kill()
        with publish("second") as second:
            outcomes = [_outcome(future, film) for future in playing]
            assert second.running, second.last_lines()
    return {
        f"{reader.name} {out}": outcome
        for (reader, out), outcome in zip(crossings, outcomes, strict=True)
        if outcome != "went on"
    }


def _outcome(playing: Future[FrameChecksums], film: SourceFilm) -> str:
    """Say whether a player saw the film's first part, then the film from its start again."""
    try:
        runs = _runs(playing.result(), film)
    except Exception as error:  # noqa: BLE001 - part of the report of all players
        return str(error)
    long_runs = [run for run in runs if len(run) > film.media.key_frame_every]
    torn = [run for run in runs if len(run) <= film.media.key_frame_every]
    if len(long_runs) == 2 and long_runs[1][0] in film.key_frames and sum(map(len, torn)) <= 1:
        return "went on"
    return f"stretches of pictures: {[(run[0], len(run)) for run in runs]}"
