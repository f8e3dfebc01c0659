"""Publishers and readers at nodes of a cluster, whichever they reach."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from pathlib import Path

import pytest
from asking_node import node_is_told
from certificate_files import CertificateMaker
from cluster_rig import PASSWORD, Cluster, cluster
from own_ports import own_port
from redis_server import RedisServer, redis_server
from rtsp_peer import RtspPeer, TcpPublisher, TcpReader

from headwater import RtspClient
from headwater.access.settings import AccessSettings, UserSettings
from headwater.client.errors import CredentialsError
from headwater.cluster.node.directory import LeaseDirectory
from headwater.cluster.node.settings import ReaderWay
from headwater.config.settings import Settings
from headwater.media.settings import MountSettings, SecondPublisher
from headwater.net.settings import TlsSettings
from headwater.protocol.header.node_ask import NODE_HEADER
from headwater.relay.end import EndKind
from headwater.relay.events import EventName
from headwater.relay.limit_settings import LimitSettings

__all__ = ["redis_server"]


async def test_a_reader_at_another_node_gets_every_packet_in_order(
    redis_server: RedisServer,
) -> None:
    async with cluster(redis_server) as both:
        publisher = await TcpPublisher.start(both.port(0), both.url(0))
        kept = await publisher.send(1)
        await both.until(lambda: both.mount(0).tracks[0].counters.packets)
        reader = await TcpReader.start(both.port(1), both.url(1))
        sent = await publisher.send(50)
        got = [await reader.peer.frame() for _ in range(51)]
        assert [packet for channel, packet in got if channel == 0] == [*kept, *sent]


async def test_r13_a_crowd_at_another_node_is_one_pull_and_none_when_it_has_gone(
    redis_server: RedisServer,
) -> None:
    async with cluster(redis_server) as both:
        publisher = await TcpPublisher.start(both.port(0), both.url(0))
        await publisher.send(1)
        readers = await asyncio.gather(
            *(TcpReader.start(both.port(1), both.url(1)) for _ in range(20))
        )
        owner, edge = both.mount(0), both.mount(1)
        assert len(owner.readers) == 1
        assert owner.counted_readers == 0
        assert len(edge.readers) == 20
        for reader in readers:
            await reader.peer.close()
        await both.until(lambda: not edge.readers)
        pulls = both.pulls(1)
        assert len(pulls) == 1
        now = both.inside(1).relay.clock()
        pulls.check(now)
        pulls.check(now + pulls.linger_s + 1)
        assert len(pulls) == 0
        await both.until(lambda: not owner.readers)
        assert both.inside(1).mounts.get("/cam") is None


async def test_r3_a_path_is_published_at_one_node_whichever_is_reached(
    redis_server: RedisServer,
) -> None:
    async with cluster(redis_server) as both:
        publisher = await TcpPublisher.start(both.port(0), both.url(0))
        second = await RtspPeer.connect(both.port(1))
        answer = await second.announce(both.url(1))
        assert answer.status == 503
        await publisher.peer.close()
        await both.until(lambda: both.inside(0).mounts.get("/cam") is None)
        await TcpPublisher.start(both.port(1), both.url(1))


async def test_readers_stay_when_the_publisher_moves_to_another_node(
    redis_server: RedisServer,
) -> None:
    async with cluster(redis_server, nodes=3) as all_nodes:
        first = await TcpPublisher.start(all_nodes.port(0), all_nodes.url(0))
        await first.send(1)
        readers = [
            await TcpReader.start(all_nodes.port(number), all_nodes.url(number))
            for number in range(3)
        ]
        for reader in readers:
            await reader.peer.frame()
        await first.peer.close()
        second = await TcpPublisher.start(all_nodes.port(1), all_nodes.url(1))
        for number in (0, 2):
            await all_nodes.until(lambda number=number: all_nodes.mount(number).publisher)  # type: ignore[misc]
        await second.send(5)
        for number, reader in enumerate(readers):
            got = [await reader.peer.frame() for _ in range(5)]
            numbers = [int.from_bytes(packet[2:4], "big") for channel, packet in got if not channel]
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), number


async def test_r12_a_node_that_pulls_a_mount_gives_it_to_no_other_node(
    redis_server: RedisServer,
) -> None:
    async with cluster(redis_server) as both:
        publisher = await TcpPublisher.start(both.port(0), both.url(0))
        await publisher.send(1)
        await TcpReader.start(both.port(1), both.url(1))
        held = both.node(0)._holding.of("/cam")
        assert held is not None
        for number, epoch, status in (
            (0, held.tenure.epoch, 200),
            (0, held.tenure.epoch - 1, 404),
            (1, held.tenure.epoch, 404),
        ):
            relay = both.inside(number).relay
            assert await node_is_told(relay, both.url(number), epoch) == status


async def test_a_client_is_not_taken_for_a_node_because_it_says_so(
    redis_server: RedisServer,
) -> None:
    users = AccessSettings(users=(UserSettings(name="u", password="p", read=("/other",)),))
    async with cluster(redis_server, settings=Settings(access=users)) as both:
        peer = await RtspPeer.connect(both.port(1))
        marked = {NODE_HEADER: "b 0"}
        for headers in (
            marked,
            marked | {"Authorization": "Basic aGVhZHdhdGVyLW5vZGU6b2YgYWxsIG5vZGVz"},
        ):
            answer = await peer.ask("DESCRIBE", both.url(1), headers)
            assert answer.status == 401
            assert 'realm="headwater-cluster"' in (answer.header("WWW-Authenticate") or "")
        # And the password of nodes opens nothing where no node asks.
        client = RtspClient(both.url(1), username="headwater-node", password=PASSWORD)
        with pytest.raises(CredentialsError):
            await client.describe()


@pytest.mark.parametrize("by", ["authority", "fingerprint", "nobody"])
async def test_nodes_speak_under_tls_with_those_alone_whom_they_can_know(
    redis_server: RedisServer, tmp_path: Path, by: str
) -> None:
    maker = CertificateMaker(tmp_path)
    files = maker.issue("node")
    known = {
        "authority": {"ca_file": maker.ca.certificate},
        "fingerprint": {"fingerprint": sha256_of(files.certificate)},
        "nobody": {},
    }
    tls = TlsSettings(certificate=files.certificate, key=files.key)
    port, settings = own_port(880), Settings(tls=tls)
    async with cluster(redis_server, nodes=0, settings=settings, **known[by]) as nodes:
        await nodes.start_node(port=port, advertise_url=f"rtsps://127.0.0.1:{port}")
        await nodes.start_node()
        await TcpPublisher.start(nodes.port(0), nodes.url(0))
        if by == "nobody":
            assert await nodes.status(1) == 404
            return
        await TcpReader.start(nodes.port(1), nodes.url(1))
        [pull] = [end for end in nodes.inside(0).relay.ends if end.kind is EndKind.NODE]
        assert pull.secure


def sha256_of(certificate: str) -> str:
    pem = Path(certificate).read_text()
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


REDIRECTED = "Lavf59.27.100"
_OF_SESSIONS = (EventName.SESSION_OPENED, EventName.SESSION_CLOSED, EventName.CLIENT_CLOSE)


async def ready(nodes: Cluster) -> None:
    """Wait until the registry knows that the path is filled."""
    async with asyncio.timeout(10):
        while True:
            lease = (await nodes.node(0)._registry.look_up(["/cam"]))["/cam"]
            if lease is not None and lease.ready:
                return
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("mode", "agent", "status"),
    [
        (ReaderWay.PULL, REDIRECTED, 200),
        (ReaderWay.REDIRECT, REDIRECTED, 302),
        (ReaderWay.REDIRECT, "aiortsp", 200),
        (ReaderWay.AUTO, REDIRECTED, 302),
    ],
)
async def test_readers_that_follow_are_sent_to_the_node_that_has_the_mount(
    redis_server: RedisServer, mode: ReaderWay, agent: str, status: int
) -> None:
    async with cluster(redis_server, mode=mode) as both:
        publisher = await TcpPublisher.start(both.port(0), both.url(0))
        await publisher.send(1)
        await ready(both)
        peer = await RtspPeer.connect(both.port(1))
        headers = {"User-Agent": agent}
        url = both.url(1) + "?token=7"
        answer = await peer.ask("DESCRIBE", url, headers)
        assert answer.status == status
        if status == 302:
            assert answer.header("Location") == both.url(0) + "?token=7"
            # Who has the mount answers, and sends nobody on.
            assert await both.status(0) == 200


async def test_a_node_that_drains_sends_readers_that_follow_away_also_from_its_own_mounts(
    redis_server: RedisServer,
) -> None:
    async with cluster(redis_server, mode=ReaderWay.REDIRECT) as both:
        await TcpPublisher.start(both.port(0), both.url(0))
        await ready(both)
        peer = await RtspPeer.connect(both.port(0))
        agent = {"User-Agent": REDIRECTED}
        assert (await peer.ask("DESCRIBE", both.url(0), agent)).status == 200
        await both.node(0).drain()
        answer = await peer.ask("DESCRIBE", both.url(0), agent)
        assert (answer.status, answer.header("Location")) == (302, both.url(1))
        # There the mount is pulled: nobody is sent to a node that drains.
        assert await both.status(1) == 200
        # Who would not go elsewhere is served.
        other = {"User-Agent": "aiortsp"}
        assert (await peer.ask("DESCRIBE", both.url(0), other)).status == 200


async def test_what_a_node_pulls_does_not_count_for_its_address(redis_server: RedisServer) -> None:
    # Nodes and peers of this test have the same address.
    limits = LimitSettings(connections_per_address=7, sessions_per_address=7)
    async with cluster(redis_server, settings=Settings(limits=limits)) as both:
        paths = [f"/cam{number}" for number in range(6)]
        for path in paths:
            await TcpPublisher.start(both.port(0), both.url(0, path))
        for path in paths:
            await TcpReader.start(both.port(1), both.url(1, path))
        connections, ends = both.inside(0).connections, both.inside(0).relay.ends
        assert (len(connections), len(ends)) == (12, 12)
        assert connections.by_address(1) == ends.by_address(1) == {"127.0.0.1": 6}
        both.pulls(1).stop()
        await both.until(lambda: len(connections) == 6)
        assert connections.by_address(1) == {"127.0.0.1": 6}


async def test_auto_pulls_a_mount_that_many_ask_for(redis_server: RedisServer) -> None:
    async with cluster(redis_server, mode=ReaderWay.AUTO) as both:
        publisher = await TcpPublisher.start(both.port(0), both.url(0))
        await publisher.send(1)
        await ready(both)
        peer = await RtspPeer.connect(both.port(1))
        statuses = [
            (await peer.ask("DESCRIBE", both.url(1), {"User-Agent": REDIRECTED})).status
            for _ in range(12)
        ]
        assert set(statuses[:-4]) <= {200, 302}
        assert statuses[-1] == 200
        assert both.pulls(1).has("/cam")


async def test_a_later_publisher_at_another_node_replaces_where_that_is_the_setting(
    redis_server: RedisServer,
) -> None:
    mounts = MountSettings(on_second_publisher=SecondPublisher.REPLACE)
    async with cluster(redis_server, settings=Settings(mounts=mounts)) as both:
        first = await TcpPublisher.start(both.port(0), both.url(0))
        await first.send(1)
        await TcpPublisher.start(both.port(1), both.url(1))
        await first.peer.closed()
        await both.until(lambda: len(both.node(0)._holding) == 0)


async def test_hooks_of_a_mount_are_called_at_its_own_node_and_those_of_a_reader_at_his(
    redis_server: RedisServer,
) -> None:
    async with cluster(redis_server) as both:
        streams = [both.inside(number).relay.events.listen() for number in range(2)]
        publisher = await TcpPublisher.start(both.port(0), both.url(0))
        await publisher.send(1)
        reader = await TcpReader.start(both.port(1), both.url(1))
        await publisher.peer.close()
        await both.until(lambda: both.mount(1).publisher is None)
        # The mount goes on at the node of the reader: there it is from now on.
        second = await TcpPublisher.start(both.port(1), both.url(1))
        await second.peer.close()
        await reader.peer.close()
        await both.until(lambda: both.inside(1).mounts.get("/cam") is None)
        told = [
            [str(event.name) for event in iter(stream.take, None) if event.name not in _OF_SESSIONS]
            for stream in streams
        ]
        assert told[0] == [
            "mount_opened",
            "publisher_started",
            "publisher_stopped",
            "mount_now_empty",
            "mount_closed",
        ]
        assert told[1] == [
            "reader_started",
            "mount_opened",
            "publisher_started",
            "publisher_stopped",
            "reader_stopped",
            "mount_now_empty",
            "mount_closed",
        ]


async def test_all_pulls_are_looked_at_in_turn_and_those_of_a_turn_in_one_question(
    redis_server: RedisServer,
) -> None:
    paths = [f"/cam{number}" for number in range(5)]
    async with cluster(redis_server) as both:
        for path in paths:
            publisher = await TcpPublisher.start(both.port(0), both.url(0, path))
            await publisher.send(1)
            await TcpReader.start(both.port(1), both.url(1, path))
        space = both.node(1).space
        # Its own beats ask too.
        async with both.node(1)._beating:
            directory, turns = LeaseDirectory(space._directory._registry, space._relay.clock), []
            space._directory = directory
            for _ in range(4):
                directory.forget_all()
                await space.check_pulls(2)
                turns.append(sorted(directory._known))
        assert turns == [paths[:2], paths[2:4], paths[4:], paths[:2]]


async def test_the_status_of_each_node_tells_of_all(redis_server: RedisServer) -> None:
    async with cluster(redis_server) as both:
        await TcpPublisher.start(both.port(0), both.url(0))
        for number in (0, 1):
            report = both.inside(number).report
            await both.until(lambda report=report: len(report.status().nodes) == 2)  # type: ignore[misc]
            here = {node.is_here: node for node in report.status().nodes}
            assert (here[True].name, here[True].mounts) == (both.node(number).name, 1 - number)
            assert here[False].name == both.node(1 - number).name
            assert {node.state for node in here.values()} == {"serving"}
