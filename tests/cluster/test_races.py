"""The races that other systems ran into, between the workers of one machine."""

from __future__ import annotations

import asyncio
import struct
from dataclasses import replace

import pytest
from machine import Machine, machine
from rtsp_peer import SDP, SDP_VIDEO, RtspPeer, TcpPublisher, TcpReader, rtp
from udp_peer import UdpReader

from headwater.cluster.messages import Claim, Connect, Take
from headwater.config.settings import Settings
from headwater.media.settings import MountSettings, SecondPublisher
from headwater.media.states import MountState

ANNOUNCE = {"Content-Type": "application/sdp"}


async def announce(both: Machine, number: int) -> int:
    peer = await RtspPeer.connect(both.port(number))
    answer = await peer.announce(both.url(number))
    return answer.status


async def described(both: Machine, number: int, path: str = "/cam") -> int:
    peer = await RtspPeer.connect(both.port(number))
    return (await peer.ask("DESCRIBE", both.url(number, path))).status


def seq(packet: bytes) -> int:
    return int(struct.unpack_from(">H", packet, 2)[0])


async def packets(reader: TcpReader, count: int) -> list[bytes]:
    got: list[bytes] = []
    while len(got) < count:
        channel, packet = await reader.peer.frame()
        if channel == 0:
            got.append(packet)
    return got


@pytest.mark.parametrize("late", [0, 1])
async def test_r1_r3_of_publishers_at_two_workers_one_gets_the_path(late: int) -> None:
    async with machine() as both:
        both.holds = (Claim,)
        asked = [asyncio.create_task(announce(both, number)) for number in (0, 1)]
        await both.until(lambda: len(both.held) == 2)
        if late:
            both.held.reverse()
        both.let_through()
        assert sorted(await asyncio.gather(*asked)) == [200, 503]
        assert len(both.directory.leases) == 1


async def test_r1_who_leaves_while_its_claim_is_on_the_way_leaves_no_claim_behind() -> None:
    async with machine() as both:
        both.holds = (Claim,)
        peer = await RtspPeer.connect(both.port(0))
        await peer.send(peer.request("ANNOUNCE", both.url(0), ANNOUNCE, SDP_VIDEO))
        await both.until(lambda: both.held)
        peer.reset()
        await both.until(lambda: not len(both.inside(0).connections))
        both.let_through()
        await both.until(lambda: not len(both.directory.leases))
        assert await announce(both, 1) == 200


async def test_r2_what_a_reader_has_described_is_still_there_at_its_setup() -> None:
    async with machine() as both:
        await TcpPublisher.start(both.port(0), both.url(0))
        peer, url = await RtspPeer.connect(both.port(1)), both.url(1)
        assert (await peer.ask("DESCRIBE", url)).status == 200
        pulls = both.pulls(1)
        now = both.inside(1).relay.clock()
        pulls.check(now + pulls.linger_s / 2)
        setup = await peer.ask(
            "SETUP", f"{url}/trackID=0", {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}
        )
        assert setup.status == 200


async def test_r4_r5_a_worker_sends_a_mount_only_by_the_claim_it_has_now() -> None:
    async with machine() as both:
        first = await TcpPublisher.start(both.port(0), both.url(0))
        both.holds = (Connect,)
        asking = asyncio.create_task(described(both, 1))
        await both.until(lambda: both.held)
        # Meanwhile the publisher is another one, with a claim of its own.
        await first.peer.close()
        await both.until(lambda: both.inside(0).mounts.get("/cam") is None)
        both.let_through()
        assert await asking == 404
        second = await TcpPublisher.start(both.port(0), both.url(0))
        await second.send(1)
        assert await described(both, 1) == 200


async def test_r6_a_worker_that_drains_is_passed_nobody() -> None:
    async with machine(hot_readers=10) as both:
        publisher = await TcpPublisher.start(both.port(0), both.url(0))
        await publisher.send(1)
        running = both.inside(0).running
        before = await TcpReader.start(both.port(1), both.url(1))
        assert len(both.inside(0).relay.ends) == 2
        assert len(both.inside(1).relay.ends) == 0
        stopping = asyncio.create_task(running.stop(5.0))
        running.relay.draining = True
        both.workers[0]._beat(0.0)
        await both.until(lambda: both.directory.busy_share_of("worker-1") == 1.0)
        await TcpReader.start(both.port(1), both.url(1))
        assert len(both.inside(1).relay.ends) == 1
        await before.peer.close()
        await running.stop(0.0)
        await stopping


async def test_r7_r14_the_claims_of_a_worker_that_died_are_free_at_once() -> None:
    async with machine() as both:
        await TcpPublisher.start(both.port(0), both.url(0))
        assert await announce(both, 1) == 503
        both.die(0)
        assert len(both.directory.leases) == 0
        assert await announce(both, 1) == 200


async def test_r9_a_worker_without_readers_ends_its_pull_and_nothing_else() -> None:
    async with machine(3) as three:
        publisher = await TcpPublisher.start(three.port(0), three.url(0))
        await publisher.send(1)
        here = await TcpReader.start(three.port(1), three.url(1))
        there = await TcpReader.start(three.port(2), three.url(2))
        await here.peer.close()
        await three.until(lambda: not three.mount(1).readers)
        pulls = three.pulls(1)
        pulls.check(three.inside(1).relay.clock() + pulls.linger_s + 1)
        assert three.inside(1).mounts.get("/cam") is None
        sent = await publisher.send(5)
        assert (await packets(there, 6))[1:] == sent


async def test_r10_a_mount_is_found_right_after_its_record_whatever_is_still_on_the_way() -> None:
    async with machine() as both:
        peer, url = await RtspPeer.connect(both.port(0)), both.url(0)
        session = {"Session": (await peer.announce(url)).session}
        transport = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record"}
        await peer.ask("SETUP", f"{url}/streamid=0", session | transport)
        assert await described(both, 1) == 404
        both.holds = (Take,)
        assert (await peer.ask("RECORD", url, session)).status == 200
        assert await described(both, 1) == 200


async def test_r11_a_worker_does_not_pull_from_itself() -> None:
    async with machine() as both:
        peer = await RtspPeer.connect(both.port(0))
        answer = await peer.announce(both.url(0))
        assert answer.status == 200
        assert await described(both, 0) == 404
        assert len(both.pulls(0)) == 0


async def test_r12_what_is_pulled_is_sent_to_nobody() -> None:
    async with machine(3) as three:
        publisher = await TcpPublisher.start(three.port(0), three.url(0))
        await publisher.send(1)
        await TcpReader.start(three.port(1), three.url(1))
        tenure = three.directory.leases.find("/cam")
        assert tenure is not None
        # What a directory would say that was wrong about who has the path.
        wrong = replace(tenure, holder="worker-2")
        three.directory.leases.find = lambda _: wrong  # type: ignore[method-assign,assignment]
        assert await described(three, 2) == 404
        assert await described(three, 1) == 200


async def test_readers_on_both_workers_go_on_with_a_publisher_that_returns_at_either() -> None:
    async with machine() as both:
        first = await TcpPublisher.start(both.port(0), both.url(0))
        await first.send(1)
        own = await TcpReader.start(both.port(0), both.url(0))
        other = await TcpReader.start(both.port(1), both.url(1))
        await first.send(3)
        seen = [seq(packet) for packet in await packets(own, 4)]
        assert [seq(packet) for packet in await packets(other, 4)] == seen
        await first.peer.close()
        await both.until(lambda: both.mount(1).state is MountState.GRACE)
        assert both.mount(0).state is MountState.GRACE
        second = await TcpPublisher.start(both.port(1), both.url(1))
        second.seq = 500
        await both.until(lambda: both.mount(0).state is MountState.LIVE)
        await second.send(3)
        for reader in (own, other):
            got = await packets(reader, 3)
            assert [seq(packet) for packet in got] == [seen[-1] + 1 + i for i in range(3)]


async def test_readers_of_a_worker_go_on_when_the_publishers_worker_died() -> None:
    async with machine() as both:
        first = await TcpPublisher.start(both.port(0), both.url(0))
        await first.send(1)
        reader = await TcpReader.start(both.port(1), both.url(1))
        seen = [seq(packet) for packet in await packets(reader, 1)]
        both.die(0)
        await both.until(lambda: both.mount(1).state is MountState.GRACE)
        second = await TcpPublisher.start(both.port(1), both.url(1))
        await second.send(2)
        assert [seq(packet) for packet in await packets(reader, 2)] == [seen[0] + 1, seen[0] + 2]


async def test_a_publisher_that_may_replace_another_does_so_on_any_worker() -> None:
    settings = Settings(mounts=MountSettings(on_second_publisher=SecondPublisher.REPLACE))
    async with machine(settings=settings) as both:
        first = await TcpPublisher.start(both.port(0), both.url(0))
        await first.send(1)
        reader = await TcpReader.start(both.port(0), both.url(0))
        last = seq((await packets(reader, 1))[0])
        second = await TcpPublisher.start(both.port(1), both.url(1))
        await first.peer.closed()
        await both.until(lambda: both.mount(0).state is MountState.LIVE)
        await second.send(1)
        assert seq((await packets(reader, 1))[0]) == last + 1


async def test_a_publisher_that_returns_at_another_worker_is_passed_on_to_where_readers_wait() -> (
    None
):
    async with machine(3, hot_readers=64) as three:
        first = await TcpPublisher.start(three.port(0), three.url(0))
        await first.send(1)
        readers = [await TcpReader.start(three.port(1), three.url(1)) for _ in range(2)]
        assert len(three.mount(0).readers) == 2
        await first.send(3)
        seen = [[seq(packet) for packet in await packets(each, 4)] for each in readers]
        three.workers[0]._beat(0.0)
        await first.peer.close()
        await three.until(lambda: three.mount(0).state is MountState.GRACE)
        second = await TcpPublisher.start(three.port(2), three.url(2))
        second.seq = 500
        await three.until(lambda: three.mount(0).state is MountState.LIVE)
        await second.send(3)
        for reader, before in zip(readers, seen, strict=True):
            got = await packets(reader, 3)
            assert [seq(packet) for packet in got] == [before[-1] + 1 + i for i in range(3)]
        assert not any(len(three.pulls(number)) for number in range(3))
        assert [len(three.inside(number).connections) for number in range(3)] == [3, 0, 0]


@pytest.mark.parametrize("cause", ["nobody waits", "busy", "nothing is passed on"])
async def test_a_publisher_stays_where_it_landed(cause: str) -> None:
    async with machine(hot_readers=0 if cause == "nothing is passed on" else 64) as both:
        first = await TcpPublisher.start(both.port(0), both.url(0))
        await first.send(1)
        reader = await TcpReader.start(both.port(0), both.url(0))
        last = seq((await packets(reader, 1))[0])
        if cause == "busy":
            both.workers[0]._busy_share = lambda: 1.0  # type: ignore[method-assign]
        if cause == "nobody waits":
            await reader.peer.close()
            await both.until(lambda: not both.mount(0).readers)
        both.workers[0]._beat(0.0)
        await first.peer.close()
        second = await TcpPublisher.start(both.port(1), both.url(1))
        assert len(both.inside(1).relay.ends) == 1
        if cause != "nobody waits":
            await both.until(lambda: both.mount(0).state is MountState.LIVE)
            await second.send(1)
            assert seq((await packets(reader, 1))[0]) == last + 1


@pytest.mark.parametrize("policy", list(SecondPublisher))
async def test_a_second_publisher_at_another_worker_is_judged_where_the_first_one_is(
    policy: SecondPublisher,
) -> None:
    settings = Settings(mounts=MountSettings(on_second_publisher=policy))
    async with machine(settings=settings, hot_readers=64) as both:
        first = await TcpPublisher.start(both.port(0), both.url(0))
        await first.send(1)
        reader = await TcpReader.start(both.port(0), both.url(0))
        last = seq((await packets(reader, 1))[0])
        if policy is SecondPublisher.REPLACE:
            second = await TcpPublisher.start(both.port(1), both.url(1))
            await first.peer.closed()
        else:
            assert await announce(both, 1) == 503
            second = first
        await second.send(1)
        assert seq((await packets(reader, 1))[0]) == last + 1
        assert both.mount(0).state is MountState.LIVE
        assert len(both.inside(1).relay.ends) == 0
        assert both.inside(1).mounts.get("/cam") is None


async def test_a_key_frame_that_a_reader_needs_is_asked_of_the_publisher_elsewhere() -> None:
    sdp = SDP.replace(b"a=rtpmap:96", b"a=rtcp-fb:96 nack pli\r\na=rtpmap:96")
    async with machine() as both:
        publisher = await TcpPublisher.start(both.port(0), both.url(0), sdp)
        slice_of_a_picture = rtp(0, payload=b"\x41\x9a" + bytes(20))
        frame = struct.pack(">cBH", b"$", 0, len(slice_of_a_picture)) + slice_of_a_picture
        await publisher.peer.send(frame)
        track = both.mount(0).tracks[0]
        await both.until(lambda: track.counters.packets)
        await TcpReader.start(both.port(1), both.url(1))
        # The pull itself asks; the reader at the other worker once it has seen the source.
        assert track.counters.key_frame_requests == 1
        await publisher.peer.send(frame)
        edge = both.mount(1).tracks[0]
        await both.until(lambda: edge.counters.key_frame_requests)
        await both.until(lambda: track.counters.key_frame_requests == 2)


async def test_a_session_is_found_by_a_new_connection_at_whichever_worker() -> None:
    async with machine() as both:
        publisher = await TcpPublisher.start(both.port(0), both.url(0))
        await publisher.send(1)
        first, url = await RtspPeer.connect(both.port(0)), both.url(0)
        pair = UdpReader("127.0.0.1")
        setup = await pair.setup(first, url)
        session = {"Session": setup.session}
        assert (await first.ask("PLAY", url, session)).status == 200
        await first.close()
        other = await RtspPeer.connect(both.port(1))
        assert (await other.ask("OPTIONS", both.url(1), {"Session": "1f"})).status == 200
        assert (await other.ask("GET_PARAMETER", url, session)).status == 200
        assert len(both.inside(1).connections) == 0
        assert (await other.ask("TEARDOWN", url, session)).status == 200
        pair.close()


async def test_a_publisher_whose_connection_is_gone_makes_way_for_one_at_another_worker() -> None:
    async with machine() as both:
        peer, url = await RtspPeer.connect(both.port(0)), both.url(0)
        session = {"Session": (await peer.announce(url)).session}
        transport = {"Transport": "RTP/AVP;unicast;client_port=40000-40001;mode=record"}
        setup = await peer.ask("SETUP", f"{url}/streamid=0", session | transport)
        assert setup.status == 200
        assert (await peer.ask("RECORD", url, session)).status == 200
        # Over UDP a publisher outlives its connection, as long as its packets come.
        peer.reset()
        await both.until(lambda: not len(both.inside(0).connections))
        assert await announce(both, 1) == 200


async def test_workers_are_one_server_to_those_that_it_forwards_to() -> None:
    async with machine() as both:
        assert both.inside(0).relay.id == both.inside(1).relay.id
        peer = await RtspPeer.connect(both.port(1))
        via = {"Via": f"1.0 {both.inside(0).relay.id}"}
        answer = await peer.ask("ANNOUNCE", both.url(1), ANNOUNCE | via, SDP_VIDEO)
        assert answer.status == 403
