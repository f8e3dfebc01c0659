"""Many readers and many mounts at once: no packet lost, none twice, none out of order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from clients.client import Transport
from counting_peers import CountingPublisher, CountingReader, run_load
from server_process import ServerProcess

# One process reads for all: what takes its processor for long has the kernel drop datagrams.
pytestmark = [pytest.mark.interop, pytest.mark.alone, pytest.mark.timeout(120)]

BITS_PER_SECOND = 2_000_000
SECONDS = 8.0


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path / "server.log", publish_port=0, play_port=0) as running:
        yield running


def _transports(count: int, first: Transport) -> list[Transport]:
    """Alternate UDP and TCP."""
    second = Transport.TCP if first is Transport.UDP else Transport.UDP
    return [(first, second)[index % 2] for index in range(count)]


def _losses(publisher: CountingPublisher, readers: list[CountingReader]) -> list[str]:
    """Name every reader that did not get everything from its first packet to the last sent."""
    return [
        f"reader {index}: {reader.tally}, last sent {publisher.last_seq}"
        for index, reader in enumerate(readers)
        if reader.tally.missing
        or reader.tally.out_of_order
        or reader.tally.last_seq != publisher.last_seq
    ]


@pytest.mark.parametrize("transport_in", list(Transport))
def test_200_readers_of_one_mount_lose_nothing(
    own_server: ServerProcess, transport_in: Transport
) -> None:
    with ExitStack() as closing:
        url = own_server.publish_url("busy")
        publisher = CountingPublisher(url, transport_in, BITS_PER_SECOND)
        closing.callback(publisher.drop)
        readers = []
        for transport in _transports(200, Transport.UDP):
            readers.append(CountingReader(own_server.play_url("busy"), transport))
            closing.callback(readers[-1].close)
        run_load([publisher], readers, SECONDS)
        assert _losses(publisher, readers) == []
        assert all(reader.tally.received == publisher.sent for reader in readers)


def test_50_mounts_with_2_readers_each_lose_nothing(own_server: ServerProcess) -> None:
    with ExitStack() as closing:
        publishers, pairs = [], []
        for number, transport in enumerate(_transports(50, Transport.UDP)):
            url = own_server.publish_url(f"camera/{number}")
            publishers.append(CountingPublisher(url, transport, BITS_PER_SECOND))
            closing.callback(publishers[-1].drop)
            play_url = own_server.play_url(f"camera/{number}")
            pairs.append([CountingReader(play_url, each) for each in Transport])
            for reader in pairs[-1]:
                closing.callback(reader.close)
        run_load(publishers, [reader for pair in pairs for reader in pair], SECONDS)
        losses = [_losses(one, pair) for one, pair in zip(publishers, pairs, strict=True)]
        assert losses == [[]] * 50
        assert all(
            r.tally.received == one.sent
            for one, pair in zip(publishers, pairs, strict=True)
            for r in pair
        )
