"""The server's process, as the fuzzer sees it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

from fuzz.live.bounds import Facts, kept
from fuzz.registry import FOLDER

UDP_PORT_START = 22_000
"""Below the ports that the kernel gives to others on its own."""
_TROUBLE = re.compile(
    r"Traceback|Exception|^ERROR|^CRITICAL|never (?:retrieved|awaited)", re.MULTILINE
)


class ServerProcess:
    """A context manager around `fuzz.live.serve`; its standard error goes to a file.

    `tight`: with little of everything, so that its limits are met all the time.
    """

    def __init__(self, log_path: Path, *, tight: bool) -> None:
        self._log_path = log_path
        self._log = log_path.open("wb")
        room = "tight" if tight else "roomy"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "fuzz.live.serve", str(UDP_PORT_START), room],
            cwd=FOLDER.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={**os.environ, "PYTHONPATH": str(FOLDER.parent / "tests" / "peers")},
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline() or 0)
        if not self.port:
            raise RuntimeError(f"the server did not start:\n{log_path.read_text()}")

    def facts(self) -> Facts:
        """What the server says of itself now."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        facts: Facts = json.loads(self._process.stdout.readline())
        return facts

    def facts_after(self, before: Facts, deadline_s: float) -> Facts:
        """What it says once everything is given back, or when the time is over."""
        until = time.monotonic() + deadline_s
        while True:
            facts = self.facts()
            if not kept(before, facts) or time.monotonic() > until:
                return facts
            time.sleep(0.2)

    def trouble(self) -> str:
        """What its log holds of errors; empty when there are none."""
        self._log.flush()
        text = self._log_path.read_text(errors="replace")
        found = _TROUBLE.search(text)
        return text[max(0, found.start() - 200) : found.start() + 4_000] if found else ""

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def stop(self) -> int:
        """End it in order; its exit code."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            code = self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._log.close()
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()
