"""The server under test as a process of its own, so that its time is not the tests' time."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).with_name("serve.py")
LOOK_EVERY_S = 0.05


class ServerProcess:
    """A context manager around `serve.py`; arguments are those of RtspServer."""

    def __init__(self, log_path: Path, **arguments: object) -> None:
        self._log = log_path.open("wb")
        self.log_path = log_path
        self._process = subprocess.Popen(
            [sys.executable, str(SCRIPT), json.dumps(arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the server did not start:\n{log_path.read_text()}")
        bound = json.loads(line)
        self.publish_port: int = bound["publish_port"]
        self.play_port: int = bound["play_port"]

    def publish_url(self, path: str) -> str:
        """URL that a publisher announces."""
        return f"rtsp://127.0.0.1:{self.publish_port}/{path}"

    def play_url(self, path: str) -> str:
        """URL that a reader plays."""
        return f"rtsp://127.0.0.1:{self.play_port}/{path}"

    @property
    def pid(self) -> int:
        """Process id, to look at its memory and processor time."""
        return self._process.pid

    def log(self) -> str:
        """Return what the server wrote to standard error so far."""
        return self.log_path.read_text(errors="replace")

    def stop(self) -> int:
        """End it in an orderly way; returns its exit status."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.stdin.close()
        try:
            status = self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        self._log.close()
        return status

    def __enter__(self) -> ServerProcess:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()


@dataclass(frozen=True, slots=True)
class Description:
    """The answer to DESCRIBE."""

    status: int
    body: str


def describe(url: str, timeout_s: float = 5.0) -> Description:
    """Ask for a mount's description with nothing but a socket."""
    host, port = url.removeprefix("rtsp://").split("/")[0].rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout_s) as peer:
        peer.sendall(f"DESCRIBE {url} RTSP/1.0\r\nCSeq: 1\r\n\r\n".encode())
        answer = peer.recv(65536).decode(errors="replace")
    return Description(int(answer.split(" ", 2)[1]), answer.partition("\r\n\r\n")[2])


def wait_until_published(url: str, deadline_s: float = 20.0) -> None:
    """Wait until a mount answers DESCRIBE with 200; raises TimeoutError when it never does."""
    give_up = time.monotonic() + deadline_s
    while (status := describe(url).status) != 200:
        if time.monotonic() > give_up:
            raise TimeoutError(f"{url} still answers {status} after {deadline_s:.0f} s")
        time.sleep(LOOK_EVERY_S)
