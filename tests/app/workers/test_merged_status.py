"""The statuses of several workers, told as one."""

from __future__ import annotations

from dataclasses import replace

from machine import machine
from rtsp_peer import TcpPublisher, TcpReader

from headwater.app.workers.kept_totals import totals_in
from headwater.app.workers.merged_status import merged_look, merged_status, worker_status
from headwater.control.board.look import BoardLook
from headwater.control.status import HookStatus, HookThreadsStatus


async def test_a_mount_has_the_readers_of_all_workers_and_its_own_publisher() -> None:
    async with machine(3) as three:
        publisher = await TcpPublisher.start(three.port(1), three.url(1))
        await publisher.send(1)
        for number in (0, 0, 1, 2):
            reader = await TcpReader.start(three.port(number), three.url(number))
            await reader.peer.frame()
        statuses = [worker.server.status() for worker in three.workers]
        merged = merged_status(statuses)
        (mount,) = merged.mounts
        assert mount.publisher is not None
        assert mount.publisher.transport == "tcp"
        assert [reader.transport for reader in mount.readers] == ["tcp"] * 4
        assert len(merged.sessions) == 5
        assert merged.connections.open == sum(each.connections.open for each in statuses) == 5
        assert merged.counters.sessions_opened == 5
        assert merged.counters.answers_by_status[200] == sum(
            each.counters.answers_by_status[200] for each in statuses
        )
        assert merged.ports.udp_pairs == sum(each.ports.udp_pairs for each in statuses)
        assert merged.clock_s == max(each.clock_s for each in statuses)
        shown = [
            worker_status(f"w{number}", each, each.mounts, len(each.sessions))
            for number, each in enumerate(statuses)
        ]
        assert [(each.sessions, each.pulled_mounts) for each in shown] == [(2, 1), (2, 0), (1, 1)]


async def test_limits_are_summed_with_their_use_and_what_all_have_alike_is_not() -> None:
    async with machine(2) as two:
        statuses = [
            replace(
                worker.server.status(),
                hooks=(
                    HookStatus(
                        "play", "play", functions=1, calls=7, failures=0, timeouts=0, dropped=0
                    ),
                ),
                hook_threads=(HookThreadsStatus("play", "decide", alive=4, stuck=4, most=4),),
            )
            for worker in two.workers
        ]
        own = statuses[0].process
        ended = totals_in(statuses[0], [], None).status
        merged = merged_status([*statuses, ended])
        [hook] = merged.hooks
        assert (hook.functions, hook.calls) == (1, 21)
        [threads] = merged.hook_threads
        assert (threads.alive, threads.stuck, threads.most) == (8, 8, 8)
        assert merged.process.pid == own.pid
        assert own.descriptors_allowed is not None
        assert merged.process.descriptors_allowed == 2 * own.descriptors_allowed
        assert merged.version == statuses[0].version
        assert (merged.ports.publish, merged.ports.udp_first) == (
            statuses[0].ports.publish,
            min(each.ports.udp_first for each in statuses),
        )


async def test_a_board_has_what_ended_workers_counted_and_nothing_else_of_them() -> None:
    async with machine(1) as one:
        publisher = await TcpPublisher.start(one.port(0), one.url(0))
        await publisher.send(1)
        status = one.workers[0].server.status()
        look = BoardLook(status, status.mounts, {}, {"/cam": 3}, ())
        assert merged_look([look]) is look
        merged = merged_look([look], totals_in(status, [], None))
        assert merged.status.counters.requests == 2 * status.counters.requests > 0
        assert merged.status.connections.open == status.connections.open == 1
        assert [mount.path for mount in merged.mounts] == ["/cam"]
        assert merged.readers == {"/cam": 3}
