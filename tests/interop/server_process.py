"""The server under test as a process of its own, so that its time is not the tests' time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Self

SCRIPT = Path(__file__).with_name("serve.py")


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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()
