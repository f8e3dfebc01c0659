"""Paths that the server fetches from cameras by itself: they come, go, and come back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from camera_talk import Rtp
from inside import inside
from logged import events
from rtsp_peer import SDP_VIDEO, RtspPeer, TcpReader
from server_rig import LoopClock, ServerFactory
from waiting import holds

from headwater import (
    EndKind,
    Event,
    EventName,
    LimitSettings,
    RtspServer,
    Settings,
    ThreadedRtspServer,
)
from headwater.sources import candidate as candidate_module
from headwater.sources import kinds
from headwater.sources.candidate import Candidate
from headwater.sources.settings import SourcesSettings
from headwater.sources.source import Filling, Source
from headwater.testing.fake_camera import AsyncFakeCamera, CameraSettings, Credentials, Transport
from headwater.testing.fake_camera.faults import Hang, Reply

DEADLINE_S = 20.0


async def failures_of(candidate: Candidate, count: int) -> None:
    """Wait until a source has failed so often."""
    await holds(lambda: candidate.failures == count)


async def reader_of(server: RtspServer, path: str = "/front") -> TcpReader:
    return await TcpReader.start(server.play_port, server.play_url(path))


async def rtp_of(reader: TcpReader, count: int) -> list[Rtp]:
    """The next packets of the picture."""
    packets: list[Rtp] = []
    async with asyncio.timeout(DEADLINE_S):
        while len(packets) < count:
            channel, packet = await reader.peer.frame()
            if channel == 0:
                packets.append(Rtp(packet))
    return packets


def assert_continues(packets: list[Rtp]) -> None:
    """No number is left out or doubled, the source is one, and no time goes back."""
    first = packets[0]
    assert [p.seq for p in packets] == [(first.seq + n) & 0xFFFF for n in range(len(packets))]
    assert {packet.ssrc for packet in packets} == {first.ssrc}
    times = [(packet.timestamp - first.timestamp) & 0xFFFFFFFF for packet in packets]
    assert times == sorted(times)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_a_source_of_the_settings_is_a_mount_like_any_other(
    start_server: ServerFactory, transport: str
) -> None:
    async with AsyncFakeCamera() as camera:
        paths = {"front": {"source": camera.url, "transport": transport}}
        server = await start_server(paths=paths)
        await server.wait_for_mount("/front", DEADLINE_S)
        reader = await reader_of(server)
        packets = await rtp_of(reader, 60)
        (session,) = (each for each in server.sessions.values() if each.role == "publish")
        assert len(camera.connections) == 1
        await server.stop()
        await camera.wait_until(lambda: not camera.live_connections)
    assert_continues(packets)
    assert {packet.ssrc for packet in packets} == {camera.sessions[0].flows[0].ssrc}
    assert (session.kind, session.transport, session.path) == (EndKind.CAMERA, transport, "/front")
    assert [each.ended for each in camera.sessions] == ["TEARDOWN"]


async def test_sources_come_and_go_in_python(server: RtspServer) -> None:
    async with AsyncFakeCamera() as camera:
        with server.events() as told:
            await server.add_source("front", camera.url, transport="tcp")
            with pytest.raises(RuntimeError, match="has a source"):
                await server.add_source("/front", camera.url)
            await server.wait_for_mount("front", DEADLINE_S)
            reader = await reader_of(server)
            await rtp_of(reader, 5)
            await server.remove_source("/front")
            assert await reader.peer.closed() is not None
            assert not camera.live_sessions
        with pytest.raises(LookupError):
            await server.remove_source("/front")
        names = [event.name for event in taken(told) if event.path == "/front"]
        assert EventName.PUBLISHER_STARTED in names
        assert names.index(EventName.PUBLISHER_STOPPED) < names.index(EventName.MOUNT_CLOSED)
        assert server.mounts == {}


def taken(told: Any) -> list[Event]:
    events: list[Event] = []
    while (event := told.take()) is not None:
        events.append(event)
    return events


@pytest.mark.parametrize(
    ("url", "options", "match"),
    [
        ("", {}, "empty"),
        ("cam", {}, "begins with one of"),
        ("gopher://user:secret@host/x", {}, "gopher: is not a source that is known"),
        ("rtsp://host/x", {"transport": "carrier pigeon"}, "transport"),
        ("rtsps://host/x", {"fingerprint": "12"}, "fingerprint"),
        ("rtsp://host/x", {"on_demand_linger_s": 0}, "on_demand_linger_s"),
    ],
)
async def test_what_cannot_be_a_source_is_refused(
    server: RtspServer, url: str, options: dict[str, Any], match: str
) -> None:
    with pytest.raises(ValueError, match=match) as caught:
        await server.add_source("/front", url, **options)
    assert "secret" not in str(caught.value)
    assert server.mounts == {}


async def test_nobody_else_publishes_on_a_path_with_a_source(server: RtspServer) -> None:
    await server.add_source("/front", "rtsp://127.0.0.1:1/none", on_demand=True)
    peer = await RtspPeer.connect(server.publish_port)
    body = {"Content-Type": "application/sdp"}
    answer = await peer.ask("ANNOUNCE", server.publish_url("/front"), body, SDP_VIDEO)
    assert answer.status == 503


async def cut(camera: AsyncFakeCamera) -> None:
    camera.cut()


async def silent(camera: AsyncFakeCamera) -> None:
    camera.fall_silent()
    await camera.wait_until(lambda: len(camera.connections) > 1)
    camera.speak()


async def bye(camera: AsyncFakeCamera) -> None:
    camera.say_bye()
    await camera.wait_until(lambda: len(camera.connections) > 1)
    camera.speak()


async def restart(camera: AsyncFakeCamera) -> None:
    await camera.restart()


@pytest.mark.parametrize("loss", [cut, silent, bye, restart])
async def test_readers_stay_while_the_camera_comes_and_goes(
    start_server: ServerFactory,
    loss: Callable[[AsyncFakeCamera], Awaitable[None]],
) -> None:
    mounts = {"grace_s": 20.0, "publisher_idle_timeout_s": 1.5}
    async with AsyncFakeCamera() as camera:
        server = await start_server(paths={"front": {"source": camera.url, **mounts}})
        await server.wait_for_mount("/front", DEADLINE_S)
        reader = await reader_of(server)
        packets = await rtp_of(reader, 20)
        await loss(camera)
        await holds(lambda: server.mounts["/front"].publishers_total == 2)
        packets += await rtp_of(reader, 60)
        await server.stop()
    assert_continues(packets)


async def test_a_camera_that_is_away_is_tried_ever_more_slowly(
    start_server: ServerFactory, clock: LoopClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with AsyncFakeCamera(Reply("DESCRIBE", 503)) as camera:
        server = await start_server(paths={"front": {"source": camera.url}})
        (candidate,) = next(iter(inside(server).running.sources)).candidates
        waits: list[float] = []
        for number in range(1, 9):
            await failures_of(candidate, number)
            waits.append(candidate.not_before_s - server.status().clock_s)
            clock.advance(waits[-1])
        for wait_s, expected_s in zip(waits, [1, 2, 4, 8, 16, 32, 60, 60], strict=True):
            assert expected_s * 0.45 < wait_s <= expected_s
        camera.fault()
        await server.wait_for_mount("/front", DEADLINE_S)
    assert "source down" in events(caplog.records)
    assert candidate.last_error.startswith("DESCRIBE: answered 503 Service Unavailable")


async def test_wrong_credentials_are_tried_slowly(
    start_server: ServerFactory, clock: LoopClock
) -> None:
    settings = CameraSettings(credentials=Credentials("admin", "right"))
    async with AsyncFakeCamera(settings=settings) as camera:
        url = camera.url.replace("://", "://admin:wrong@")
        server = await start_server(paths={"front": {"source": url}})
        (candidate,) = next(iter(inside(server).running.sources)).candidates
        for number, least_s in enumerate((60, 120, 240, 480), start=1):
            await failures_of(candidate, number)
            wait_s = candidate.not_before_s - server.status().clock_s
            assert wait_s > least_s - 1
            clock.advance(wait_s)
        assert "401" in candidate.last_error


async def test_a_source_is_a_publisher_to_the_limits(start_server: ServerFactory) -> None:
    settings = Settings(
        limits=LimitSettings(publishers=1), sources=SourcesSettings(most_wait_s=1.0)
    )
    async with AsyncFakeCamera() as camera:
        server = await start_server(settings=settings)
        publisher = server.publish("/other", SDP_VIDEO.decode())
        await server.add_source("/front", camera.url, transport="tcp")
        await holds(lambda: server.status().sources[0].sources[0].failures)
        (state,) = server.status().sources[0].sources
        assert state.last_error == "the limit publishers (1) is reached"
        assert list(server.mounts) == ["/other"]
        publisher.close()
        await server.wait_for_mount("/front", DEADLINE_S)


async def test_no_secret_is_in_log_status_or_error(
    start_server: ServerFactory,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Any,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("CAMERA_PASSWORD", "p@ss/w:rd?")
    token = tmp_path / "token"
    token.write_text("t0ken\n", encoding="utf-8")
    settings = CameraSettings(
        path="/stream?t=t0ken",
        credentials=Credentials("admin", "p@ss/w:rd?"),
        transports=frozenset({Transport.TCP}),
    )
    async with AsyncFakeCamera(settings=settings) as camera:
        url = f"rtsp://admin:${{CAMERA_PASSWORD}}@{camera.address}/stream?t=${{file:{token}}}"
        server = await start_server(paths={"front": {"source": url}})
        await server.wait_for_mount("/front", DEADLINE_S)
        text = repr(server.status()) + repr(server.sessions)
        camera.fault(Reply("DESCRIBE", 404))
        camera.cut()
        (candidate,) = next(iter(inside(server).running.sources)).candidates
        await holds(lambda: candidate.failures == 2)
        text += candidate.last_error + candidate.name + repr(server.status())
        applied = await server.remove_path("front")
        text += "\n".join(applied.lines())
    text += "\n".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)
    for secret in ("p@ss", "p%40ss", "t0ken"):
        assert secret not in text
    assert camera.address in text


async def test_a_missing_variable_is_named(start_server: ServerFactory) -> None:
    url = "rtsp://admin:${NO_SUCH_VARIABLE}@127.0.0.1:1/x"
    server = await start_server(paths={"front": {"source": url}})
    (candidate,) = next(iter(inside(server).running.sources)).candidates
    await holds(lambda: candidate.failures)
    assert "NO_SUCH_VARIABLE" in candidate.last_error


async def test_on_demand_many_describes_open_one_connection(start_server: ServerFactory) -> None:
    async with AsyncFakeCamera() as camera:
        server = await start_server(paths={"front": {"source": camera.url, "on_demand": True}})
        assert not camera.connections
        readers = await asyncio.gather(*(reader_of(server) for _ in range(20)))
        packets = [await rtp_of(reader, 5) for reader in readers]
        assert len(camera.connections) == 1
    assert all(len(each) == 5 for each in packets)


async def test_on_demand_rests_once_its_last_reader_has_been_gone_for_a_while(
    start_server: ServerFactory,
) -> None:
    front = {"on_demand": True, "on_demand_linger_s": 0.3}
    async with AsyncFakeCamera() as camera:
        server = await start_server(paths={"front": {"source": camera.url, **front}})
        for number in (1, 2):
            reader = await reader_of(server)
            # A second of media: longer than it lingers without a reader.
            assert_continues(await rtp_of(reader, 60))
            assert len(camera.live_sessions) == 1
            await reader.peer.close()
            await camera.wait_until(lambda: not camera.live_connections)
            assert server.mounts == {}
            assert [each.ended for each in camera.sessions] == ["TEARDOWN"] * number


@pytest.mark.parametrize(
    ("fault", "status"), [(Reply("DESCRIBE", 404), 502), (Hang("DESCRIBE"), 504)]
)
async def test_a_describe_is_answered_when_the_source_fails_or_takes_too_long(
    start_server: ServerFactory, fault: Any, status: int
) -> None:
    async with AsyncFakeCamera(fault) as camera:
        front = {"source": camera.url, "on_demand": True, "on_demand_start_s": 0.5}
        server = await start_server(paths={"front": front})
        peer = await RtspPeer.connect(server.play_port)
        answer = await peer.ask("DESCRIBE", server.play_url("/front"))
        assert answer.status == status
        tries = len(camera.connections)
        again = await peer.ask("DESCRIBE", server.play_url("/front"))
        assert again.status == status
        # Who asks again at once has the camera left alone.
        assert len(camera.connections) == tries


async def test_a_pattern_names_the_sources_of_a_recorder(start_server: ServerFactory) -> None:
    settings = CameraSettings(path="/nvr/ch%201")
    async with AsyncFakeCamera(settings=settings) as camera:
        url = camera.url.replace("/nvr/ch%201", "/nvr/{1}")
        server = await start_server(paths={"nvr/*": {"source": url}})
        reader = await reader_of(server, "/nvr/ch 1")
        await rtp_of(reader, 5)
        peer = await RtspPeer.connect(server.play_port)
        assert (await peer.ask("DESCRIBE", server.play_url("/other/x"))).status == 404
        assert {request.uri for request in camera.seen("DESCRIBE")} == {camera.url}


async def test_readers_start_only_so_many_paths(start_server: ServerFactory) -> None:
    settings = Settings(sources=SourcesSettings(on_demand_paths=2))
    async with AsyncFakeCamera(Hang("DESCRIBE")) as camera:
        url = camera.url.replace("/stream", "/{1}")
        server = await start_server(settings=settings, paths={"nvr/*": {"source": url}})

        async def status(number: int) -> int:
            peer = await RtspPeer.connect(server.play_port)
            return (await peer.ask("DESCRIBE", server.play_url(f"/nvr/{number}"))).status

        waiting = [asyncio.ensure_future(status(number)) for number in range(2)]
        await camera.wait_until(lambda: len(camera.seen("DESCRIBE")) == 2)
        assert await status(3) == 503
        await server.stop()
        await asyncio.gather(*waiting, return_exceptions=True)


def test_the_threaded_server_has_sources_too() -> None:
    async def play() -> int:
        async with AsyncFakeCamera() as camera:
            loop = asyncio.get_running_loop()

            def work() -> int:
                arguments: dict[str, Any] = {"host": "127.0.0.1", "publish_port": 0}
                with ThreadedRtspServer(**arguments, rtp_port_start=45000) as server:
                    server.add_source("/front", camera.url)
                    server.wait_for_mount("/front", DEADLINE_S)
                    (source,) = server.sources
                    assert (source.path, source.live) == ("/front", camera.url)
                    server.remove_source("/front")
                    assert server.sources == ()
                    return len(server.mounts)

            return await loop.run_in_executor(None, work)

    assert asyncio.run(play()) == 0


async def test_a_program_that_waits_for_a_mount_has_its_source_started(
    start_server: ServerFactory,
) -> None:
    async with AsyncFakeCamera() as camera:
        front = {"source": camera.url, "on_demand": True, "on_demand_linger_s": 0.3}
        server = await start_server(paths={"front": front})
        mount = await server.wait_for_mount("/front", DEADLINE_S)
        assert mount.publisher is not None
        # Nobody came to read it.
        await camera.wait_until(lambda: not camera.live_connections)
        assert server.mounts == {}


async def test_a_session_of_a_source_can_be_closed_and_comes_back(
    start_server: ServerFactory,
) -> None:
    async with AsyncFakeCamera() as camera:
        server = await start_server(paths={"front": {"source": camera.url}})
        await server.wait_for_mount("/front", DEADLINE_S)
        (session,) = server.sessions.values()
        assert await server.close_session(session.id, "no more of it")
        (candidate,) = next(iter(inside(server).running.sources)).candidates
        await failures_of(candidate, 1)
        assert candidate.last_error == "playing: no more of it"
        await server.wait_for_mount("/front", DEADLINE_S)
        assert [each.ended for each in camera.sessions] == ["TEARDOWN", None]


class Broken(Source):
    """A kind that does what no kind should."""

    error: BaseException = RuntimeError("rtsp://admin:secret@host is not to be told")

    def __init__(self, *_: object) -> None:
        pass

    async def run(self, filling: Filling) -> None:
        raise self.error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (Broken.error, "this program failed: RuntimeError"),
        (asyncio.CancelledError(), "it was cancelled from inside"),
    ],
)
async def test_a_kind_that_breaks_costs_one_path_and_is_tried_again(
    start_server: ServerFactory,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: BaseException,
    told: str,
) -> None:
    monkeypatch.setattr(kinds, "KINDS", {**kinds.KINDS, "udp": Broken})
    monkeypatch.setattr(candidate_module, "KINDS", kinds.KINDS)
    monkeypatch.setattr(Broken, "error", error)
    async with AsyncFakeCamera() as camera:
        paths = {"broken": {"source": "udp://x"}, "front": {"source": camera.url}}
        server = await start_server(paths=paths)
        broken = next(each for each in inside(server).running.sources if each.path == "/broken")
        await failures_of(broken.candidates[0], 2)
        await server.wait_for_mount("/front", DEADLINE_S)
        assert broken.candidates[0].last_error.startswith(told)
    text = "".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)
    assert "secret" not in text
