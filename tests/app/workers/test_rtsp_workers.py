"""`RtspWorkers`: real processes of a program, with hooks of its own in each."""

from __future__ import annotations

import asyncio
import errno
import itertools
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from own_ports import own_port
from rtsp_peer import RtspPeer, TcpPublisher, TcpReader

from headwater import RtspWorkers, ServerStatus
from headwater.control.server_state import ServerState
from headwater.control.status_client import ask

pytestmark = pytest.mark.skipif(not hasattr(socket, "send_fds"), reason="no workers here")

DEADLINE_S = 60.0
"""For what several processes do on a machine that may be busy."""

PROGRAM = """
import os
from headwater import HookRequest, Hooks, MountSettings, RtspServer, Settings, WorkerSettings

hooks = Hooks()
asked = 0


@hooks.check_mount
async def check_mount(request: HookRequest) -> bool:
    global asked
    asked += 1
    with open({log!r}, "a") as log:
        print(os.getpid(), asked, request.path, file=log)
    return request.path == "/cam"


def make_server() -> RtspServer:
    return RtspServer(
        host="127.0.0.1",
        publish_port={port},
        rtp_port_start={rtp_port},
        rtp_port_count=400,
        play_hooks=hooks,
        settings=Settings(
            mounts=MountSettings(publisher_idle_timeout_s=0.0),
            workers=WorkerSettings(count=2, hot_readers=0),
        ),
    )


async def make_server_later() -> RtspServer:
    return make_server()


def make_broken_worker() -> RtspServer:
    if os.getpid() != {pid}:
        raise SystemExit(3)
    return make_server()
"""


@pytest.fixture(autouse=True)
def closed_peers() -> Iterator[None]:
    yield
    RtspPeer.forget_all()


_numbers = itertools.count()


class Program:
    """A module with functions that make a server, and what its hooks wrote down."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self.log = folder / "asked.log"
        self.log.touch()
        self.write()

    def write(self, port: int = 0) -> None:
        """Write the module; its server's port is free unless given."""
        text = PROGRAM.format(log=str(self.log), port=port, rtp_port=own_port(0), pid=os.getpid())
        (self.log.parent / f"{self.name}.py").write_text(text)

    def workers(self, function: str = "make_server", count: int | None = None) -> RtspWorkers:
        return RtspWorkers(f"{self.name}:{function}", workers=count)

    def asked(self) -> list[list[str]]:
        """Process, its count, and path of each call of the hook."""
        return [line.split() for line in self.log.read_text().splitlines()]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    monkeypatch.syspath_prepend(tmp_path)
    return Program(tmp_path, f"program_{next(_numbers)}")


@pytest.fixture
async def workers(program: Program) -> AsyncIterator[RtspWorkers]:
    async with program.workers() as workers:
        yield workers


async def play(workers: RtspWorkers, readers: int) -> tuple[TcpPublisher, list[TcpReader]]:
    port, url = workers.publish_port, workers.publish_url("/cam")
    publisher = await TcpPublisher.start(port, url)
    await publisher.send(1)
    return publisher, [await TcpReader.start(port, url) for _ in range(readers)]


async def until_replaced(workers: RtspWorkers) -> ServerStatus:
    async with asyncio.timeout(DEADLINE_S):
        while True:
            status = await workers.status()
            if status.replaced_workers and len(status.workers) == 2:
                return status
            await asyncio.sleep(0.05)


async def test_each_worker_has_the_programs_hooks_and_all_are_one_server(
    program: Program, workers: RtspWorkers, short_folder: Path
) -> None:
    socket_path = short_folder / "status.sock"
    assert workers.running
    publisher, readers = await play(workers, 24)
    status = await workers.status()
    assert status.state is ServerState.RUNNING
    assert status.ports.publish == workers.publish_port == workers.play_port
    assert workers.http_port is None
    assert workers.http_url("/cam") == ""
    assert len(status.mounts[0].readers) == 24
    pids = {str(each.pid) for each in status.workers}
    # Each counts by itself what it was asked: nothing of a hook is shared.
    by_process: dict[str, list[int]] = {pid: [] for pid in pids}
    for pid, number, path in program.asked():
        assert path == "/cam"
        by_process[pid].append(int(number))
    for numbers in by_process.values():
        # The kernel gives connections by a hash of their ports: all to one is a matter of 2^-24.
        assert numbers == list(range(1, len(numbers) + 1)) != []
    assert await workers.open_status_socket(str(socket_path)) == str(socket_path)
    told = await asyncio.to_thread(ask, socket_path, "status", timeout_s=DEADLINE_S)
    assert len(told["workers"]) == 2
    peer = await RtspPeer.connect(workers.publish_port)
    assert (await peer.ask("DESCRIBE", workers.play_url("/other"))).status == 403
    sent = await publisher.send(3)
    for reader in readers:
        assert [(await reader.peer.frame())[1] for _ in range(4)][1:] == sent


async def test_a_worker_that_is_killed_is_replaced_with_its_hooks(
    program: Program, workers: RtspWorkers
) -> None:
    await play(workers, 0)
    before = (await workers.status()).workers
    (victim,) = [each for each in before if not each.sessions]
    os.kill(victim.pid, signal.SIGKILL)
    after = (await until_replaced(workers)).workers
    (new,) = {each.pid for each in after} - {each.pid for each in before}
    port, url = workers.publish_port, workers.publish_url("/cam")
    for _ in range(24):
        await TcpReader.start(port, url)
    assert str(new) in {pid for pid, _, _ in program.asked()}


async def test_settings_are_for_all_workers_and_for_those_that_come(workers: RtspWorkers) -> None:
    publisher, _ = await play(workers, 0)
    mounts = replace(workers.settings.mounts, max_readers=1)
    applied = await workers.apply(replace(workers.settings, mounts=mounts))
    assert [change.key for change in applied.changes] == ["mounts.max_readers"]
    assert workers.settings.mounts.max_readers == 1
    os.kill((await workers.status()).workers[0].pid, signal.SIGKILL)
    await until_replaced(workers)
    assert publisher.peer is not None
    # What the factory says again in the new process is older than what was applied.
    mounts = replace(mounts, max_readers=2)
    applied = await workers.apply(replace(workers.settings, mounts=mounts))
    assert [str(change) for change in applied.changes] == ["mounts.max_readers: 1 → 2"]


async def test_workers_stop_and_start_again_and_leave_no_process(program: Program) -> None:
    workers = program.workers("make_server_later", count=1)
    for _ in range(2):
        await workers.start()
        with pytest.raises(RuntimeError, match="the workers run already"):
            await workers.start()
        pids = [each.pid for each in (await workers.status()).workers]
        assert len(pids) == 1
        assert workers.health().state is ServerState.RUNNING
        workers.reload_certificates()
        await play(workers, 1)
        await workers.stop(drain_s=0.0)
        assert not workers.running
        for pid in pids:
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)
    await workers.stop()
    workers.reload_certificates()
    with pytest.raises(RuntimeError, match="the workers are not running; start them first"):
        workers.health()


async def test_a_worker_that_cannot_start_fails_the_start(program: Program) -> None:
    workers = program.workers("make_broken_worker")
    with pytest.raises(RuntimeError, match=r"worker-\d ended with exit code 3 at its start"):
        await workers.start()
    assert not workers.running


async def test_a_port_that_is_taken_fails_the_start_with_what_to_do(program: Program) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        program.write(port)
        with pytest.raises(OSError, match="another program has this port") as raised:
            await program.workers().start()
        assert raised.value.errno == errno.EADDRINUSE


async def test_too_many_workers_for_the_ports_fail_the_start(program: Program) -> None:
    with pytest.raises(ValueError, match="201 workers need a pair of ports each"):
        await program.workers(count=201).start()


async def test_where_no_connection_can_be_handed_over_the_start_says_what_to_do(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(socket, "send_fds")
    with pytest.raises(RuntimeError, match="run RtspServer in this process instead"):
        await program.workers().start()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_all(program: Program, number: signal.Signals) -> None:
    text = (
        "import asyncio, sys\n"
        f"sys.path.insert(0, {str(program.log.parent)!r})\n"
        "from headwater import RtspWorkers\n"
        "async def main():\n"
        f"    workers = RtspWorkers('{program.name}:make_server')\n"
        "    serving = asyncio.create_task(workers.serve_forever())\n"
        # From then on it takes signals.
        "    while not workers.running:\n"
        "        await asyncio.sleep(0.02)\n"
        "    print(*[each.pid for each in (await workers.status()).workers], flush=True)\n"
        "    await serving\n"
        "    print('ended', workers.running)\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", text, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(DEADLINE_S):
        assert process.stdout is not None
        pids = [int(word) for word in (await process.stdout.readline()).split()]
        assert len(pids) == 2
        process.send_signal(number)
        assert (await process.stdout.read()).decode() == "ended False\n"
        assert await process.wait() == 0
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
