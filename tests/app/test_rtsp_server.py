"""`RtspServer` as a program embeds it: start, stop, what it shows, what it leaves behind."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
import socket
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from inside import inside
from own_ports import free_port, own_port
from rtsp_peer import DEADLINE_S, SDP_VIDEO, RtspPeer, TcpPublisher, TcpReader
from udp_peer import UdpPair, UdpPublisher, UdpReader, wait_for

from headwater import MountSettings, RtspServer, Settings
from headwater.config.settings import Settings as SettingsItself
from headwater.net.kernel_features import probe
from headwater.net.settings import TlsSettings
from headwater.server.settings import ServerSettings

OPEN_FILES = Path("/proc/self/fd")


def new_server(**arguments: object) -> RtspServer:
    defaults: dict[str, object] = {
        "host": "127.0.0.1",
        "publish_port": 0,
        "rtp_port_start": own_port(600),
        "rtp_port_count": 100,
    }
    return RtspServer(**defaults | arguments)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
async def leave_nothing() -> AsyncIterator[None]:
    """No test's peers, tasks, descriptors or threads outlive it."""
    tasks, threads, descriptors = asyncio.all_tasks(), threading.active_count(), _descriptors()
    yield
    RtspPeer.forget_all()
    UdpPair.close_all()
    await wait_for(lambda: asyncio.all_tasks() <= tasks | {asyncio.current_task()})
    await wait_for(lambda: threading.active_count() <= threads)
    await wait_for(lambda: _descriptors() <= descriptors)


def _descriptors() -> int:
    return sum(1 for _ in OPEN_FILES.iterdir()) if OPEN_FILES.is_dir() else 0


async def test_ports_are_told_and_free_again_after_the_stop() -> None:
    server = new_server()
    running = [server.running]
    await server.start()
    port = server.publish_port
    running.append(server.running)
    assert port == server.play_port != 0
    assert server.publish_url("cam 1") == f"rtsp://127.0.0.1:{port}/cam%201"
    assert server.play_url("/cam") == f"rtsp://127.0.0.1:{port}/cam"
    await server.stop()
    await server.stop()
    assert [*running, server.running] == [False, True, False]
    with socket.create_server(("127.0.0.1", port)):
        assert server.publish_port == 0


async def test_it_starts_again_after_a_stop() -> None:
    server = new_server()
    for _ in range(2):
        async with server:
            peer = await RtspPeer.connect(server.play_port)
            assert (await peer.ask("OPTIONS", "*")).status == 200
        assert await peer.closed() == b""


def test_a_drain_in_a_second_loop_lasts_as_long_as_in_the_first(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = new_server()

    async def drain() -> None:
        await server.start()
        await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
        reader = await TcpReader.start(server.play_port, server.play_url("/a"))
        stopping = asyncio.create_task(server.stop(drain_s=3600))
        await wait_for(lambda: not _listens(server))
        assert (await reader.peer.ask("OPTIONS", "*")).status == 200
        assert not stopping.done()
        await server.stop()
        await stopping
        RtspPeer.forget_all()

    for _ in range(2):
        asyncio.run(drain())
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_wait_that_fails_is_not_the_end_of_the_drain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with new_server() as server:
        await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
        await TcpReader.start(server.play_port, server.play_url("/a"))

        async def broken() -> None:
            raise RuntimeError("is bound to a different event loop")

        monkeypatch.setattr(inside(server).relay.ends.readers_gone, "wait", broken)
        with pytest.raises(RuntimeError, match="different event loop"):
            await server.stop(drain_s=3600)
        assert not server.running


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_loop_that_was_closed_without_a_stop_leaves_no_port_taken() -> None:
    port = free_port()
    server = new_server(publish_port=port)

    async def leave() -> None:
        await server.start()
        await UdpPublisher.start(server.publish_port, server.publish_url("/a"))

    async def again() -> None:
        async with server:
            assert server.publish_port == port
            assert (server.udp_pairs_in_use, len(server.sessions)) == (0, 0)

    for _ in range(2):
        asyncio.run(leave())
        assert not server.running
        RtspPeer.forget_all()
        UdpPair.close_all()
        asyncio.run(again())


async def test_a_stop_on_another_loop_is_refused() -> None:
    async with new_server() as server:
        with pytest.raises(RuntimeError, match="another event loop"):
            await asyncio.to_thread(lambda: asyncio.run(server.stop()))
        assert server.running
    await asyncio.get_running_loop().shutdown_default_executor()


@pytest.mark.skipif(not probe().ipv6, reason="no IPv6 here")
async def test_a_host_name_is_listened_on_with_all_its_addresses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def getaddrinfo(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [(0, 0, 0, "", (address, 0)) for address in ("127.0.0.1", "::1")]

    server = new_server(host="both.test")
    with monkeypatch.context() as patch:
        patch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
        await server.start()
    try:
        assert server.play_url("/a") == f"rtsp://both.test:{server.play_port}/a"
        for host in ("127.0.0.1", "::1"):
            peer = await RtspPeer.connect(server.play_port, host)
            assert (await peer.ask("OPTIONS", "*")).status == 200
    finally:
        await server.stop()


@pytest.mark.parametrize("host", ["*", "127.0.0.1:8554", "127.0.0.256"])
def test_what_is_no_host_is_refused_with_what_to_write(host: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"host is {host!r}; ")):
        new_server(host=host)


async def test_host_name_that_is_unknown_is_an_error() -> None:
    with pytest.raises(OSError, match=r"'nobody\.invalid' is not known here"):
        await new_server(host="nobody.invalid").start()
    await asyncio.get_running_loop().shutdown_default_executor()


def test_urls_need_a_port_that_is_known() -> None:
    server = new_server(play_port=7000)
    assert server.play_url("/a") == "rtsp://127.0.0.1:7000/a"
    with pytest.raises(RuntimeError, match="publish_port is 0: the port is known once"):
        server.publish_url("/a")


async def test_second_start_is_an_error() -> None:
    async with new_server() as server:
        with pytest.raises(RuntimeError, match="runs already"):
            await server.start()
        assert server.running


@pytest.mark.parametrize("which", ["publish_port", "play_port"])
async def test_port_that_is_taken_is_named_and_nothing_is_kept(which: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        other = free_port()
        ports = {"publish_port": other, "play_port": other, which: port}
        server = new_server(**ports)
        with pytest.raises(OSError, match=str(port)):
            await server.start()
        assert not server.running
        with socket.create_server(("127.0.0.1", other)):
            assert server.sessions == {}
    await server.start()
    await server.stop()


async def test_address_of_another_machine_is_an_error() -> None:
    with pytest.raises(OSError, match=r"192\.0\.2\.1"):
        await new_server(host="192.0.2.1").start()


async def test_certificate_that_cannot_be_used_is_an_error() -> None:
    settings = Settings(tls=TlsSettings(certificate="/nowhere/cert.pem"))
    server = new_server(settings=settings)
    with pytest.raises(ValueError, match=r"/nowhere/cert\.pem"):
        await server.start()
    assert not server.running


async def test_stop_tells_everybody_and_frees_everything() -> None:
    server = new_server(settings=Settings(mounts=MountSettings(publisher_idle_timeout_s=0)))
    await server.start()
    over_udp = await UdpPublisher.start(server.publish_port, server.publish_url("/udp"))
    over_tcp = await TcpPublisher.start(server.publish_port, server.publish_url("/tcp"))
    tcp_reader = await TcpReader.start(server.play_port, server.play_url("/udp"))
    udp_reader = await UdpReader.start(server.play_port, server.play_url("/tcp"))
    [packet] = over_udp.send()
    assert await tcp_reader.peer.frame() == (0, packet)
    [packet] = await over_tcp.send()
    assert await udp_reader.packet() == packet
    assert server.udp_pairs_in_use == 2
    await server.stop()
    assert (await tcp_reader.peer.frame())[1][9] == 203
    assert (await udp_reader.packet(udp_reader.rtcp))[9] == 203
    for peer in (over_udp.peer, over_tcp.peer, tcp_reader.peer, udp_reader.peer):
        assert await peer.closed() == b""
    assert (dict(server.mounts), dict(server.sessions)) == ({}, {})
    assert server.udp_pairs_in_use == 0


async def test_stop_does_not_wait_for_peers_that_never_close() -> None:
    server = new_server()
    await server.start()
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    reader.peer.stop_reading()
    publisher.peer.stop_reading()
    silent = await RtspPeer.connect(server.play_port)
    silent.stop_reading()
    async with asyncio.timeout(DEADLINE_S):
        await server.stop()
    assert not server.running


async def test_drain_goes_on_until_the_last_reader_leaves() -> None:
    server = new_server()
    await server.start()
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    stopping = asyncio.create_task(server.stop(drain_s=3600))
    await wait_for(lambda: not _listens(server))
    [sent] = await publisher.send()
    assert await reader.peer.frame() == (0, sent)
    assert not stopping.done()
    headers = {"Session": reader.session}
    assert (await reader.peer.ask("TEARDOWN", reader.url, headers)).status == 200
    async with asyncio.timeout(DEADLINE_S):
        await stopping
    assert not server.running


async def test_second_stop_ends_the_drain() -> None:
    server = new_server()
    await server.start()
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    stopping = asyncio.create_task(server.stop(drain_s=3600))
    await wait_for(lambda: not _listens(server))
    async with asyncio.timeout(DEADLINE_S):
        await server.stop()
        await stopping
    assert await reader.peer.closed() == b""


def _listens(server: RtspServer) -> bool:
    return server.running and bool(inside(server).rtsp.listeners._doors)


async def test_stop_that_is_given_up_goes_on_to_its_end() -> None:
    server = new_server()
    await server.start()
    peer = await RtspPeer.connect(server.play_port)
    assert (await peer.ask("OPTIONS", "*")).status == 200
    stopping = asyncio.create_task(server.stop())
    await asyncio.sleep(0)
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping
    await wait_for(lambda: not server.running)
    assert await peer.closed() == b""


async def test_hook_that_hangs_does_not_hold_the_stop() -> None:
    asked = asyncio.Event()

    async def hang(request: object) -> bool:
        asked.set()
        return await asyncio.Event().wait()

    server = new_server(play_hooks={"check_mount": hang})
    await server.start()
    peer = await RtspPeer.connect(server.play_port)
    await peer.send(peer.request("DESCRIBE", server.play_url("/a")))
    await asked.wait()
    async with asyncio.timeout(DEADLINE_S):
        await server.stop()
    assert b"200" not in await peer.closed()


async def test_serve_forever_ends_in_order_on_a_signal() -> None:
    server = new_server()
    serving = asyncio.create_task(server.serve_forever())
    await wait_for(lambda: server.running)
    peer = await RtspPeer.connect(server.play_port)
    assert (await peer.ask("OPTIONS", "*")).status == 200
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(DEADLINE_S):
        await serving
    assert not server.running
    assert await peer.closed() == b""


async def test_serve_forever_that_is_cancelled_stops_the_server() -> None:
    server = new_server()
    serving = asyncio.create_task(server.serve_forever())
    await wait_for(lambda: server.running)
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    assert not server.running


async def test_owner_may_close_sessions_and_mounts() -> None:
    async with new_server() as server:
        publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
        reader = await TcpReader.start(server.play_port, server.play_url("/a"))
        assert await server.close_session(reader.session) is True
        assert await server.close_session(reader.session) is False
        assert await reader.peer.closed() == b""
        assert list(server.sessions) == [publisher.session]
        assert await server.close_mount("/a") is True
        assert await server.close_mount("/a") is False
        assert await publisher.peer.closed() == b""
        assert not server.sessions


async def test_what_needs_a_running_server_says_so() -> None:
    server = new_server()
    assert (dict(server.mounts), dict(server.sessions)) == ({}, {})
    for work in (server.close_session("x"), server.close_mount("/x")):
        with pytest.raises(RuntimeError, match="start it first"):
            await work
    with pytest.raises(RuntimeError, match="start it first"):
        assert server.counters


def test_arguments_go_before_the_settings() -> None:
    settings = SettingsItself(server=ServerSettings(host="::1", publish_port=1, play_port=2))
    kept = RtspServer(settings=settings)
    assert (kept.settings.server.host, kept.publish_port, kept.play_port) == ("::1", 1, 2)
    moved = RtspServer(settings=settings, publish_port=7000)
    assert (moved.publish_port, moved.play_port) == (7000, 2)
    both = RtspServer(settings=SettingsItself(), publish_port=7000)
    assert (both.publish_port, both.play_port) == (7000, 7000)
    apart = RtspServer(settings=settings, host="127.0.0.1", play_port=7001, rtp_port_start=7100)
    assert (apart.publish_port, apart.play_port) == (1, 7001)
    assert apart.settings.rtp.rtp_port_start == 7100
    assert RtspServer().publish_port == RtspServer().play_port == 8554


async def test_two_servers_live_beside_each_other() -> None:
    async with new_server() as one, new_server() as two:
        await UdpPublisher.start(one.publish_port, one.publish_url("/a"))
        await UdpPublisher.start(two.publish_port, two.publish_url("/a"))
        assert one.udp_pairs_in_use == two.udp_pairs_in_use == 1
        peer = await RtspPeer.connect(one.publish_port)
        headers = {"Content-Type": "application/sdp"}
        answer = await peer.ask("ANNOUNCE", one.publish_url("/b"), headers, SDP_VIDEO)
        assert answer.status == 200
        assert len(two.sessions) == 1
