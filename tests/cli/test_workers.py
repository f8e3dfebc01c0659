"""A real `headwater serve --workers`: several processes that are one server."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from certificate_files import CertificateMaker, common_name
from grandchildren import all_end, children_of
from own_ports import free_port, own_port
from rtsp_peer import RtspPeer, TcpPublisher, TcpReader
from workers_file import PORT, status_socket_in, write_workers_file

from headwater.control.status_client import ask

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="workers need Linux")

DEADLINE_S = 20.0


class Workers:
    """A server of two workers, as a process."""

    def __init__(self, start: Any, tmp_path: Path) -> None:
        self._start = start
        self._folder = tmp_path
        self.socket = status_socket_in(tmp_path)

    def write(self, more: str = "", *, hot_readers: int = 64) -> None:
        self.file = write_workers_file(self._folder, more, hot_readers=hot_readers)

    def serve(self, *arguments: str) -> None:
        # On a busy machine a test takes its time between two packets.
        patient = ("--set", "mounts.publisher_idle_timeout_s=0")
        self.command = self._start("serve", "--config", str(self.file), *patient, *arguments)
        self.port = int(self.command.wait_for(PORT)[1])
        self.url = f"rtsp://127.0.0.1:{self.port}/cam"

    async def status(self) -> dict[str, Any]:
        return await asyncio.to_thread(ask, self.socket, "status")

    async def until(self, condition: Any) -> dict[str, Any]:
        """The first status that is as wanted."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                status = await self.status()
                if condition(status):
                    return status
                await asyncio.sleep(0.05)


@pytest.fixture
def workers(start: Any, tmp_path: Path) -> Workers:
    return Workers(start, tmp_path)


async def readers_of(workers: Workers, count: int) -> list[TcpReader]:
    return [await TcpReader.start(workers.port, workers.url) for _ in range(count)]


async def test_readers_of_one_mount_are_served_by_both_workers_and_told_as_one_server(
    workers: Workers,
) -> None:
    workers.write(hot_readers=0)
    workers.serve()
    publisher = await TcpPublisher.start(workers.port, workers.url)
    await publisher.send(1)
    readers = await readers_of(workers, 24)
    status = await workers.status()
    (mount,) = status["mounts"]
    assert mount["publisher"]["transport"] == "tcp"
    assert len(mount["readers"]) == 24
    assert len(status["sessions"]) == 25
    assert status["counters"]["sessions_opened"] == 25
    assert sum(each["pulled_mounts"] for each in status["workers"]) == 1
    # The kernel gives connections by a hash of their ports: all 24 to one is a matter of 2^-24.
    assert all(each["sessions"] > 1 for each in status["workers"])
    sent = await publisher.send(20)
    for reader in readers:
        got = [(await reader.peer.frame())[1] for _ in range(21)]
        assert got[1:] == sent
    workers.command.send(signal.SIGTERM)
    assert await asyncio.to_thread(workers.command.exit_code) == 0


async def test_few_readers_are_all_passed_on_to_the_worker_of_their_mount(
    workers: Workers,
) -> None:
    workers.write()
    workers.serve()
    publisher = await TcpPublisher.start(workers.port, workers.url)
    await publisher.send(1)
    readers = await readers_of(workers, 16)
    status = await workers.status()
    assert sorted(each["sessions"] for each in status["workers"]) == [0, 17]
    assert not any(each["pulled_mounts"] for each in status["workers"])
    sent = await publisher.send(3)
    for reader in readers:
        assert [(await reader.peer.frame())[1] for _ in range(4)][1:] == sent


async def test_a_worker_that_is_killed_is_replaced_and_the_others_readers_do_not_notice(
    workers: Workers,
) -> None:
    workers.write(hot_readers=0)
    workers.serve()
    publisher = await TcpPublisher.start(workers.port, workers.url)
    await publisher.send(1)
    readers = await readers_of(workers, 16)
    status = await workers.status()
    (victim,) = [each for each in status["workers"] if each["pulled_mounts"]]
    os.kill(victim["pid"], signal.SIGKILL)
    status = await workers.until(lambda status: status["replaced_workers"])
    status = await workers.until(lambda status: len(status["workers"]) == 2)
    sent = await publisher.send(5)
    lived = 0
    for reader in readers:
        try:
            got = [(await reader.peer.frame())[1] for _ in range(6)]
        except (asyncio.IncompleteReadError, ConnectionError):
            continue
        assert got[1:] == sent
        lived += 1
    assert lived + victim["sessions"] == 16
    # The new one serves as the old one did.
    again = await readers_of(workers, 24)
    status = await workers.status()
    assert all(each["sessions"] for each in status["workers"])
    assert {each["pid"] for each in status["workers"]} & {victim["pid"]} == set()
    sent = await publisher.send(1)
    for reader in again:
        while (await reader.peer.frame())[1] != sent[0]:
            pass


async def test_a_publisher_whose_worker_is_killed_returns_and_readers_elsewhere_go_on(
    workers: Workers,
) -> None:
    workers.write(hot_readers=0)
    workers.serve()
    publisher = await TcpPublisher.start(workers.port, workers.url)
    await publisher.send(1)
    readers = await readers_of(workers, 16)
    status = await workers.status()
    (victim,) = [each for each in status["workers"] if not each["pulled_mounts"]]
    os.kill(victim["pid"], signal.SIGKILL)
    await publisher.peer.closed()
    returned = await _publisher_that_comes_back(workers)
    await workers.until(
        lambda status: (
            [mount["state"] for mount in status["mounts"]] == ["live"]
            and all(mount["publisher"] for mount in status["mounts"])
        )
    )
    # Readers of the worker that lives wait in their mount's grace, and get what comes then.
    numbers: list[list[int]] = []
    task = asyncio.get_running_loop().create_task(_send_on(returned))
    try:
        for reader in readers:
            try:
                got = [(await reader.peer.frame())[1] for _ in range(3)]
            except (asyncio.IncompleteReadError, ConnectionError):
                continue
            numbers.append([int.from_bytes(packet[2:4], "big") for packet in got])
    finally:
        task.cancel()
    assert len(numbers) == 17 - victim["sessions"]
    for first, second, third in numbers:
        assert (second - first, third - second) == (1, 1)


async def _publisher_that_comes_back(workers: Workers) -> TcpPublisher:
    """One that tries again, as those do: what waits in a dying worker's queue is reset."""
    while True:
        try:
            return await TcpPublisher.start(workers.port, workers.url)
        except (ConnectionError, asyncio.IncompleteReadError):
            await asyncio.sleep(0.05)


async def _send_on(publisher: TcpPublisher) -> None:
    while True:
        await publisher.send(1)
        await asyncio.sleep(0.02)


async def test_a_supervisor_that_accepts_gives_connections_to_workers_in_turn(
    workers: Workers,
) -> None:
    workers.write(hot_readers=0)
    workers.serve("--set", "workers.accepting=supervisor")
    publisher = await TcpPublisher.start(workers.port, workers.url)
    await publisher.send(1)
    readers = await readers_of(workers, 7)
    status = await workers.status()
    assert [each["sessions"] for each in status["workers"]] == [4, 4]
    assert len({session["peer"] for session in status["sessions"]}) == 8
    sent = await publisher.send(3)
    for reader in readers:
        assert [(await reader.peer.frame())[1] for _ in range(4)][1:] == sent
    (victim,) = [each for each in status["workers"] if each["pulled_mounts"]]
    os.kill(victim["pid"], signal.SIGKILL)
    await workers.until(lambda status: status["replaced_workers"])
    # The one that lives takes all until the new one does.
    await readers_of(workers, 2)
    await workers.until(lambda status: len(status["workers"]) == 2)
    workers.command.send(signal.SIGTERM)
    assert await asyncio.to_thread(workers.command.exit_code) == 0


async def test_a_supervisor_that_accepts_opens_another_port_at_a_reload(
    workers: Workers,
) -> None:
    workers.write()
    workers.serve("--set", "workers.accepting=supervisor")
    publisher = await TcpPublisher.start(workers.port, workers.url)
    await publisher.send(1)
    other = free_port()
    text = workers.file.read_text()
    workers.file.write_text(text.replace("publish_port = 0", f"publish_port = {other}"))
    workers.command.send(signal.SIGHUP)
    status = await workers.until(lambda status: status["settings"])
    assert status["ports"]["play"] == other
    for _ in range(4):
        await TcpReader.start(other, f"rtsp://127.0.0.1:{other}/cam")
    with pytest.raises(ConnectionRefusedError):
        await RtspPeer.connect(workers.port)


async def test_a_reload_is_for_all_workers(workers: Workers) -> None:
    workers.write()
    workers.serve()
    publisher = await TcpPublisher.start(workers.port, workers.url)
    await publisher.send(1)
    workers.write("[mounts]\nmax_readers = 1\n[log]\nlevel = 'warning'\n")
    workers.command.send(signal.SIGHUP)
    await workers.until(lambda status: status["settings"])
    reader = await TcpReader.start(workers.port, workers.url)
    for _ in range(6):
        peer = await RtspPeer.connect(workers.port)
        transport = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}
        assert (await peer.ask("DESCRIBE", workers.url)).status == 200
        assert (await peer.ask("SETUP", f"{workers.url}/trackID=0", transport)).status == 453
    assert reader.session
    workers.write("[mounts]\nmax_readers = 'many'\n")
    workers.command.send(signal.SIGHUP)
    await asyncio.to_thread(workers.command.wait_for, "settings not applied")


async def test_sigterm_lets_readers_of_all_workers_go_on_and_takes_nobody_new(
    workers: Workers,
) -> None:
    workers.write(hot_readers=0)
    workers.serve("--set", "server.drain_s=600")
    publisher = await TcpPublisher.start(workers.port, workers.url)
    await publisher.send(1)
    readers = await readers_of(workers, 16)
    assert all(each["sessions"] for each in (await workers.status())["workers"])
    workers.command.send(signal.SIGTERM)
    await workers.until(lambda status: status["state"] == "draining")
    async with asyncio.timeout(DEADLINE_S):
        while await _lets_in(workers.port):  # noqa: ASYNC110 - as below
            await asyncio.sleep(0.02)
    sent = await publisher.send(3)
    for reader in readers:
        assert [(await reader.peer.frame())[1] for _ in range(4)][1:] == sent
    for reader in readers:
        await reader.peer.close()
    # Nobody waits for the ten minutes that readers may take.
    assert await asyncio.to_thread(workers.command.exit_code) == 0


async def _lets_in(port: int) -> bool:
    try:
        peer = await RtspPeer.connect(port)
        await peer.ask("OPTIONS", "*")
    except (OSError, asyncio.IncompleteReadError):
        return False
    return True


async def test_a_new_certificate_is_shown_by_all_workers(workers: Workers, tmp_path: Path) -> None:
    maker = CertificateMaker(tmp_path)
    old, new = maker.issue("old"), maker.issue("new")
    workers.write(f"[tls]\ncertificate = '{old.certificate}'\nkey = '{old.key}'\n")
    port = own_port(900)
    workers.serve("--set", f"server.rtsps_port={port}")
    context = maker.client_context()

    def shown() -> set[str]:
        # Both have some of so many, but for one case of 2^15.
        return {common_name(port, context) for _ in range(16)}

    assert await asyncio.to_thread(shown) == {"old"}
    for name in ("key", "certificate"):
        shutil.copy(getattr(new, name), getattr(old, name))
    workers.command.send(signal.SIGHUP)
    await workers.until(lambda status: status["settings"])
    assert await asyncio.to_thread(shown) == {"new"}


async def test_a_port_that_another_server_of_workers_has_is_in_use(
    workers: Workers, start: Any
) -> None:
    workers.write()
    workers.serve()
    second = start("serve", "--workers", "2", "--publish-port", str(workers.port))
    assert await asyncio.to_thread(second.exit_code) == 1
    assert "in use" in second.said


async def test_workers_end_with_their_supervisor(workers: Workers) -> None:
    workers.write()
    workers.serve()
    told = {each["pid"] for each in (await workers.status())["workers"]}
    async with asyncio.timeout(DEADLINE_S):
        # Beside the workers one process waits to take the place of one that dies.
        while len(pids := children_of(workers.command.pid)) < 3:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.02)
    assert told < set(pids)
    async with all_end(pids, DEADLINE_S):
        workers.command.send(signal.SIGKILL)


@pytest.mark.parametrize("words", [("--workers", "auto"), ("--set", "workers.count=1")])
async def test_the_number_of_workers_is_given_on_the_command_line(
    workers: Workers, words: tuple[str, str]
) -> None:
    workers.write()
    workers.serve(*words)
    told = len((await workers.status())["workers"])
    cores = len(os.sched_getaffinity(0))
    wanted = cores if "auto" in words else 1
    assert told == (wanted if wanted > 1 else 0)


async def test_each_line_of_a_worker_names_it(workers: Workers) -> None:
    workers.write()
    workers.serve("--log-format", "text")
    publisher = await TcpPublisher.start(workers.port, workers.url)
    await publisher.send(1)
    match = await asyncio.to_thread(workers.command.wait_for, "publisher started .*")
    assert re.search(r"worker=worker-[12]", match[0])
