"""API, events, metrics and board of several workers: one server, whichever of them has what."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from film_camera import film_camera
from fleet_rig import Rig, settings_of
from http_peer import HttpAnswer, fetch
from inside import inside
from published_film import description
from rtsp_peer import RtspPeer, TcpReader
from worker_here import WorkerHere

from headwater import RtspServer
from headwater.api.settings import ApiSettings
from headwater.app.workers.fleet import Fleet
from headwater.app.workers.worker import WorkerPlace
from headwater.config.applied import Applied
from headwater.config.settings import Settings
from headwater.testing.fake_camera import AsyncFakeCamera

LOCAL = ("127.0.0.0/8",)


def browsed(sources_file: str = "", grace_s: float = 3600.0) -> Settings:
    base = settings_of()
    return replace(
        base,
        http=replace(base.http, port=0),
        webrtc=replace(base.webrtc, port=0),
        mounts=replace(base.mounts, grace_s=grace_s),
        api=ApiSettings(source_networks=LOCAL, sources_file=sources_file),
    )


class Whole:
    """A server of two workers, asked at the port for browsers of the first."""

    def __init__(self, rig: Rig, fleet: Fleet) -> None:
        self.rig = rig
        self.fleet = fleet
        self.port = int(fleet.ports.http_url("/").split(":")[2].split("/")[0])

    @classmethod
    async def started(cls, rig: Rig, settings: Settings | None = None) -> Whole:
        return cls(rig, await rig.started(settings or browsed()))

    @property
    def workers(self) -> list[RtspServer]:
        return [each.running for each in self.rig.workers]

    @property
    def place(self) -> WorkerPlace:
        """That of the first."""
        return self.rig.workers[0].part.place

    async def publish(self, number: int, path: str) -> None:
        """Have a mount at one of the workers, known to all."""
        self.workers[number].publish(path, description("pcmu"))
        await self.rig.until(lambda: self.fleet._directory.leases.find(path))

    async def ask(self, address: str, method: str = "GET", body: object = None) -> HttpAnswer:
        data = b"" if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if data else {}
        return await fetch(self.port, address, method=method, headers=headers, body=data)

    async def listed(self, address: str) -> list[dict[str, Any]]:
        answer = await self.ask(address)
        assert answer.status == 200, answer.body
        items: list[dict[str, Any]] = answer.problem["items"]
        return items

    async def until_listed(self, address: str, count: int) -> list[dict[str, Any]]:
        """The items of a list once there are so many: what others have is at most a second old."""
        async with asyncio.timeout(20):
            while True:
                items = await self.listed(address)
                if len(items) == count:
                    return items
                await asyncio.sleep(0.05)

    @contextlib.asynccontextmanager
    async def stream(self, address: str) -> AsyncIterator[asyncio.StreamReader]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(f"GET {address} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            assert b" 200 " in head.splitlines()[0], head
            yield reader
        finally:
            writer.close()


async def test_lists_have_what_all_workers_have(rig: Rig) -> None:
    whole = await Whole.started(rig)
    for number, path in enumerate(("/a", "/b", "/c", "/d")):
        await whole.publish(number % 2, path)
    mounts = await whole.until_listed("/v1/mounts", 4)
    assert [mount["path"] for mount in mounts] == ["/a", "/b", "/c", "/d"]
    first = (await whole.ask("/v1/mounts?limit=3")).problem
    assert (len(first["items"]), first["total"], first["next"]) == (3, 4, "/c")
    behind = (await whole.ask(f"/v1/mounts?limit=3&after={first['next']}")).problem
    assert [mount["path"] for mount in behind["items"]] == ["/d"]
    ids = {session["id"] for session in await whole.listed("/v1/sessions")}
    assert len(ids) == 4
    seen: set[str] = set()
    after = ""
    while True:
        page = (await whole.ask(f"/v1/publishers?limit=1{after}")).problem
        assert page["total"] == 4
        seen |= {item["id"] for item in page["items"]}
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert seen == ids
    for session in ids:
        assert (await whole.ask(f"/v1/sessions/{session}")).problem["id"] == session
    assert (await whole.ask("/v1/sessions/none")).status == 404
    assert (await whole.ask("/v1/mounts/b")).problem["path"] == "/b"
    assert (await whole.ask("/v1/health")).problem["state"] == "running"


async def test_a_mount_that_several_workers_have_is_one_with_the_readers_of_all(rig: Rig) -> None:
    whole = await Whole.started(rig)
    camera = film_camera(whole.workers[1], path="/cam")
    await rig.until(lambda: whole.fleet._directory.leases.find("/cam"))
    camera.send(2)
    for _ in range(24):
        await TcpReader.start(whole.fleet.ports.publish, whole.fleet.ports.play_url("/cam"))
    # The kernel gives connections by a hash of their ports: all to one is a matter of 2^-23.
    assert all(len(inside(each).relay.ends) for each in whole.workers)
    # A reader that has its answer to PLAY has its place; which mount it is at matters not.
    mount = (await whole.ask("/v1/mounts/cam")).problem
    assert len(mount["readers"]) == 24
    assert mount["publisher"]["transport"] != "bus"
    [item] = await whole.listed("/v1/mounts")
    assert item["readers"] == 24
    assert len(await whole.listed("/v1/readers")) == 24


async def test_peers_and_mounts_of_all_workers_are_sent_away(rig: Rig) -> None:
    whole = await Whole.started(rig)
    for number in (0, 1):
        for name in ("one", "two", "three"):
            await whole.publish(number, f"/{name}/{number}")
    sessions = {each["path"]: each["id"] for each in await whole.until_listed("/v1/sessions", 6)}
    for number in (0, 1):
        closed = await whole.ask(f"/v1/sessions/{sessions[f'/one/{number}']}", "DELETE")
        assert (closed.status, closed.problem["closed"]) == (200, 1)
        assert (await whole.ask(f"/v1/mounts/two/{number}", "DELETE")).status == 200
        assert (await whole.ask(f"/v1/mounts/two/{number}", "DELETE")).status == 404
    # What was changed by the API is seen at once, everywhere.
    assert len(await whole.listed("/v1/sessions")) == 2
    closed = await whole.ask("/v1/sessions/close", "POST", {"path": "/three/*"})
    assert closed.problem["closed"] == 2
    assert await whole.listed("/v1/sessions") == []


async def test_a_source_is_added_changed_and_removed_for_all_workers(rig: Rig) -> None:
    async with AsyncFakeCamera() as first, AsyncFakeCamera() as second:
        whole = await Whole.started(rig)
        paths = [f"/cam{number}" for number in range(6)]
        fetchers = {whole.place.fetcher_of(path) for path in paths}
        assert fetchers == {"worker-1", "worker-2"}
        for path in paths:
            put = await whole.ask(
                f"/v1/sources{path}", "PUT", {"source": first.url, "transport": "tcp"}
            )
            assert put.status == 204
        await rig.until(lambda: all(whole.fleet._directory.leases.find(path) for path in paths))
        assert len(first.live_connections) == len(paths)
        sources = await whole.listed("/v1/sources")
        assert [source["path"] for source in sources] == paths
        for path in paths:
            one = (await whole.ask(f"/v1/sources{path}")).problem
            assert one["added"]["source"] == first.url
        changed = {"source": second.url, "transport": "tcp"}
        assert (await whole.ask("/v1/sources/cam0", "PUT", changed)).status == 204
        await second.wait_until(lambda: bool(second.live_sessions))
        await first.wait_until(lambda: len(first.live_connections) == len(paths) - 1)

        readers = [
            await TcpReader.start(whole.fleet.ports.publish, whole.fleet.ports.play_url(path))
            for path in paths
            for _ in range(4)
        ]
        for reader in readers:
            await reader.peer.frame()
        # The grace is an hour: they go since the source does, wherever they are.
        assert (await whole.ask("/v1/sources", "PUT", {})).status == 204
        await asyncio.gather(*(gone(reader.peer) for reader in readers))
        await first.wait_until(lambda: not first.live_connections)
        await second.wait_until(lambda: not second.live_connections)
        await rig.until(lambda: not any(inside(each).mounts for each in whole.workers))
        assert await whole.listed("/v1/sources") == []


async def gone(peer: RtspPeer) -> None:
    """Wait until the server has closed a connection."""
    async with asyncio.timeout(20):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await peer.frame()


async def test_a_source_that_a_program_adds_at_one_worker_is_for_all(rig: Rig) -> None:
    async with AsyncFakeCamera() as camera:
        whole = await Whole.started(rig)
        first, second = whole.workers
        path = fetched_by(whole, "worker-1")
        await second.add_source(path, camera.url, transport="tcp")
        await camera.wait_until(lambda: bool(camera.live_sessions))
        await rig.until(lambda: first.mounts)
        # The same program runs in each worker, and adds the same.
        await first.add_source(path, camera.url, transport="tcp")
        with pytest.raises(RuntimeError, match="remove it first"):
            await first.add_source(path, camera.url)
        assert len(camera.connections) == 1
        await second.remove_source(path)
        await camera.wait_until(lambda: not camera.live_connections)
        await first.remove_source(path)
        with pytest.raises(LookupError):
            await first.remove_source(path)


async def test_a_removed_source_that_is_down_leaves_nobody_waiting(rig: Rig) -> None:
    async with AsyncFakeCamera() as camera:
        whole = await Whole.started(rig)
        body = {"source": camera.url, "transport": "tcp"}
        assert (await whole.ask("/v1/sources/cam", "PUT", body)).status == 204
        await rig.until(lambda: whole.fleet._directory.leases.find("/cam"))
        readers = [
            await TcpReader.start(whole.fleet.ports.publish, whole.fleet.ports.play_url("/cam"))
            for _ in range(16)
        ]
        for reader in readers:
            await reader.peer.frame()
    await rig.until(lambda: not whole.fleet._directory.leases.find("/cam"))
    assert (await whole.ask("/v1/sources/cam", "DELETE")).status == 204
    await asyncio.gather(*(gone(reader.peer) for reader in readers))


async def test_a_worker_that_takes_the_place_of_another_has_the_sources(rig: Rig) -> None:
    async with AsyncFakeCamera() as camera:
        whole = await Whole.started(rig)
        path = fetched_by(whole, "worker-2")
        body = {"source": camera.url, "transport": "tcp"}
        assert (await whole.ask(f"/v1/sources{path}", "PUT", body)).status == 204
        await camera.wait_until(lambda: bool(camera.live_sessions))
        before = len(camera.sessions)
        killed = rig.workers[1]
        killed.kill()
        await camera.wait_until(lambda: len(camera.sessions) > before)
        await rig.until(lambda: _lives(rig, killed))


def _lives(rig: Rig, killed: WorkerHere) -> bool:
    return len(rig.workers) == 2 and killed not in rig.workers and rig.workers[1].is_serving


def fetched_by(whole: Whole, worker: str) -> str:
    place = whole.place
    return next(
        path for number in range(100) if place.fetcher_of(path := f"/cam{number}") == worker
    )


async def test_sources_are_there_after_a_restart_at_whichever_worker(
    rig: Rig, tmp_path: Path
) -> None:
    async with AsyncFakeCamera() as camera:
        settings = browsed(str(tmp_path / "sources.json"))
        whole = await Whole.started(rig, settings)
        paths = [fetched_by(whole, name) for name in ("worker-1", "worker-2")]
        body = {path: {"source": camera.url, "transport": "tcp"} for path in paths}
        assert (await whole.ask("/v1/sources", "PUT", body)).status == 204
        await camera.wait_until(lambda: len(camera.live_sessions) == 2)
        await whole.fleet.stop(0.0)
        await camera.wait_until(lambda: not camera.live_sessions)
        again = await Whole.started(rig, settings)
        await camera.wait_until(lambda: len(camera.live_sessions) == 2)
        assert [each["path"] for each in await again.until_listed("/v1/sources", 2)] == sorted(
            paths
        )


async def test_metrics_and_the_server_as_a_whole(rig: Rig) -> None:
    whole = await Whole.started(rig)
    await whole.publish(0, "/a")
    await whole.publish(1, "/b")
    await whole.until_listed("/v1/mounts", 2)
    server = (await whole.ask("/v1/server")).problem
    assert [(each["name"], each["mounts"]) for each in server["workers"]] == [
        ("worker-1", 1),
        ("worker-2", 1),
    ]
    assert server["ports"]["publish"] == whole.fleet.ports.publish
    assert server["replaced_workers"] == 0
    # Of the supervisor, which is here the process of its workers too.
    assert server["process"]["pid"] == os.getpid()
    text = (await whole.ask("/metrics")).body.decode()
    assert "\nheadwater_mounts 2\n" in text
    assert '\nheadwater_sessions{role="publish"} 2\n' in text
    for path in ("/a", "/b"):
        assert f'headwater_mount_live{{path="{path}"}} 1' in text
    # Each histogram once, with what all workers have counted.
    assert text.count("# TYPE headwater_loop_lag_seconds histogram") == 1
    assert text.count('headwater_loop_lag_seconds_bucket{le="+Inf"}') == 1


async def counted(whole: Whole) -> dict[str, float]:
    """All that only grows, and how many connections there are."""
    text = (await whole.ask("/metrics")).body.decode()
    kinds = dict(re.findall(r"^# TYPE headwater_(\w+) (\w+)$", text, re.MULTILINE))
    names = {name for name, kind in kinds.items() if kind == "counter"} | {
        f"{name}_{part}"
        for name, kind in kinds.items()
        if kind == "histogram"
        for part in ("bucket", "count", "sum")
    }
    samples = re.findall(r"^headwater_((\w+)(?:\{.*\})?) (\S+)$", text, re.MULTILINE)
    return {
        labelled: float(value)
        for labelled, name, value in samples
        if name == "connections" or (name in names and not name.startswith("mount_"))
    }


@pytest.mark.parametrize("number", [0, 1], ids=["the one that is asked", "another one"])
async def test_what_was_counted_stays_when_a_worker_dies(rig: Rig, number: int) -> None:
    whole = await Whole.started(rig)
    camera = film_camera(whole.workers[1 - number], path="/cam")
    await rig.until(lambda: whole.fleet._directory.leases.find("/cam"))
    camera.send(2)
    for _ in range(24):
        await TcpReader.start(whole.fleet.ports.publish, whole.fleet.ports.play_url("/cam"))
    await whole.ask("/metrics")
    dying = rig.workers[number]
    lost = len(inside(dying.running).running.rtsp.connections)
    assert 0 < lost < 24
    before = await counted(whole)
    assert before["connections"] == 24
    assert before['answers_total{status="200"}'] >= 24 * 3
    dying.kill()
    await rig.until(lambda: whole.fleet.replaced)
    await rig.until(lambda: [each.is_serving for each in rig.workers] == [True, True])
    # What is told is kept for a second for all who ask.
    after = before
    async with asyncio.timeout(20):
        while after["connections"] != 24 - lost:
            await asyncio.sleep(0.05)
            after = await counted(whole)
    del before["connections"]
    assert {name: value for name, value in before.items() if after.get(name, -1.0) < value} == {}
    answers = (await whole.fleet.status()).counters.answers_by_status
    assert answers[200] >= before['answers_total{status="200"}']


async def test_events_of_all_workers_are_told_once(rig: Rig) -> None:
    whole = await Whole.started(rig)
    async with whole.stream("/v1/events") as stream:
        await stream.readuntil(b": open\n\n")
        other = inside(whole.workers[1])
        await rig.until(lambda: other.relay.events.wanted)
        await whole.publish(1, "/there")
        await whole.publish(0, "/here")
        told: set[tuple[str, str]] = set()
        wanted = {
            (name, path)
            for name in ("session_opened", "mount_opened", "publisher_started")
            for path in ("/there", "/here")
        }
        async with asyncio.timeout(20):
            while told != wanted:
                line = (await stream.readline()).decode().strip()
                if line.startswith("data: "):
                    event = json.loads(line.removeprefix("data: "))
                    assert (event["name"], event["path"]) not in told
                    told.add((event["name"], event["path"]))


async def test_nobody_listens_where_nobody_wants_to_hear(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headwater.app.own_events._KEPT_S", 0.01)
    whole = await Whole.started(rig)
    own, other = (inside(each).relay.events for each in whole.workers)
    first, second = (inside(whole.workers[0]).running.view.events() for _ in range(2))
    await rig.until(lambda: other.wanted)
    wanted = []
    for stream in (first, second):
        wanted.append(own.wanted)
        stream.close()
    assert [*wanted, own.wanted] == [True, True, False]
    await rig.until(lambda: not other.wanted)
    monkeypatch.setattr("headwater.app.own_events._KEPT_S", 60.0)
    # What happened while nobody listened is not told later.
    await whole.publish(1, "/before")
    with inside(whole.workers[0]).running.view.events() as events:
        await rig.until(lambda: other.wanted)
        await whole.publish(1, "/after")
        async with asyncio.timeout(20):
            assert (await anext(events)).path == "/after"


async def test_a_board_shows_all_workers_and_what_each_has(rig: Rig) -> None:
    whole = await Whole.started(rig)
    await whole.publish(1, "/there")
    async with whole.stream("/v1/board") as stream, asyncio.timeout(20):
        await stream.readuntil(b"data: ")
        news = json.loads(await stream.readline())
    [card] = news["cards"]
    assert (card["path"], card["state"], card["publisher"]["kind"]) == ("/there", "live", "python")
    workers = {each["name"]: each["mounts"] for each in news["server"]["workers"]}
    assert workers == {"worker-1": 0, "worker-2": 1}


async def test_the_log_has_lines_of_all_workers(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "headwater")
    whole = await Whole.started(rig)
    await whole.publish(1, "/there")
    told = (await whole.ask("/v1/log")).problem
    assert {"worker-1", "worker-2"} <= {line["worker"] for line in told["lines"]}
    again = (await whole.ask(f"/v1/log?after={told['number']}")).problem
    assert not {line["number"] for line in told["lines"]} & {
        line["number"] for line in again["lines"]
    }


async def test_a_picture_of_a_mount_of_another_worker(rig: Rig) -> None:
    pytest.importorskip("av")
    whole = await Whole.started(rig)
    camera = film_camera(whole.workers[1], path="/cam")
    await rig.until(lambda: whole.fleet._directory.leases.find("/cam"))
    camera.send(2)
    asking = asyncio.create_task(whole.ask("/v1/mounts/cam/snapshot.jpg"))
    while not asking.done():
        camera.send()
        await asyncio.wait([asking], timeout=0.02)
    answer = asking.result()
    assert (answer.status, answer.body[:2]) == (200, b"\xff\xd8")
    assert (await whole.ask("/v1/mounts/none/snapshot.jpg")).status == 404


async def test_reloading_is_for_all_workers(rig: Rig) -> None:
    whole = await Whole.started(rig)
    refused = await whole.ask("/v1/settings/reload", "POST")
    assert (refused.status, refused.problem["code"]) == (409, "not_applied")

    async def reload() -> Applied:
        wanted = replace(
            whole.fleet.settings, mounts=replace(whole.fleet.settings.mounts, max_readers=7)
        )
        return await whole.fleet.apply(wanted)

    whole.fleet.answers.on_reload = reload
    answer = await whole.ask("/v1/settings/reload", "POST")
    assert answer.status == 200
    assert "mounts.max_readers" in answer.problem["changes"][0]
    assert [each.settings.mounts.max_readers for each in whole.workers] == [7, 7]
    assert (await whole.ask("/v1/certificates/reload", "POST")).status == 204


async def test_a_worker_that_does_not_answer_is_left_out(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = await Whole.started(rig)
    await whole.publish(0, "/here")
    await whole.publish(1, "/there")
    await whole.until_listed("/v1/mounts", 2)
    monkeypatch.setattr("headwater.app.workers.fleet._STATUS_DEADLINE_S", 0.05)
    rig.workers[1].freeze()
    assert [each["path"] for each in await whole.until_listed("/v1/mounts", 1)] == ["/here"]
