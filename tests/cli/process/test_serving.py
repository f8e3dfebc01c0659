"""How `headwater serve` ends, seen by everybody on it: drain, refusals, farewells, exit codes."""

import asyncio
import os
import pty
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from logged import events
from rtsp_peer import SDP_VIDEO, RtspPeer, TcpPublisher, TcpReader
from server_rig import ServerFactory, clock, start_server
from udp_peer import UdpReader

from headwater import RtspServer
from headwater.cli.failures import EXIT_CONFIGURATION, EXIT_FAILED, CommandFailed
from headwater.cli.process import serving
from headwater.cli.process.event_loop import LoopChoice
from headwater.cli.process.reloading import Reloading
from headwater.cli.process.serving import ServeOrder
from headwater.cli.process.settings_source import SettingsSource
from headwater.config.settings import LogFormat, LogSettings, Settings
from headwater.control import socket_path
from headwater.control.settings import ControlSettings
from headwater.control.status_client import ask
from headwater.net.settings import TlsSettings
from headwater.server.settings import ServerSettings

__all__ = ["clock", "start_server"]

PORT = r"play from +rtsp://[^:]+:(\d+)/NAME\n"
BYE = 203


@pytest.fixture
def status_socket(tmp_path: Path) -> Path:
    return tmp_path / "status.sock"


@pytest.fixture
def serve(start: Any, status_socket: Path) -> Any:
    """Start a server that drains for an hour; the process and its port."""

    def start_server(*arguments: str) -> tuple[Any, int]:
        server = start(
            *("serve", "--host", "127.0.0.1", "--publish-port", "0"),
            *("--set", "server.drain_s=3600"),
            *("--set", f"control.status_socket={status_socket}", *arguments),
        )
        return server, int(server.wait_for(PORT)[1])

    return start_server


async def drain(server: Any) -> None:
    """Tell the server to end, and wait until it says that it drains."""
    server.send(signal.SIGTERM)
    await asyncio.to_thread(server.wait_for, "server drains")


async def test_readers_go_on_until_the_last_has_left(serve: Any, status_socket: Path) -> None:
    server, port = serve()
    url = f"rtsp://127.0.0.1:{port}/a"
    publisher = await TcpPublisher.start(port, url)
    over_tcp = await TcpReader.start(port, url)
    over_udp = await UdpReader.start(port, url)
    await drain(server)
    health = await asyncio.to_thread(ask, status_socket, "health")
    assert (health["state"], health["sessions"]) == ("draining", 3)
    for sent in (await publisher.send(), await publisher.send()):
        assert (await over_tcp.peer.frame())[1] == sent[0]
        assert await over_udp.packet() == sent[0]
    over_tcp.peer.abort()
    await over_udp.peer.ask("TEARDOWN", url, {"Session": over_udp.session})
    assert await asyncio.to_thread(server.exit_code) == 0
    await publisher.peer.closed()
    assert "Traceback" not in server.said


async def test_nobody_new_comes_during_the_drain(serve: Any) -> None:
    server, port = serve()
    url = f"rtsp://127.0.0.1:{port}/a"
    publisher = await TcpPublisher.start(port, url)
    reader = await TcpReader.start(port, url)
    kept = await RtspPeer.connect(port)
    await kept.ask("OPTIONS", url)
    await drain(server)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=20)
    transport = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}
    setup = await kept.ask("SETUP", f"{url}/trackID=0", transport)
    announce = await kept.ask(
        "ANNOUNCE", f"{url}2", {"Content-Type": "application/sdp"}, body=SDP_VIDEO
    )
    for refused in (setup, announce):
        assert (refused.status, refused.header("Retry-After")) == (503, "5")
        assert b"stopping" in refused.body
    # Who is there already is asked and answered as ever.
    assert (await reader.peer.ask("OPTIONS", url)).status == 200
    sent = await publisher.send()
    assert (await reader.peer.frame())[1] == sent[0]


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_a_second_signal_ends_the_drain_at_once(
    serve: Any, number: int, exit_code: int
) -> None:
    server, port = serve()
    url = f"rtsp://127.0.0.1:{port}/a"
    await TcpPublisher.start(port, url)
    reader = await TcpReader.start(port, url)
    await drain(server)
    server.send(number)
    assert await asyncio.to_thread(server.exit_code) == exit_code
    await reader.peer.closed()


async def test_readers_get_a_bye_when_the_drain_is_over(serve: Any) -> None:
    server, port = serve("--set", "server.drain_s=0.2")
    url = f"rtsp://127.0.0.1:{port}/a"
    publisher = await TcpPublisher.start(port, url)
    reader = await UdpReader.start(port, url)
    await publisher.send()
    await reader.packet()
    server.send(signal.SIGTERM)
    compound = await reader.packet(reader.rtcp)
    assert BYE in packet_types(compound)
    assert await asyncio.to_thread(server.exit_code) == 0
    await publisher.peer.closed()
    await reader.peer.closed()


@pytest.mark.parametrize("loop", ["asyncio", "auto"])
async def test_a_hang_up_reads_the_certificates_again(
    serve: Any, tmp_path: Path, loop: str
) -> None:
    certificate = tmp_path / "certificate.pem"
    make_certificate(certificate)
    server, port = serve("--set", f"tls.certificate={certificate}", "--loop", loop)
    peer = await RtspPeer.connect(port)
    server.send(signal.SIGHUP)
    await asyncio.to_thread(server.wait_for, "certificate reloaded")
    certificate.write_text("no certificate")
    server.send(signal.SIGHUP)
    await asyncio.to_thread(server.wait_for, "certificate not reloaded, the old one stays")
    assert (await peer.ask("OPTIONS", f"rtsp://127.0.0.1:{port}/a")).status == 200


def test_a_terminal_that_hangs_up_ends_the_server(tmp_path: Path) -> None:
    child, terminal = pty.fork()
    if child == 0:
        command = [sys.executable, "-m", "headwater", "serve", "--publish-port", "0"]
        os.execv(sys.executable, [*command, "--set", "control.status_socket="])
    said = b""
    while b"play from" not in said:
        said += os.read(terminal, 4096)
    os.close(terminal)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def packet_types(compound: bytes) -> list[int]:
    """The packet types of a compound RTCP packet (RFC 3550 section 6.1)."""
    types = []
    while compound:
        types.append(compound[1])
        compound = compound[4 * (int.from_bytes(compound[2:4], "big") + 1) :]
    return types


def make_certificate(path: Path) -> None:
    """A certificate and its key in one file."""
    options = "req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost"
    done = subprocess.run(
        ["openssl", *options.split(), "-keyout", str(path), "-out", f"{path}.crt"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    with path.open("a") as file:
        file.write(Path(f"{path}.crt").read_text())
    assert re.search(r"PRIVATE KEY-----\n-----BEGIN CERT", path.read_text())


async def test_without_sighup_there_is_nothing_to_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(signal, "SIGHUP")
    with serving.hang_ups_taken(
        Reloading(RtspServer(), SettingsSource()), asyncio.Event()
    ) as nothing:
        assert nothing is None


def order(**settings: Any) -> ServeOrder:
    return ServeOrder(settings=Settings(**settings), loop=LoopChoice.ASYNCIO)


def test_a_server_that_cannot_start_is_told_of_in_words_or_in_the_log_alone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = ServerSettings(host="127.0.0.1", publish_port=taken.getsockname()[1])
        with pytest.raises(CommandFailed, match="Address already in use") as failed:
            serving.serve_until_signalled(order(server=listen))
        assert "--publish-port" in failed.value.remedy
        with pytest.raises(SystemExit) as ended:
            serving.serve_until_signalled(
                order(server=listen, log=LogSettings(format=LogFormat.JSON))
            )
    assert ended.value.code == EXIT_FAILED


async def test_a_certificate_that_went_away_is_a_fault_of_the_configuration() -> None:
    tls = TlsSettings(certificate="/no/such/cert.pem", key="/no/such/key.pem")
    settings = Settings(server=ServerSettings(host="127.0.0.1", publish_port=0), tls=tls)
    with pytest.raises(CommandFailed, match=r"cert\.pem") as failed:
        await serving.start_server(RtspServer(settings=settings), settings)
    assert failed.value.exit_code == EXIT_CONFIGURATION


@pytest.mark.parametrize("named", [True, False])
async def test_a_status_socket_that_cannot_be_opened(
    start_server: ServerFactory,
    short_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    named: bool,
) -> None:
    named_path = str(short_folder / "gone" / "own.sock") if named else "auto"
    monkeypatch.setattr(socket_path, "automatic_path", lambda _port: short_folder / ("x" * 200))
    server = await start_server(
        settings=Settings(control=ControlSettings(status_socket=named_path))
    )
    if named:
        with pytest.raises(CommandFailed, match=r"own\.sock"):
            await serving.open_status_socket(server)
        return
    await serving.open_status_socket(server)
    assert "no status socket" in events(caplog.records)
