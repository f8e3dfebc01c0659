"""Peers that are killed, sockets that run out, clocks that jump: the others go on."""

from __future__ import annotations

import ast
import asyncio
import resource
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from rtsp_peer import RtspPeer, TcpPublisher, TcpReader, frame, rtp
from soak.watched_server import WatchedServer
from steady_stream import SteadyStream, ffmpeg, make_clip
from udp_peer import UdpReader, wait_for

import headwater
from headwater import RtspServer

pytestmark = pytest.mark.timeout(120)

needs_ffmpeg = pytest.mark.skipif(ffmpeg() is None, reason="ffmpeg is not installed")


async def test_a_publisher_that_dies_within_a_frame(server: RtspServer) -> None:
    url = server.publish_url("/a")
    publisher = await TcpPublisher.start(server.publish_port, url)
    reader = await TcpReader.start(server.play_port, url)
    whole = await publisher.send(3)
    torn = frame(0, rtp(3))
    await publisher.peer.send(torn[: len(torn) // 2])
    assert [(await reader.peer.frame())[1] for _ in whole] == whole
    publisher.peer.reset()
    await wait_for(lambda: not server.sessions and not server.mounts)
    left = await reader.peer.closed()
    assert torn[4:8] not in left, "no part of the torn packet is passed on"


async def test_a_reader_that_dies_within_a_frame(server: RtspServer) -> None:
    url = server.publish_url("/a")
    publisher = await TcpPublisher.start(server.publish_port, url)
    dying = await TcpReader.start(server.play_port, url)
    living = await UdpReader.start(server.play_port, url)
    await publisher.send(2)
    await dying.peer.reader.readexactly(7)
    dying.peer.reset()
    await wait_for(lambda: len(server.sessions) == 2)
    sent = await publisher.send(3)
    assert [await living.packet() for _ in range(5)][2:] == sent


@needs_ffmpeg
# Over UDP a reader that was killed is missed by its silence.
@pytest.mark.parametrize("patience_s", [4.0])
@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_ffmpeg_killed_at_either_end(
    server: RtspServer, tmp_path: Path, transport: str
) -> None:
    clip = str(await asyncio.to_thread(make_clip, tmp_path))
    url = server.publish_url("/clip")
    quiet = ("ffmpeg", "-nostdin", "-v", "quiet")

    async def publish() -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *quiet, "-re", "-stream_loop", "-1", "-i", clip, "-c", "copy",
            "-f", "rtsp", "-rtsp_transport", transport, url,
        )  # fmt: skip

    publisher = await publish()
    await wait_for(lambda: "/clip" in server.mounts)
    reader = await asyncio.create_subprocess_exec(
        *quiet, "-rtsp_transport", transport, "-i", url, "-c", "copy", "-f", "null", "-",
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    await wait_for(lambda: server.mounts["/clip"].readers)
    reader.kill()
    await reader.wait()
    await wait_for(lambda: not server.mounts["/clip"].readers)
    publisher.kill()
    await publisher.wait()
    await wait_for(lambda: not server.mounts and not server.sessions)
    assert server.udp_pairs_in_use == 0
    # And the next one finds the mount free.
    publisher = await publish()
    await wait_for(lambda: "/clip" in server.mounts)
    publisher.kill()
    await publisher.wait()


@pytest.fixture
async def short_server() -> AsyncIterator[WatchedServer]:
    """A server that may have 64 descriptors and no more."""
    server = await WatchedServer.start(
        before_start=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    )
    yield server
    RtspPeer.forget_all()
    assert await server.stop() == 0


@needs_ffmpeg
async def test_descriptors_run_out(short_server: WatchedServer, tmp_path: Path) -> None:
    steady = await SteadyStream.start(short_server.port, tmp_path, publish_over="udp")
    try:
        await steady.learn()
        before = await short_server.sample()
        crowd = [await RtspPeer.connect(short_server.port) for _ in range(100)]
        url = f"rtsp://127.0.0.1:{short_server.port}/steady"
        refused, served = 0, []
        for peer in crowd:
            try:
                answer = await peer.ask("OPTIONS", url)
            except (ConnectionError, asyncio.IncompleteReadError, AssertionError):
                # Answered without a CSeq, before anything was asked, and closed.
                refused += 1
            else:
                served.append(peer)
                assert answer.status in {200, 503}
        assert refused >= 40
        assert served
        sockets = await UdpReader().setup(served[0], url)
        assert sockets.status in {200, 453, 503}, sockets
        for peer in crowd:
            peer.abort()
        deadline_s = time.monotonic() + 20
        while (await short_server.sample())["descriptors"] > before["descriptors"]:
            assert time.monotonic() < deadline_s
            await asyncio.sleep(0.1)
        again = await RtspPeer.connect(short_server.port)
        assert (await again.ask("DESCRIBE", url)).status == 200
        await steady.frames(50)
        assert (steady.account.lost, steady.account.damaged) == (0, 0)
        assert (await short_server.sample())["failures"] == 0
    finally:
        await steady.stop()


def test_no_deadline_goes_by_the_wall_clock() -> None:
    """The clock of the day may jump: what it is asked for is shown here, all of it."""
    package = Path(headwater.__file__).parent
    asked = set()
    for source in package.rglob("*.py"):
        # The command line and its camera are processes of their own, which draw a clock; the fake
        # camera for tests has a clock of its own to tell.
        if {"cli", "libav", "testing"} & set(source.relative_to(package).parts):
            continue
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                call = f"{node.value.id}.{node.attr}"
                if call in {"time.time", "time.time_ns", "datetime.now", "datetime.utcnow"}:
                    asked.add((str(source.relative_to(package)), call))
    # Whether a certificate is valid is a question of the date, and sender reports tell it. What
    # proves a password to an ONVIF camera holds the camera's date, known by how far it is off. A
    # probe tells how far a sender's clock is off. Tokens hold dates (RFC 7519 §4.1), and webhooks
    # say when something happened. A cluster's nodes tell since when they have been there.
    assert asked == {
        ("app/cluster.py", "time.time"),
        ("callouts/signed_tokens.py", "time.time"),
        ("callouts/webhook.py", "datetime.now"),
        ("callouts/webhook.py", "time.time"),
        ("cluster/node/cluster_node.py", "time.time"),
        ("net/tls_context.py", "datetime.now"),
        ("client/probe/sender_clock.py", "time.time"),
        ("relay/reports.py", "time.time"),
        ("webrtc/service.py", "time.time"),
        ("hls/mount_stream.py", "time.time"),
        ("mse/mount_fragments.py", "time.time"),
        ("player/service.py", "time.time"),
        ("onvif/device_conversation.py", "datetime.now"),
        ("onvif/service_calls.py", "datetime.now"),
    }
