"""Machines with several workers, each a node: publishers and readers at any worker of any node."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from asking_node import node_is_told
from camera_here import camera
from fleet_rig import settings_of
from machines_rig import Machine, Machines, machines
from redis_server import RedisServer, redis_server
from rtsp_peer import RtspPeer, TcpReader

from headwater.cluster.messages import AskRegistry
from headwater.cluster.node import asked_registry
from headwater.cluster.node.settings import ReaderWay
from headwater.config.path_section import path_sections
from headwater.config.settings import Settings
from headwater.media.settings import SecondPublisher
from headwater.testing.fake_camera.camera import AsyncFakeCamera

__all__ = ["camera", "redis_server"]

SHORT_LEASE_S = 3.0
short_lived = partial(machines, lease_s=SHORT_LEASE_S)


async def numbers_of(reader: TcpReader, count: int) -> list[int]:
    """The sequence numbers of the next packets."""
    numbers: list[int] = []
    while len(numbers) < count:
        channel, packet = await reader.peer.frame()
        if channel == 0:
            numbers.append(int.from_bytes(packet[2:4], "big"))
    return numbers


def is_beat(said: tuple[Any, ...]) -> bool:
    """Whether a worker's word to its supervisor is its beat for the cluster."""
    return isinstance(said[1], AskRegistry) and said[1].call == "beat"


async def assert_in_order(readers: list[TcpReader], count: int) -> None:
    for reader in readers:
        numbers = await numbers_of(reader, count)
        assert numbers == list(range(numbers[0], numbers[0] + count))


def pulls(machine: Machine) -> int:
    """How many mounts its workers take from other nodes, all together."""
    return sum(len(machine.node(number).space.pulling) for number in range(2))


def held(machine: Machine, path: str = "/cam") -> list[int]:
    """The epochs by which its workers hold a path."""
    found = (machine.node(number).space.holding.of(path) for number in range(2))
    return [each.tenure.epoch for each in found if each is not None]


async def announce(machine: Machine, number: int) -> int:
    peer = await machine.peer_at(number)
    return (await peer.announce(machine.url())).status


async def until_filled(both: Machines, holder: str) -> None:
    async def filled() -> bool:
        lease = await both.lease()
        return lease is not None and lease.ready and lease.tenure.holder == holder

    await both.until_told(filled)


def filled(machine: Machine) -> bool:
    """Whether the mount has a publisher at each worker."""
    return all(mount is not None and mount.publisher is not None for mount in machine.mounts())


async def test_a_mount_of_another_machine_is_pulled_once_and_played_at_each_worker(
    redis_server: RedisServer,
) -> None:
    async with machines(redis_server) as both:
        publisher = await both[0].publisher_at(1)
        await publisher.send(1)
        readers = [await both[1].reader_at(number) for number in (0, 1, 0, 1)]
        readers += [await both[0].reader_at(number) for number in (0, 1)]
        await publisher.send(20)
        await assert_in_order(readers, 21)
        assert pulls(both[1]) == 1
        assert len(both[1].node(both[1].fetcher()).space.pulling) == 1
        assert pulls(both[0]) == 0
        lease = await both.lease()
        assert lease is not None
        assert (lease.tenure.holder, lease.ready) == ("a", True)
        assert [await machine.status(path="/other") for machine in both.all] == [404, 404]


@pytest.mark.parametrize("number", [0, 1])
async def test_a_path_is_published_once_whichever_worker_of_whichever_machine_is_reached(
    redis_server: RedisServer, number: int
) -> None:
    async with machines(redis_server) as both:
        first = await both[0].publisher_at(number)
        reader = await both[1].reader_at(1 - number)
        await first.send(2)
        for machine in both.all:
            for other in (0, 1):
                assert await announce(machine, other) == 503
        # Who is refused disturbs no reader.
        await first.send(3)
        await assert_in_order([reader], 5)
        assert len(held(both[0])) == 1
        await first.peer.close()
        await both.until(lambda: not held(both[0]))
        await both[1].publisher_at(number)


async def test_of_publishers_at_all_workers_at_once_one_wins(redis_server: RedisServer) -> None:
    async with machines(redis_server) as both:
        peers = [
            (machine, await machine.peer_at(number)) for machine in both.all for number in (0, 1)
        ]
        for turn in range(10):
            path = f"/race{turn}"
            answers = await asyncio.gather(
                *(peer.announce(machine.url(path)) for machine, peer in peers)
            )
            assert sorted(answer.status for answer in answers) == [200, 503, 503, 503]


async def test_readers_at_all_workers_stay_when_the_publisher_moves_to_another_machine_and_back(
    redis_server: RedisServer,
) -> None:
    async with machines(redis_server) as both:
        first = await both[0].publisher_at(0)
        await first.send(1)
        readers = [await machine.reader_at(number) for machine in both.all for number in (0, 1)]
        sent = 1
        fetcher = both[1].fetcher()
        for machine, number in ((1, 1 - fetcher), (0, 1), (1, fetcher)):
            await first.peer.close()
            await both.until(
                lambda: not any(mount and mount.publisher for mount in both[0].mounts())
            )
            first = await both[machine].publisher_at(number)
            await both.until(lambda: filled(both[0]) and filled(both[1]))
            await until_filled(both, "ab"[machine])
            await first.send(5)
            sent += 5
            # What goes over another machine is there when it is there.
            for each in both.all:
                await both.until(
                    lambda each=each: all(  # type: ignore[misc]
                        mount is not None and mount.tracks[0].counters.packets >= 5
                        for mount in each.mounts()
                    )
                )
        await assert_in_order(readers, sent)


async def test_who_publishes_at_a_machine_goes_before_what_it_pulls(
    redis_server: RedisServer,
) -> None:
    settings = settings_of()
    replaces = replace(
        settings, mounts=replace(settings.mounts, on_second_publisher=SecondPublisher.REPLACE)
    )
    async with machines(redis_server, settings=replaces) as both:
        first = await both[0].publisher_at(0)
        await first.send(1)
        readers = [await both[1].reader_at(number) for number in (0, 1)]
        for reader in readers:
            await reader.peer.frame()
        second = await both[1].publisher_at(1 - both[1].fetcher())
        await first.peer.closed()
        await both.until(lambda: filled(both[1]) and not pulls(both[1]))
        await second.send(3)
        await assert_in_order(readers, 3)
        assert (len(held(both[0])), len(held(both[1]))) == (0, 1)


async def test_a_worker_that_dies_frees_its_paths_at_once_for_all_machines(
    redis_server: RedisServer,
) -> None:
    async with machines(redis_server) as both:
        publisher = await both[0].publisher_at(0)
        await publisher.send(1)
        readers = [await both[0].reader_at(1), await both[1].reader_at(0)]
        await assert_in_order(readers, 1)
        both[0].rig.workers[0].kill()

        async def is_free() -> bool:
            return await both.lease() is None

        # Long before the lease would end.
        async with asyncio.timeout(6):
            await both.until_told(is_free)
        again = await both[1].publisher_at(1)
        await both.until(lambda: both[1].mounts()[0] and filled(both[1]))
        await both.until(lambda: (mount := both[0].mounts()[-1]) and mount.publisher)
        await again.send(4)
        await assert_in_order(readers, 4)
        await both.until(lambda: len(both[0].workers) == 2)
        assert both[0].fleet.replaced == 1
        record = await both.record("a")
        assert record is not None


async def test_readers_stay_when_the_worker_dies_that_pulls_for_theirs(
    redis_server: RedisServer,
) -> None:
    async with machines(redis_server) as both:
        publisher = await both[0].publisher_at(0)
        await publisher.send(1)
        pulling = both[1].fetcher()
        reader = await both[1].reader_at(1 - pulling)
        await assert_in_order([reader], 1)
        other = both[1].inside(1 - pulling)
        both[1].rig.workers[pulling].kill()
        await both.until(lambda: len(both[1].workers) == 2)
        await both.until(lambda: (mount := other.mounts.get("/cam")) and mount.publisher)
        await publisher.send(4)
        # The kept packet comes again from the new worker.
        await numbers_of(reader, 4)


async def test_readers_and_nodes_are_passed_on_to_the_worker_that_has_or_pulls_their_mount(
    redis_server: RedisServer,
) -> None:
    settings = settings_of()
    passes_on = replace(settings, workers=replace(settings.workers, hot_readers=64))
    async with machines(redis_server, settings=passes_on) as both:
        for machine in both.all:
            for worker in machine.workers:
                # All are one process here, whose work is no measure of theirs.
                worker.part._busy_share = lambda: 0.0  # type: ignore[method-assign]
        await both.until(lambda: all(machine.is_calm for machine in both.all))
        publisher = await both[0].publisher_at(0)
        await publisher.send(1)
        fetcher = both[1].fetcher()
        first = await both[1].reader_at(fetcher)
        await both[1].fleet_knows()
        others = [await TcpReader.start(both[1].port, both[1].url()) for _ in range(8)]
        mounts = both[1].mounts()
        assert mounts[1 - fetcher] is None
        mount = mounts[fetcher]
        assert mount is not None
        assert mount.counted_readers == 9
        # And the pull itself came to the worker of the publisher, wherever it landed.
        assert both[0].mounts()[1] is None
        await publisher.send(5)
        await assert_in_order([first, *others], 6)


async def test_what_a_machine_pulls_it_gives_to_no_other_machine(
    redis_server: RedisServer,
) -> None:
    async with machines(redis_server) as both:
        publisher = await both[0].publisher_at(0)
        await publisher.send(1)
        for number in (0, 1):
            await both[1].reader_at(number)
        [epoch] = held(both[0])
        relay = both[0].inside(0).relay
        for machine, asked, status in ((0, epoch, 200), (0, epoch - 1, 404), (1, epoch, 404)):
            for _ in range(8):
                # The kernel gives them to both workers.
                assert await node_is_told(relay, both[machine].url(), asked) == status


def with_camera(camera: AsyncFakeCamera, **chosen: Any) -> Settings:
    source = {"source": camera.url, "transport": "tcp", **chosen}
    return replace(settings_of(), paths=path_sections({"cam": source}))


def fetchers(both: Machines) -> list[tuple[int, int]]:
    """Machines and workers that fetch the camera."""
    return [
        (place, number)
        for place, machine in enumerate(both.all)
        for number, worker in enumerate(machine.rig.workers)
        if worker.is_serving and machine.node(number).sources.holds("/cam")
    ]


@pytest.mark.parametrize("on_demand", [False, True])
async def test_a_camera_is_fetched_by_one_worker_of_one_machine_for_all(
    redis_server: RedisServer, camera: AsyncFakeCamera, on_demand: bool
) -> None:
    settings = with_camera(camera, on_demand=on_demand)
    async with machines(redis_server, settings=settings) as both:
        if on_demand:
            assert fetchers(both) == []
        else:
            await both.until(lambda: len(fetchers(both)) == 1)
        readers = [machine.reader_at(number) for machine in both.all for number in (0, 1)]
        for reader in await asyncio.gather(*readers):
            await reader.peer.frame()
        assert len(camera.sessions) == 1
        [(place, number)] = fetchers(both)
        assert number == both[place].fetcher()
        assert pulls(both[1 - place]) == 1


async def test_a_machine_dies_and_its_camera_plays_on_at_the_other(
    redis_server: RedisServer, camera: AsyncFakeCamera
) -> None:
    async with short_lived(redis_server, settings=with_camera(camera)) as both:
        await both.until(lambda: fetchers(both))
        [(place, _)] = fetchers(both)
        other = both[1 - place]
        readers = [await other.reader_at(number) for number in (0, 1)]
        for reader in readers:
            await reader.peer.frame()
        await both[place].die()
        await both.until(lambda: fetchers(both) == [(1 - place, other.fetcher())])
        await both.until(lambda: filled(other))
        for reader in readers:
            reader.peer.frames.clear()
            await reader.peer.frame()


async def test_a_machine_that_drains_gives_its_camera_away_and_takes_no_publisher(
    redis_server: RedisServer, camera: AsyncFakeCamera
) -> None:
    async with short_lived(redis_server, settings=with_camera(camera)) as both:
        await both.until(lambda: fetchers(both))
        [(place, _)] = fetchers(both)
        name, machine = "ab"[place], both[place]
        readers = [await machine.reader_at(number) for number in (0, 1)]
        assert await both.registry.order_drain(name, drain=True)
        await both.until(lambda: [each for each, _ in fetchers(both)] == [1 - place])
        await both.until(lambda: pulls(machine) == 1)
        for reader in readers:
            reader.peer.frames.clear()
            await reader.peer.frame()
        await both.until(lambda: all(machine.node(each).sources.drains for each in (0, 1)))
        for number in (0, 1):
            peer = await machine.peer_at(number)
            url = machine.url("/new")
            assert (await peer.announce(url)).status == 503
        record = await both.record(name)
        assert record is not None
        assert record.state == "draining"
        await both.registry.order_drain(name, drain=False)
        await both.until(lambda: not any(machine.node(each).sources.drains for each in (0, 1)))
        for number in (0, 1):
            await machine.publisher_at(number, f"/new{number}")


async def test_without_the_registry_what_plays_goes_on_and_is_claimed_again(
    redis_server: RedisServer,
) -> None:
    async with short_lived(redis_server) as both:
        publishers = [await both[0].publisher_at(number, f"/{number}") for number in (0, 1)]
        readers = []
        for number, publisher in enumerate(publishers):
            await publisher.send(1)
            readers.append(await both[1].reader_at(1 - number, f"/{number}"))
        before = [held(both[0], f"/{number}") for number in (0, 1)]
        await redis_server.kill()
        await both.until(
            lambda: all(
                machine.node(number).space.holding.gone_since_s
                for machine in both.all
                for number in (0, 1)
            )
        )
        for publisher in publishers:
            await publisher.send(3)
        await assert_in_order(readers, 4)
        await redis_server.start()
        await both.until(
            lambda: (
                not any(
                    machine.node(number).space.holding.gone_since_s
                    for machine in both.all
                    for number in (0, 1)
                )
            )
        )
        for number in (0, 1):
            lease = await both.lease(f"/{number}")
            assert lease is not None
            assert [lease.tenure.epoch] == before[number] == held(both[0], f"/{number}")
            peer = await both[1].peer_at(number)
            url = both[1].url(f"/{number}")
            assert (await peer.announce(url)).status == 503
        for publisher in publishers:
            await publisher.send(3)
        await assert_in_order(readers, 3)
        # News are heard again: a mount that comes now is found at once.
        await (await both[0].publisher_at(0)).send(1)
        await both[1].reader_at(1)


async def test_hooks_of_a_mount_are_called_once_in_the_whole_cluster(
    redis_server: RedisServer,
) -> None:
    async with machines(redis_server) as both:
        streams = [
            machine.inside(number).relay.events.listen()
            for machine in both.all
            for number in (0, 1)
        ]
        publisher = await both[0].publisher_at(0)
        await publisher.send(1)
        readers = [await machine.reader_at(number) for machine in both.all for number in (0, 1)]
        for reader in readers:
            await reader.peer.frame()
        for reader in readers:
            await reader.peer.close()
        await publisher.peer.close()
        await both.until(lambda: not any(both[0].mounts()))
        told = [sorted(str(event.name) for event in iter(stream.take, None)) for stream in streams]
        once = {"mount_opened", "publisher_started", "publisher_stopped", "mount_closed"}
        for name in once:
            assert [names.count(name) for names in told] == [1, 0, 0, 0], name
        assert [names.count("reader_started") for names in told] == [1, 1, 1, 1]


async def test_readers_that_follow_are_sent_to_the_machine_that_has_the_mount(
    redis_server: RedisServer,
) -> None:
    async with machines(redis_server, mode=ReaderWay.REDIRECT) as both:
        publisher = await both[0].publisher_at(0)
        await publisher.send(1)
        await until_filled(both, "a")
        for number in (0, 1):
            for agent, status in (("Lavf59.27.100", 302), ("aiortsp", 200)):
                peer = await both[1].peer_at(number)
                answer = await peer.ask("DESCRIBE", both[1].url(), {"User-Agent": agent})
                # Where a mount is pulled for others already, it is served.
                assert answer.status in {status, 200 if number else status}
                if answer.status == 302:
                    assert answer.header("Location") == both[0].url()
        assert await both[0].status() == 200


async def test_the_cluster_sees_a_machine_and_not_its_workers(redis_server: RedisServer) -> None:
    async with machines(redis_server) as both:
        for number in (0, 1):
            await (await both[0].publisher_at(number, f"/{number}")).send(1)
            await both[0].reader_at(number, f"/{number}")
            await both[1].reader_at(number, f"/{number}")
        await both.until_known()

        async def is_told() -> bool:
            record = await both.record("a")
            return record is not None and (record.mounts, record.readers) == (2, 2)

        await both.until_told(is_told)
        records = {node.name: node for node in await both.registry.nodes()}
        assert {name: node.workers for name, node in records.items()} == {"a": 2, "b": 2}
        other = await both.record("b")
        assert other is not None
        assert (other.mounts, other.pulls) == (0, 2)
        status = await both[0].fleet.status()
        nodes = sorted((node.name, node.workers) for node in status.nodes)
        assert nodes == [("a", 2), ("b", 2)]


async def test_what_a_machine_has_claimed_waits_while_its_supervisor_stands_still(
    redis_server: RedisServer,
) -> None:
    async with short_lived(redis_server) as both:
        early = await both[0].publisher_at(0)
        await until_filled(both, "a")
        readers = [await both[0].reader_at(number) for number in (0, 1)]
        [sent] = await early.send(1)
        for reader in readers:
            await reader.comes(sent)
        fleet, unheard = both[0].fleet, list[tuple[Any, ...]]()
        # No time passes for a process that stands still: it does not take its workers for silent.
        until_s = fleet._directory.leases._until_s
        until_s.update(dict.fromkeys(until_s, math.inf))
        hear = fleet._receive
        fleet._receive = lambda *said: unheard.append(said)  # type: ignore[method-assign]
        held = both[0].node(0)._held_back
        await both.until(lambda: len(held))

        async def is_free() -> bool:
            return await both.lease() is None

        await both.until_told(is_free)
        late = await both[1].publisher_at(0)
        await until_filled(both, "b")
        # Beats of the worker have failed since, which must let nothing out.
        asked = len(unheard)
        await both.until(lambda: len([each for each in unheard[asked:] if is_beat(each)]) > 1)
        held_back = await early.send(3)
        mount = both[0].mounts()[0]
        assert mount is not None
        await both.until(lambda: mount.tracks[0].counters.packets == 4)
        del fleet._receive
        for said in unheard:
            hear(*said)
        await early.peer.closed()
        await both.until(lambda: filled(both[0]))
        [sent] = await late.send(1)
        for reader in readers:
            got = await reader.comes(sent)
            assert not {packet[12:] for packet in held_back} & set(got)
        assert len(held) == 0


async def test_workers_without_a_supervisor_end_and_wait_for_no_answer(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asked_registry, "_ANSWER_DEADLINE_S", 3600.0)
    async with machines(redis_server) as both:
        await both[0].publisher_at(0)
        workers = both[0].workers
        await both[0].lose_supervisor()
        await both.until(lambda: all(worker.has_ended for worker in workers))


async def test_a_machine_that_stops_leaves_nothing_in_the_registry(
    redis_server: RedisServer,
) -> None:
    async with machines(redis_server) as both:
        await both[0].publisher_at(0)
        await both[1].reader_at(1)
        await both[0].fleet.stop(0.0)
        assert [node.name for node in await both.registry.nodes()] == ["b"]
        assert await both.lease() is None
        RtspPeer.forget_all()
