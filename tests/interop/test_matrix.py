"""Every publisher to every reader, over UDP and TCP on both sides, picture by picture."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import TypeAlias

import pytest
from clients.client import CannotPlayError, FrameChecksums, Publisher, Reader, Transport
from clients.description import wait_until_published
from clients.lineup import PUBLISHERS, READERS
from counting_peers import wait_for_sender_reports
from media_library import MediaLibrary, prove_same
from result_table import Crossing, ResultTable
from server_process import ServerProcess

pytestmark = [pytest.mark.interop, pytest.mark.timeout(240)]

FRAMES = 45
READING = tuple(product(READERS, Transport))
PUBLISHING = tuple(product(PUBLISHERS, Transport))
# One pair each for what H.264+AAC does not show; several readers where they cost no more time.
OTHER_FILMS = (
    ("H.265+AAC", "ffmpeg", Transport.UDP),
    ("VP8+Opus", "ffmpeg", Transport.TCP),
    ("MJPEG+G.711", "ffmpeg", Transport.UDP),
    ("MPEG-TS", "ffmpeg", Transport.TCP),
    ("MPEG-TS", "GStreamer", Transport.UDP),
)

Outcome: TypeAlias = FrameChecksums | Exception | str
Batch: TypeAlias = dict[tuple[str, Transport], Outcome]
Published: TypeAlias = tuple[str, str, Transport]
"""A film, its publisher and how that one publishes."""


class Batches:
    """Publishes a film once, plays it with all readers at the same time, keeps what they saw."""

    def __init__(
        self, server: ServerProcess, library: MediaLibrary, folders: pytest.TempPathFactory
    ) -> None:
        self._server = server
        self._library = library
        self._folders = folders
        self._kept: dict[Published, Batch] = {}

    def played(self, published: Published) -> Batch:
        """What all readers saw of it."""
        if published not in self._kept:
            self._kept[published] = self._play(*published)
        return self._kept[published]

    def forget(self, published: Published) -> None:
        """Have it played again for the next who asks: a second try is one of its own."""
        self._kept.pop(published, None)

    def _play(self, film_name: str, publisher_name: str, transport_in: Transport) -> Batch:
        media = self._library.film(film_name).media
        publisher = _by_name(publisher_name)
        folder = self._folders.mktemp("batch")
        url, play_url = self._server.publish_url(folder.name), self._server.play_url(folder.name)
        with publisher.publish(url, transport_in, media, folder) as program:
            try:
                wait_until_published(play_url)
                wait_for_sender_reports(play_url)
            except TimeoutError as error:
                failure = RuntimeError(f"{error}\n{program.last_lines()}")
                return {(reader.name, out): failure for reader, out in READING}
            with ThreadPoolExecutor(len(READING)) as pool:
                futures = {
                    (reader.name, out): pool.submit(
                        _play, reader, play_url, out, film_name, self._library, folder
                    )
                    for reader, out in READING
                }
                return {key: future.result() for key, future in futures.items()}


@pytest.fixture(scope="module")
def batches(
    server: ServerProcess, library: MediaLibrary, tmp_path_factory: pytest.TempPathFactory
) -> Batches:
    """All batches of this file."""
    return Batches(server, library, tmp_path_factory)


def _by_name(name: str) -> Publisher:
    return next(publisher for publisher in PUBLISHERS if publisher.name == name)


def _play(
    reader: Reader, url: str, out: Transport, film_name: str, library: MediaLibrary, folder: Path
) -> Outcome:
    media = library.film(film_name).media
    if reason := reader.cannot(media, out):
        return reason
    workdir = folder / f"{reader.name}-{out}"
    workdir.mkdir()
    try:
        return reader.play(url, out, media, FRAMES, workdir)
    except CannotPlayError as reason:
        return str(reason)
    except Exception as error:  # noqa: BLE001 - shown by the test of this cell
        return error


def _judge(crossing: Crossing, batches: Batches, library: MediaLibrary, table: ResultTable) -> None:
    published = (crossing.film, crossing.publisher, crossing.transport_in)
    outcome = batches.played(published)[crossing.reader, crossing.transport_out]
    if isinstance(outcome, str):
        table.cannot(crossing, outcome)
        pytest.skip(outcome)
    try:
        if isinstance(outcome, Exception):
            raise outcome
        proof = prove_same(outcome, library.film(crossing.film), FRAMES)
    except Exception as error:
        batches.forget(published)
        table.failed(crossing, str(error))
        raise
    table.passed(crossing, proof)


@pytest.mark.parametrize(
    ("reader", "transport_out"), READING, ids=[f"to-{r.name}-{t}" for r, t in READING]
)
@pytest.mark.parametrize(
    ("publisher", "transport_in"), PUBLISHING, ids=[f"{p.name}-{t}" for p, t in PUBLISHING]
)
def test_h264_and_aac_cross_unchanged(
    publisher: Publisher,
    transport_in: Transport,
    reader: Reader,
    transport_out: Transport,
    batches: Batches,
    library: MediaLibrary,
    result_table: ResultTable,
) -> None:
    crossing = Crossing("H.264+AAC", publisher.name, transport_in, reader.name, transport_out)
    _judge(crossing, batches, library, result_table)


@pytest.mark.parametrize(
    ("reader", "transport_out"), READING, ids=[f"to-{r.name}-{t}" for r, t in READING]
)
@pytest.mark.parametrize(
    ("film", "publisher_name", "transport_in"),
    OTHER_FILMS,
    ids=[f"{film}-{publisher}-{t}" for film, publisher, t in OTHER_FILMS],
)
def test_other_codecs_cross_unchanged(
    film: str,
    publisher_name: str,
    transport_in: Transport,
    reader: Reader,
    transport_out: Transport,
    batches: Batches,
    library: MediaLibrary,
    result_table: ResultTable,
) -> None:
    crossing = Crossing(film, publisher_name, transport_in, reader.name, transport_out)
    _judge(crossing, batches, library, result_table)
