"""`headwater serve` as a process: ports, settings, signals, failures."""

import json
import re
import signal
import socket
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from own_ports import free_port

from headwater.cli.commands.serve_command import parse_assignment
from headwater.cli.failures import CommandFailed
from headwater.config.file import Assignment

PORTS = r"publish to +rtsp://[^:]+:(\d+)/NAME\nplay from +rtsp://[^:]+:(\d+)/NAME\n"


def options(port: int) -> str:
    """Ask the server on `port` for OPTIONS; its answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n")
        return connection.recv(4096).decode()


@pytest.mark.parametrize("loop", ["asyncio", "auto"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_a_signal_and_ends_well(start: Any, loop: str, number: int) -> None:
    server = start("serve", "--host", "127.0.0.1", "--publish-port", "0", "--loop", loop)
    ports = server.wait_for(PORTS)
    assert ports[1] == ports[2]
    assert options(int(ports[1])).startswith("RTSP/1.0 200 OK\r\n")
    server.send(number)
    assert server.exit_code() == 0
    assert "Traceback" not in server.said


def test_settings_come_from_file_environment_and_options(start: Any, tmp_path: Path) -> None:
    config = tmp_path / "headwater.toml"
    config.write_text('[server]\nhost = "127.0.0.1"\npublish_port = 1\nserver_name = "file"\n')
    server = start(
        *("serve", "--publish-port", "0", "--set", "sessions.timeout_s=77"),
        environment={"HEADWATER_CONFIG": str(config), "HEADWATER_SERVER__SERVER_NAME": "env"},
    )
    port = int(server.wait_for(PORTS)[1])
    assert "\r\nServer: env\r\n" in options(port)


def test_one_port_for_all_as_the_demo_names_it(start: Any) -> None:
    port = free_port()
    server = start("serve", "--host", "127.0.0.1", "--port", str(port))
    ports = server.wait_for(PORTS)
    assert (int(ports[1]), int(ports[2])) == (port, port)
    assert options(port).startswith("RTSP/1.0 200")


def test_one_port_each(start: Any) -> None:
    server = start(
        *("serve", "--host", "127.0.0.1", "--publish-port", "0"),
        *("--set", "server.publish_port=0", "--play-port", str(free_port())),
    )
    ports = server.wait_for(PORTS)
    assert ports[1] != ports[2]
    assert options(int(ports[1])).startswith("RTSP/1.0 200")
    assert options(int(ports[2])).startswith("RTSP/1.0 200")


def test_json_logs_are_objects(start: Any) -> None:
    server = start("serve", "--publish-port", "0", "--log-format", "JSON")
    server.wait_for('"status socket open"')
    server.send(signal.SIGINT)
    assert server.exit_code() == 0
    # All of it, of both outputs: what is no JSON would stop whoever reads it.
    lines = [json.loads(line) for line in server.said.splitlines()]
    started = next(line for line in lines if line["message"] == "server started")
    assert started["publish"].startswith("rtsp://")
    assert all({"timestamp", "level", "logger", "message"} <= line.keys() for line in lines)


def test_what_is_likely_meant_otherwise_is_logged(start: Any) -> None:
    server = start(
        "serve", "--publish-port", "0", "--set", "rtp.play_transports=[]",
        environment={"HEADWATER_HOST": "127.0.0.1"},
    )  # fmt: skip
    server.wait_for("rtp.play_transports is empty: nobody can play")
    server.wait_for("HEADWATER_HOST in the environment is not read")


def test_the_log_level_leaves_lines_out(start: Any) -> None:
    server = start("serve", "--publish-port", "0", "--log-level", "error")
    server.wait_for(PORTS)
    server.send(signal.SIGINT)
    assert server.exit_code() == 0
    assert "server started" not in server.said


def test_a_port_in_use_is_said_with_what_to_do(start: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = start("serve", "--host", "127.0.0.1", "--publish-port", str(port))
        assert server.exit_code() == 1
    assert f"headwater: port {port} in use" in server.said
    assert "--publish-port" in server.said
    assert "Traceback" not in server.said


def test_an_address_of_another_machine_is_said(start: Any) -> None:
    server = start("serve", "--host", "192.0.2.1", "--publish-port", "0")
    assert server.exit_code() == 1
    assert "headwater: this machine has no address 192.0.2.1" in server.said
    assert "Traceback" not in server.said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--publish-port", "99999"], "--publish-port: server.publish_port: publish_port is 99999"),
        (["--set", "server.hots=x"], "--set server.hots: server.hots: unknown key"),
        (["--set", "nothing"], "--set nothing: needs the form section.key=value"),
        (["--config", "/nowhere.toml"], "/nowhere.toml: No such file or directory"),
        (["--config", "/nowhere.toml"], "`headwater config > FILE` writes one"),
        (["--log-level", "loud"], "Invalid value for '--log-level'"),
    ],
)
def test_wrong_use_is_refused(start: Any, arguments: list[str], said: str) -> None:
    server = start("serve", *arguments)
    assert server.exit_code() == 2
    assert said in re.sub(r"\s*\n│? ?", " ", server.said)
    assert "Traceback" not in server.said


def test_an_assignment_is_split_at_the_first_equals_sign() -> None:
    assert parse_assignment("access.realm = a=b") == Assignment(
        "--set access.realm", "access.realm", "a=b"
    )


def test_an_assignment_needs_an_equals_sign() -> None:
    with pytest.raises(CommandFailed, match=r"section\.key=value"):
        parse_assignment("access.realm")


def test_the_dashboard_is_said_first_and_is_there(start: Any) -> None:
    arguments = ("serve", "--host", "127.0.0.1", "--publish-port", "0", "--http-port", "0")
    server = start(*arguments, "--set", "webrtc.port=0")
    said = server.wait_for(
        # Lines of the log, which begin with the time, may stand between.
        r"dashboard   (http://127\.0\.0\.1:\d+/)\n(?:\d.*\n)*"
        r"watch at    http://\S+/NAME\n(?:\d.*\n)*publish to "
    )
    with urlopen(said[1]) as page:
        assert b"<title>Headwater</title>" in page.read()
