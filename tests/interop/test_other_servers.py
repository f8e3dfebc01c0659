"""Other servers as sources and as targets: what comes out is the film, picture by picture."""

from __future__ import annotations

from pathlib import Path

import pytest
from clients.client import CannotPlayError, Transport
from clients.description import wait_until_published
from clients.ffmpeg import FfmpegPublisher, FfmpegReader
from media_library import MediaLibrary, prove_same
from result_table import ResultTable, ServerCrossing
from server_process import ServerProcess
from servers.lineup import SOURCES, TARGETS, SourceServer, TargetServer

pytestmark = [pytest.mark.interop, pytest.mark.timeout(240)]

FILM = "H.264+AAC"
FRAMES = 45


def _named(server: SourceServer | TargetServer) -> str:
    return server.name


@pytest.mark.parametrize("transport", Transport)
@pytest.mark.parametrize("source", SOURCES, ids=_named)
def test_a_film_is_fetched_unchanged(
    source: SourceServer,
    transport: Transport,
    library: MediaLibrary,
    result_table: ResultTable,
    tmp_path: Path,
) -> None:
    cell = ServerCrossing(source.name, "fetched over", transport)
    film = library.film(FILM)
    try:
        if transport not in source.transports:
            raise CannotPlayError(f"{source.name} does not know RTP over {transport}")
        with source.serving(film.media, tmp_path) as url:
            paths = {"film": {"source": url, "transport": transport.value}}
            with ServerProcess(tmp_path / "server.log", publish_port=0, paths=paths) as server:
                wait_until_published(server.play_url("film"))
                seen = FfmpegReader().play(
                    server.play_url("film"), Transport.TCP, film.media, FRAMES, tmp_path
                )
        result_table.servers[cell] = f"✓ {prove_same(seen, film, FRAMES)}"
    except CannotPlayError as reason:
        result_table.servers[cell] = "–"
        pytest.skip(str(reason))
    except Exception as error:
        result_table.servers[cell] = f"**failed**: {str(error).splitlines()[0][:80]}"
        raise


@pytest.mark.parametrize("transport", Transport)
@pytest.mark.parametrize("target", TARGETS, ids=_named)
def test_a_film_is_sent_on_unchanged(
    target: TargetServer,
    transport: Transport,
    library: MediaLibrary,
    result_table: ResultTable,
    tmp_path: Path,
) -> None:
    cell = ServerCrossing(target.name, "sent over", transport)
    film = library.film(FILM)
    try:
        with target.recording(film.media, tmp_path) as recorder:
            paths = {"film": {"forward_to": [recorder.url], "forward_transport": transport.value}}
            with (
                ServerProcess(tmp_path / "server.log", publish_port=0, paths=paths) as server,
                FfmpegPublisher().publish(
                    server.publish_url("film"), Transport.TCP, film.media, tmp_path
                ),
            ):
                seen = recorder.seen(FRAMES)
        result_table.servers[cell] = f"✓ {prove_same(seen, film, FRAMES)}"
    except CannotPlayError as reason:
        result_table.servers[cell] = "–"
        pytest.skip(str(reason))
    except Exception as error:
        result_table.servers[cell] = f"**failed**: {str(error).splitlines()[0][:80]}"
        raise
