"""`headwater status` as a process, against a server that is one."""

import asyncio
import json
import signal
from pathlib import Path
from subprocess import CompletedProcess
from types import SimpleNamespace
from typing import Any

import pytest
from command_here import command_here
from rtsp_peer import RtspPeer, TcpPublisher, TcpReader
from server_rig import ServerFactory, clock, start_server

from headwater.cli.commands import status_command
from headwater.cli.commands.status_command import EXIT_NOT_SERVING
from headwater.config.settings import Settings
from headwater.control.settings import ControlSettings

__all__ = ["clock", "start_server"]

PORTS = r"publish to +rtsp://[^:]+:(\d+)/NAME\n"


@pytest.fixture
def environment(runtime: Path, tmp_path: Path) -> dict[str, str]:
    """The folders where a started server has its status socket."""
    return {"XDG_RUNTIME_DIR": str(runtime), "TMPDIR": str(tmp_path)}


@pytest.fixture
def serve(start: Any, environment: dict[str, str]) -> Any:
    """Start a server; the process and its port."""

    def start_server(*arguments: str) -> tuple[Any, int]:
        server = start(
            "serve", "--host", "127.0.0.1", "--publish-port", "0", *arguments,
            environment=environment,
        )  # fmt: skip
        return server, int(server.wait_for(PORTS)[1])

    return start_server


@pytest.fixture
def status(environment: dict[str, str]) -> Any:
    """Run `headwater status`."""

    def run(*arguments: str) -> CompletedProcess[str]:
        return command_here("status", *arguments, environment=environment)

    return run


def test_it_shows_who_publishes_and_who_reads(serve: Any, status: Any) -> None:
    _server, port = serve()
    url = f"rtsp://127.0.0.1:{port}/cameras/gate"

    async def play() -> tuple[str, str]:
        publisher = await TcpPublisher.start(port, url)
        reader = await TcpReader.start(port, url)
        await publisher.send(4)
        await reader.peer.frame()
        shown = await asyncio.to_thread(status, "--port", str(port))
        whole = await asyncio.to_thread(status, "--port", str(port), "--json")
        assert (shown.returncode, whole.returncode) == (0, 0), shown.stderr
        RtspPeer.forget_all()
        return shown.stdout, whole.stdout

    shown, whole = asyncio.run(play())
    assert "headwater" in shown
    assert "running" in shown
    assert f"port {port}" in shown
    assert "/cameras/gate" in shown
    assert "H264" in shown
    (mount,) = json.loads(whole)["mounts"]
    assert whole.count("\n") == 1
    assert mount["tracks"][0]["packets"] == 4
    assert mount["publisher"]["peer"] in shown
    assert mount["readers"][0]["peer"] in shown


def test_the_health_command_says_that_it_runs(serve: Any, status: Any) -> None:
    _server, port = serve()
    done = status("--check", "--port", str(port))
    assert done.returncode == 0
    assert done.stdout.startswith("running: headwater ")
    assert done.stdout.endswith(", 0 mounts, 0 sessions, 0 connections\n")
    done = status("--check", "--json", "--port", str(port))
    assert json.loads(done.stdout)["state"] == "running"


def test_a_draining_server_is_told_from_a_running_one(serve: Any, status: Any) -> None:
    server, port = serve("--set", "server.drain_s=60")
    url = f"rtsp://127.0.0.1:{port}/a"

    async def drain() -> tuple[Any, Any]:
        await TcpPublisher.start(port, url)
        await TcpReader.start(port, url)
        server.send(signal.SIGTERM)
        await asyncio.to_thread(server.wait_for, "server drains")
        checked = await asyncio.to_thread(status, "--check", "--port", str(port))
        shown = await asyncio.to_thread(status, "--port", str(port))
        RtspPeer.forget_all()
        return checked, shown

    checked, shown = asyncio.run(drain())
    assert (checked.returncode, shown.returncode) == (EXIT_NOT_SERVING, EXIT_NOT_SERVING)
    assert checked.stdout.startswith("draining: ")
    assert "draining" in shown.stdout
    assert server.exit_code() == 0


def test_without_a_server_it_says_what_to_do(status: Any) -> None:
    for arguments in ([], ["--check"], ["--json"], ["--watch"]):
        done = status("--port", "1", *arguments)
        assert done.returncode == 1, arguments
        assert "no server on port 1 answers; looked in " in done.stderr
        assert "headwater serve" in done.stderr
        assert "Traceback" not in done.stderr
        assert done.stdout.strip() == ""


def test_a_socket_of_its_own(serve: Any, status: Any, tmp_path: Path) -> None:
    path = tmp_path / "own.sock"
    server, port = serve("--set", f"control.status_socket={path}")
    assert status("--socket", str(path), "--check").returncode == 0
    assert status("--port", str(port), "--check").returncode == 1
    server.send(signal.SIGTERM)
    assert server.exit_code() == 0
    assert not path.exists()
    done = status("--socket", str(path))
    assert done.returncode == 1
    assert f"no server answers on {path}" in done.stderr


def test_a_socket_that_cannot_be_opened_ends_the_server(start: Any, tmp_path: Path) -> None:
    path = tmp_path / "gone" / "own.sock"
    server = start("serve", "--publish-port", "0", "--set", f"control.status_socket={path}")
    assert server.exit_code() == 2
    assert f": no status socket at {path}: No such file or directory" in server.said
    assert "Traceback" not in server.said


def test_a_socket_that_another_server_has_may_be_free_later(start: Any, tmp_path: Path) -> None:
    own = ("serve", "--publish-port", "0", "--set", f"control.status_socket={tmp_path}/own.sock")
    start(*own).wait_for("play from")
    second = start(*own)
    assert second.exit_code() == 1
    assert f"headwater: another server answers at {tmp_path}/own.sock" in second.said


def test_no_socket_is_opened_where_none_is_wanted(serve: Any, status: Any) -> None:
    server, port = serve("--set", "control.status_socket=")
    assert status("--port", str(port), "--check").returncode == 1
    assert "status socket" not in server.said


@pytest.mark.parametrize("as_json", [True, False])
def test_watching_goes_on_until_ctrl_c(
    serve: Any, start: Any, environment: dict[str, str], as_json: bool
) -> None:
    _server, port = serve()
    arguments = ("--port", str(port), *(("--json",) if as_json else ()))
    watching = start("status", "--watch", *arguments, environment=environment)
    if as_json:
        watching.wait_for(r'(?s)"state": "running".*\n.*"state": "running".*\n')
    else:
        watching.wait_for(r"(?s)\(since the start\).*\(now\)")
    watching.send(signal.SIGINT)
    assert watching.exit_code() == 0
    assert "Traceback" not in watching.said
    if as_json:
        first, second = (json.loads(line) for line in watching.said.splitlines()[:2])
        assert second["clock_s"] > first["clock_s"]


def test_watching_ends_with_the_server(serve: Any, start: Any, environment: dict[str, str]) -> None:
    server, port = serve()
    watching = start("status", "--watch", "--port", str(port), environment=environment)
    watching.wait_for("since the start")
    server.send(signal.SIGTERM)
    assert watching.exit_code() in {1, EXIT_NOT_SERVING}
    assert "no server answers on" in watching.said
    assert "Traceback" not in watching.said


@pytest.mark.parametrize("as_json", [["--json"], []])
async def test_watching_shows_one_status_after_another(
    start_server: ServerFactory,
    short_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    as_json: list[str],
) -> None:
    path = str(short_folder / "own.sock")
    server = await start_server(settings=Settings(control=ControlSettings(status_socket=path)))
    await server.open_status_socket()
    turns = iter([None, None])

    def sleep(_seconds: float) -> None:
        if next(turns, KeyboardInterrupt) is KeyboardInterrupt:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(status_command, "time", SimpleNamespace(sleep=sleep))
        done = await asyncio.to_thread(
            command_here, "status", "--watch", "--socket", path, *as_json
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count('"state": "running"' if as_json else "(now)") == (3 if as_json else 2)


def test_checking_does_not_go_with_watching(status: Any) -> None:
    done = status("--check", "--watch")
    assert done.returncode == 2
    assert "--check looks once" in done.stderr
