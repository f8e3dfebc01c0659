"""The API of a real `headwater serve --workers 2`: whatever any of the processes has."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")

from http_peer import HttpAnswer, fetch
from rtsp_peer import TcpPublisher, TcpReader
from workers_file import PORT, write_workers_file

from headwater.testing.fake_camera import AsyncFakeCamera

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="workers need Linux")

MORE = """
[mounts]
publisher_idle_timeout_s = 0
[http]
port = 0
[webrtc]
port = 0
[api]
source_networks = ["127.0.0.0/8"]
sources_file = "{folder}/sources.json"
"""
DEADLINE_S = 30.0
MANY = 24
"""Connections, all of which the kernel gives to one of two workers once in eight million times."""


class Served:
    """A server of two processes, asked at its port for browsers."""

    def __init__(self, command: Any) -> None:
        self.command = command
        self.http_port = int(command.wait_for(r"http://127\.0\.0\.1:(\d+)/\n")[1])
        self.port = int(command.wait_for(PORT)[1])

    def url(self, path: str) -> str:
        return f"rtsp://127.0.0.1:{self.port}{path}"

    async def ask(self, address: str, method: str = "GET", body: object = None) -> HttpAnswer:
        data = b"" if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if data else {}
        return await fetch(self.http_port, address, method=method, headers=headers, body=data)

    async def until_listed(self, address: str, count: int) -> list[dict[str, Any]]:
        """The items of a list once there are so many."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                answer = await self.ask(address)
                assert answer.status == 200, answer.body
                items: list[dict[str, Any]] = answer.problem["items"]
                if len(items) == count:
                    return items
                await asyncio.sleep(0.05)

    async def until_replaced(self, count: int) -> dict[str, Any]:
        """What the server tells of itself once so many workers were replaced, and both answer."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                # The one that serves browsers may be gone for a moment.
                with contextlib.suppress(OSError, EOFError):
                    answer = await self.ask("/v1/server")
                    told: dict[str, Any] = answer.problem
                    both = answer.status == 200 and len(told["workers"]) == 2
                    if both and told["replaced_workers"] == count:
                        return told
                await asyncio.sleep(0.05)

    @contextlib.asynccontextmanager
    async def events(self) -> AsyncIterator[asyncio.StreamReader]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.http_port)
        try:
            writer.write(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await reader.readuntil(b": open\n\n")
            yield reader
        finally:
            writer.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The configuration of a server that keeps its sources."""
    return write_workers_file(tmp_path, MORE.format(folder=tmp_path))


def worker_of(end: dict[str, Any]) -> str:
    """Which worker has a session: its id ends with the worker's number."""
    return str(end["id"])[-2:]


async def test_lists_and_kicks_reach_both_processes(start: Any, file: Path) -> None:
    served = Served(start("serve", "--config", str(file)))
    publishers = {}
    for number in range(MANY):
        path = f"/cam/{number}"
        publishers[path] = await TcpPublisher.start(served.port, served.url(path))
    mounts = await served.until_listed("/v1/mounts", MANY)
    assert {each["path"] for each in mounts} == set(publishers)
    ends = await served.until_listed("/v1/publishers", MANY)
    assert {worker_of(each) for each in ends} == {"00", "01"}

    await publishers["/cam/0"].send(1)
    readers = [await TcpReader.start(served.port, served.url("/cam/0")) for _ in range(MANY)]
    ends = await served.until_listed("/v1/readers?path=/cam/0", MANY)
    assert {worker_of(each) for each in ends} == {"00", "01"}
    assert {each["id"] for each in ends} == {each.session for each in readers}
    for worker in ("00", "01"):
        reader = next(each for each in readers if each.session.endswith(worker))
        closed = await served.ask(f"/v1/sessions/{reader.session}", "DELETE")
        assert (closed.status, closed.problem["closed"]) == (200, 1)
        await reader.peer.closed()
    await served.until_listed("/v1/readers", MANY - 2)
    for worker in ("00", "01"):
        path = next(
            path
            for path, each in publishers.items()
            if each.session.endswith(worker) and path != "/cam/0"
        )
        assert (await served.ask(f"/v1/mounts{path}", "DELETE")).status == 200
        await publishers[path].peer.closed()
    server = await served.until_replaced(0)
    assert len({each["pid"] for each in server["workers"]}) == 2
    assert server["process"]["pid"] == served.command.pid
    text = (await served.ask("/metrics")).body.decode()
    assert f"\nheadwater_mounts {MANY - 2}\n" in text
    assert f'\nheadwater_sessions{{role="play"}} {MANY - 2}\n' in text


async def test_events_of_both_processes_are_heard(start: Any, file: Path) -> None:
    served = Served(start("serve", "--config", str(file)))
    async with served.events() as events:
        paths = {f"/cam/{number}" for number in range(MANY)}
        opened: set[str] = set()
        # The other process is told in a moment that somebody listens here.
        while not opened:
            probe = await TcpPublisher.start(served.port, served.url("/probe"))
            if not probe.session.endswith("01"):
                await probe.peer.close()
                await served.until_listed("/v1/mounts?path=/probe", 0)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2):
                    opened = await until_opened(events, {"/probe"})
            await probe.peer.close()
            await served.until_listed("/v1/mounts?path=/probe", 0)
        publishers = [await TcpPublisher.start(served.port, served.url(path)) for path in paths]
        assert {each.session[-2:] for each in publishers} == {"00", "01"}
        async with asyncio.timeout(DEADLINE_S):
            assert await until_opened(events, paths) >= paths


async def until_opened(events: asyncio.StreamReader, paths: set[str]) -> set[str]:
    """Return the paths whose mounts were told to be open, once these are among them."""
    opened: set[str] = set()
    while not opened >= paths:
        line = (await events.readline()).decode()
        assert line, "the events have ended"
        if line.startswith("data: "):
            event = json.loads(line.removeprefix("data: "))
            if event["name"] == "mount_opened":
                opened.add(event["path"])
    return opened


async def test_sources_are_fetched_by_both_and_outlive_a_worker_and_the_server(
    start: Any, file: Path
) -> None:
    paths = [f"/source/{number}" for number in range(8)]
    async with AsyncFakeCamera() as camera:
        served = Served(start("serve", "--config", str(file)))
        wanted = {"source": camera.url, "transport": "tcp"}
        for path in paths:
            assert (await served.ask(f"/v1/sources{path}", "PUT", wanted)).status == 204
        await camera.wait_until(lambda: len(camera.live_sessions) == len(paths))
        ends = await served.until_listed("/v1/publishers", len(paths))
        assert {each["kind"] for each in ends} == {"camera"}
        server = await served.until_replaced(0)
        assert all(each["mounts"] for each in server["workers"])

        # The one that serves browsers and keeps the file, then the other.
        for number, name in enumerate(("worker-1", "worker-2"), 1):
            pids = {each["name"]: each["pid"] for each in server["workers"]}
            os.kill(pids[name], signal.SIGKILL)
            server = await served.until_replaced(number)
            listed = await served.until_listed("/v1/sources", len(paths))
            assert [each["path"] for each in listed] == paths
            await served.until_listed("/v1/mounts", len(paths))

        served.command.send(signal.SIGKILL)
        served.command.exit_code()
        await camera.wait_until(lambda: not camera.live_connections)
        # What was being written when the power went is beside the file.
        half = file.with_name("sources.json.new")
        half.write_text('{"sources": {"/sour')
        again = Served(start("serve", "--config", str(file)))
        listed = await again.until_listed("/v1/sources", len(paths))
        assert [each["path"] for each in listed] == paths
        await again.until_listed("/v1/mounts", len(paths))
        assert (await again.ask("/v1/sources", "PUT", {})).status == 204
        await camera.wait_until(lambda: not camera.live_connections)
        await again.until_listed("/v1/mounts", 0)
