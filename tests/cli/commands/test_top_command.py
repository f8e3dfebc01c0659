"""`headwater top` as a process, against a server that is one, in a pipe and in a terminal."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command_here import command_here
from rtsp_peer import RtspPeer, TcpPublisher

pty = pytest.importorskip("pty")
PORTS = r"publish to +rtsp://[^:]+:(\d+)/NAME\n"


@pytest.fixture
def environment(runtime: Path, tmp_path: Path) -> dict[str, str]:
    """The folders where a started server has its status socket."""
    return {"XDG_RUNTIME_DIR": str(runtime), "TMPDIR": str(tmp_path)}


@pytest.fixture
def port(start: Any, environment: dict[str, str]) -> int:
    """The port of a running server."""
    arguments = ("serve", "--host", "127.0.0.1", "--publish-port", "0")
    return int(start(*arguments, environment=environment).wait_for(PORTS)[1])


async def with_publisher(port: int, run: Any) -> Any:
    """Run something in a thread while a camera publishes."""
    publisher = await TcpPublisher.start(port, f"rtsp://127.0.0.1:{port}/cams/gate")
    await publisher.send(4)
    try:
        return await asyncio.to_thread(run)
    finally:
        RtspPeer.forget_all()


def test_once_for_people_and_for_programs(port: int, environment: dict[str, str]) -> None:
    def run() -> tuple[Any, Any]:
        asked = ("top", "--port", str(port), "--once")
        shown = command_here(*asked, environment=environment)
        return shown, command_here(*asked, "--json", environment=environment)

    shown, told = asyncio.run(with_publisher(port, run))
    assert (shown.returncode, told.returncode) == (0, 0), shown.stderr + told.stderr
    assert "/cams/gate" in shown.stdout
    assert told.stdout.count("\n") == 1
    [card] = json.loads(told.stdout)["cards"]
    assert (card["path"], card["state"], card["readers"]) == ("/cams/gate", "live", 0)


def test_in_a_terminal_until_q(port: int, environment: dict[str, str]) -> None:
    def run() -> tuple[int, str]:
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "headwater", "top", "--port", str(port)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, **environment, "COLUMNS": "80", "LINES": "24", "TERM": "xterm"},
        )
        os.close(theirs)
        said = ""
        while "/cams/gate" not in said or "q quit" not in said:
            said += os.read(ours, 65_536).decode(errors="replace")
        os.write(ours, b"w")
        while not re.search(r"by warnings|q quit.*q quit", said, re.DOTALL):
            said += os.read(ours, 65_536).decode(errors="replace")
        os.write(ours, b"q")
        try:
            while os.read(ours, 65_536):
                pass
        except OSError:
            pass  # the other side of the terminal is closed
        os.close(ours)
        return process.wait(20), said

    code, said = asyncio.run(with_publisher(port, run))
    assert code == 0
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--port", "1", "--once"), 1, "no server on port 1 answers"),
        (("--url", "http://127.0.0.1:1", "--once"), 1, "does not answer"),
        (("--url", "http://127.0.0.1:1", "--port", "1"), 2, "--url asks by HTTP"),
        (("--sort", "colour"), 2, "colour"),
    ],
)
def test_what_cannot_be(
    environment: dict[str, str], arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = command_here("top", *arguments, environment=environment)
    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr
