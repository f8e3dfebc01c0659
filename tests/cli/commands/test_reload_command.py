"""A real `headwater serve` that reads its configuration again: by SIGHUP and `headwater reload`."""

# ruff: noqa: ASYNC240

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from command_here import command_here
from own_ports import own_port
from rtsp_peer import RtspPeer, TcpPublisher, TcpReader

from headwater.cli.failures import EXIT_CONFIGURATION
from headwater.control.status_client import ask

FILE = f"""
[server]
host = "127.0.0.1"
publish_port = 0
[rtp]
rtp_port_start = {own_port(0)}
rtp_port_count = 400
"""
USERS = """
[[access.users]]
name = "ann"
password = "rtsp"
read = ["**"]
"""
REASON = "what is counted for addresses now would never be given back"
PORT = r"play from +rtsp://[^:]+:(\d+)/NAME\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "headwater.toml"
    path.write_text(FILE)
    return path


@pytest.fixture
def status_socket(tmp_path: Path) -> Path:
    return tmp_path / "status.sock"


@pytest.fixture
def serve(start: Any, file: Path, status_socket: Path) -> Any:
    """Start a server with the file; the process and its port."""

    def start_server(*arguments: str) -> tuple[Any, int]:
        socket = f"control.status_socket={status_socket}"
        server = start("serve", "--config", str(file), "--set", socket, *arguments)
        return server, int(server.wait_for(PORT)[1])

    return start_server


def reload(socket: Path, *arguments: str) -> CompletedProcess[str]:
    return command_here("reload", "--socket", str(socket), *arguments)


async def describe(port: int) -> int:
    peer = await RtspPeer.connect(port)
    return (await peer.ask("DESCRIBE", f"rtsp://127.0.0.1:{port}/a")).status


@pytest.mark.parametrize("loop", ["asyncio", "auto"])
async def test_reload_applies_the_file_and_says_what_came_of_it(
    serve: Any, file: Path, status_socket: Path, loop: str
) -> None:
    _, port = serve("--set", "limits.sessions=50", "--loop", loop)
    url = f"rtsp://127.0.0.1:{port}/a"
    publisher = await TcpPublisher.start(port, url)
    reader = await TcpReader.start(port, url)
    assert await describe(port) == 200
    limits = "[limits]\nsessions = 3\npublishers = 7\nipv6_prefix_bits = 56\n"
    file.write_text(FILE + limits + USERS + '[paths."a"]\ngrace_s = 3\n')
    done = await asyncio.to_thread(reload, status_socket)
    assert (done.returncode, done.stderr) == (0, "")
    # The command line still goes before the file.
    assert done.stdout.splitlines() == [
        "changed: 3",
        '  paths."a".grace_s: not set → 3.0',
        "  limits.publishers: 5000 → 7",
        '  access.users."ann": not set → set',
        "needs a restart, as before until then: 1",
        f"  limits.ipv6_prefix_bits: 64 → 56 ({REASON})",
        "open mounts: 1 go by other settings, 0 were not touched",
    ]
    assert await describe(port) == 401
    sent = await publisher.send(3)
    assert [(await reader.peer.frame())[1] for _ in range(3)] == sent
    settings = (await asyncio.to_thread(ask, status_socket, "status"))["settings"]
    assert (settings["changed"], settings["need_restart"]) == (3, ["limits.ipv6_prefix_bits"])
    shown = await asyncio.to_thread(command_here, "status", "--socket", str(status_socket))
    assert "settings applied " in shown.stdout
    assert "limits.ipv6_prefix_bits" in shown.stdout
    again = json.loads((await asyncio.to_thread(reload, status_socket, "--json")).stdout)
    assert again["changes"] == []
    assert [change["key"] for change in again["needs_restart"]] == ["limits.ipv6_prefix_bits"]


async def test_a_bad_file_is_refused_whole_with_every_fault(
    serve: Any, file: Path, status_socket: Path
) -> None:
    server, port = serve()
    file.write_text(FILE + "sesions = 3\n[limits]\nsessions = -1\n" + USERS)
    done = await asyncio.to_thread(reload, status_socket)
    assert (done.returncode, done.stdout) == (EXIT_CONFIGURATION, "")
    assert f"{file}:8: rtp.sesions: unknown key" in done.stderr
    assert "nothing has changed" in done.stderr
    server.wait_for("settings not applied, the old ones stay .*sesions")
    # Nobody is asked for a password: of the same file the users were good.
    assert await describe(port) == 404
    file.unlink()
    done = await asyncio.to_thread(reload, status_socket)
    assert (done.returncode, str(file) in done.stderr) == (EXIT_CONFIGURATION, True)
    assert await describe(port) == 404


async def test_a_hang_up_reads_the_file_and_logs_the_outcome(serve: Any, file: Path) -> None:
    server, port = serve()
    file.write_text(FILE + USERS + '[log]\nformat = "json"\n')
    for _ in range(3):
        server.send(signal.SIGHUP)
    await asyncio.to_thread(server.wait_for, 'access.users."ann".: not set → set|ann.*not set')
    assert await describe(port) == 401
    file.write_text(FILE + "[log]\nlevle = 1\n")
    server.send(signal.SIGHUP)
    found = await asyncio.to_thread(server.wait_for, r"\{.*settings not applied.*")
    assert "levle" in json.loads(found[0])["cause"]
    assert await describe(port) == 401
    server.send(signal.SIGTERM)
    assert await asyncio.to_thread(server.exit_code) == 0
    assert "Traceback" not in server.said


async def test_a_port_that_somebody_else_has_is_refused(
    serve: Any, file: Path, status_socket: Path
) -> None:
    _, port = serve()
    _, other = serve("--set", f"control.status_socket={status_socket.with_name('other')}")
    file.write_text(FILE.replace("publish_port = 0", f"publish_port = {other}") + USERS)
    done = await asyncio.to_thread(reload, status_socket)
    assert done.returncode == EXIT_CONFIGURATION
    assert f"cannot listen on 127.0.0.1:{other}" in done.stderr
    assert await describe(port) == 404


async def test_a_stop_ends_a_reload_that_is_under_way(serve: Any) -> None:
    server, _ = serve()
    server.send(signal.SIGHUP)
    server.send(signal.SIGTERM)
    assert await asyncio.to_thread(server.exit_code) == 0
    assert "Traceback" not in server.said


async def test_without_a_file_there_is_nothing_to_read(start: Any, status_socket: Path) -> None:
    server = start(
        *("serve", "--host", "127.0.0.1", "--publish-port", "0"),
        *("--set", f"control.status_socket={status_socket}"),
    )
    server.wait_for(PORT)
    done = await asyncio.to_thread(reload, status_socket)
    assert done.returncode == EXIT_CONFIGURATION
    assert "started without a configuration file" in done.stderr


def test_a_server_that_is_not_there_cannot_be_reloaded(status_socket: Path) -> None:
    done = reload(status_socket)
    assert done.returncode == 1
    assert f"no server answers on {status_socket}" in done.stderr
