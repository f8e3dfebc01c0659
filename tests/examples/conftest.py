"""Run an example as its reader would: a process of its own, with a camera and a player."""

import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from own_ports import free_ports

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
DEADLINE_S = 30.0


class Example:
    """A running example, on ports of its own instead of 5554 and 6554."""

    def __init__(
        self, code: str, path: Path, elsewhere: int | None, command: list[str] | None
    ) -> None:
        self.publish_port, self.play_port = free_ports(2)
        ports = {
            "5554": self.publish_port,
            "6554": self.play_port,
            "8554": elsewhere or self.publish_port,
        }
        for written, port in ports.items():
            code = re.sub(rf"(port=|port = |:){written}\b", rf"\g<1>{port}", code)
        path.write_text(code, encoding="utf-8")
        self.process = subprocess.Popen(
            command or [sys.executable, "-u", str(path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.cameras: list[subprocess.Popen[bytes]] = []
        self.said = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            wait_until_listening(self.publish_port, self.process)
        except AssertionError as error:
            self.kill()
            raise AssertionError(f"{error}; it said:\n{self.said}") from None

    def publish_url(self, path: str, user: str = "") -> str:
        return f"rtsp://{user}127.0.0.1:{self.publish_port}{path}"

    def play_url(self, path: str, user: str = "") -> str:
        return f"rtsp://{user}127.0.0.1:{self.play_port}{path}"

    def publish(self, url: str) -> subprocess.Popen[bytes]:
        """The synthetic camera, publishing to `url`."""
        camera = subprocess.Popen(
            [sys.executable, "-m", "headwater.libav.camera", url, "tcp"], stderr=subprocess.DEVNULL
        )
        self.cameras.append(camera)
        return camera

    def stop(self) -> int:
        """Ctrl-C; the exit code."""
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(DEADLINE_S)
        self._reader.join(DEADLINE_S)
        return code

    def kill(self) -> None:
        processes: list[subprocess.Popen[Any]] = [*self.cameras, self.process]
        for process in processes:
            process.kill()
            process.wait(DEADLINE_S)
        self._reader.join(DEADLINE_S)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line


RunExample = Callable[..., Example]


@pytest.fixture
def run_code(tmp_path: Path) -> Iterator[RunExample]:
    """Run a program's text; what still runs at the end is killed.

    `elsewhere` is the port of another server, which the text has as 8554. The text is written to
    `place` and run as a program, or by `command` where it is a part of one.
    """
    running: list[Example] = []

    def start(
        code: str,
        elsewhere: int | None = None,
        place: Path | None = None,
        command: list[str] | None = None,
    ) -> Example:
        path = place or tmp_path / f"example_{len(running)}.py"
        example = Example(code, path, elsewhere, command)
        running.append(example)
        return example

    yield start
    for example in running:
        example.kill()


@pytest.fixture
def run_example(run_code: RunExample) -> RunExample:
    """Run an example by its file name."""

    def start(name: str, elsewhere: int | None = None) -> Example:
        return run_code((EXAMPLES / name).read_text(encoding="utf-8"), elsewhere)

    return start


@pytest.fixture(scope="session")
def free_port_numbers() -> Callable[[int], list[int]]:
    """So many ports that nobody listens on."""
    return free_ports


@pytest.fixture
def watch() -> Callable[..., int]:
    """Decode pictures of a URL, waiting for a publisher that is about to come; how many came."""
    av = pytest.importorskip("av")

    def watch_url(url: str, pictures: int = 10) -> int:
        with opened(av, url) as stream:
            for number, _ in enumerate(stream.decode(video=0), start=1):
                if number == pictures:
                    return number
        return 0

    return watch_url


def opened(av: Any, url: str) -> Any:
    options = {"rtsp_transport": "tcp"}
    for _ in range(100):
        try:
            return av.open(url, options=options, timeout=20)
        except av.HTTPNotFoundError:
            threading.Event().wait(0.1)
    return av.open(url, options=options, timeout=20)


def wait_until_listening(port: int, process: subprocess.Popen[str]) -> None:
    for _ in range(300):
        if process.poll() is not None:
            raise AssertionError(f"the example ended with exit code {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            threading.Event().wait(0.1)
        else:
            return
    raise AssertionError(f"nothing listens on port {port}")
