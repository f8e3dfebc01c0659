"""Publishers and players over TLS: the same film, the same pictures."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from clients.client import Publisher, Reader, Transport
from clients.description import wait_until_published
from clients.ffmpeg import FfmpegPublisher, FfmpegReader, run_quietly
from clients.gstreamer import GStreamerPublisher, GStreamerReader, play_with
from clients.pyav import PyAvReader
from media_library import MediaLibrary, prove_same
from server_process import ServerProcess

pytestmark = [pytest.mark.interop, pytest.mark.timeout(90)]

FRAMES = 45
TLS_READERS: tuple[Reader, ...] = (FfmpegReader(), GStreamerReader(), PyAvReader())


@pytest.fixture(scope="module")
def tls_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    run_quietly(
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
        "-keyout", str(key), "-out", str(certificate),
    )  # fmt: skip
    tls = {"certificate": str(certificate), "key": str(key)}
    log = folder / "server.log"
    rtp = {"require_secure_media": True}
    with ServerProcess(log, publish_port=0, play_port=0, tls=tls, rtp=rtp) as running:
        yield running


@pytest.mark.parametrize(
    "publisher", [FfmpegPublisher(), GStreamerPublisher()], ids=lambda client: client.name
)
def test_film_crosses_over_tls(
    publisher: Publisher, tls_server: ServerProcess, library: MediaLibrary, tmp_path: Path
) -> None:
    film = library.film("H.264+AAC")
    mount = f"secret/{publisher.name}"
    publish_url = tls_server.publish_url(mount).replace("rtsp://", "rtsps://")
    play_url = tls_server.play_url(mount).replace("rtsp://", "rtsps://")
    with publisher.publish(publish_url, Transport.TCP, film.media, tmp_path):
        wait_until_published(tls_server.play_url(mount))

        def play(reader: Reader) -> str:
            workdir = tmp_path / reader.name
            workdir.mkdir()
            seen = reader.play(play_url, Transport.TCP, film.media, FRAMES, workdir)
            return prove_same(seen, film, FRAMES)

        with ThreadPoolExecutor(len(TLS_READERS)) as pool:
            proofs = list(pool.map(play, TLS_READERS))
    assert all("pictures" in proof for proof in proofs)


def test_a_client_that_asks_for_udp_first_takes_tcp(
    tls_server: ServerProcess, library: MediaLibrary, tmp_path: Path
) -> None:
    film = library.film("H.264+AAC")
    publish_url, play_url = tls_server.publish_url("udp-first"), tls_server.play_url("udp-first")
    with FfmpegPublisher().publish(publish_url, Transport.TCP, film.media, tmp_path):
        wait_until_published(play_url)
        secure = play_url.replace("rtsp://", "rtsps://")
        seen = play_with("tcp+udp+udp-mcast", secure, film.media, FRAMES, tmp_path)
    assert "pictures" in prove_same(seen, film, FRAMES)
