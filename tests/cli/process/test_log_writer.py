"""The log's way out: whatever becomes of it, nobody waits for it, and what is lost is told."""

import contextlib
import fcntl
import json
import logging
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from rtsp_peer import TcpPublisher
from udp_peer import UdpReader

from headwater.cli.process.log_writer import QUEUE_BYTES, LogWriter
from headwater.cli.process.logs import JsonFormatter
from headwater.log_pace import LogTotals

F_SETPIPE_SZ = 1031
PIPE_BYTES = 4096

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="sizes of pipes are of Linux")


class Pipe:
    """A pipe of 4 kB; nobody reads it until told to."""

    def __init__(self) -> None:
        self.out, self.into = os.pipe()
        fcntl.fcntl(self.into, F_SETPIPE_SZ, PIPE_BYTES)

    def lines_until(self, pattern: str) -> list[str]:
        """What was written, up to the first line that matches."""
        said = ""
        while not re.search(f"{pattern}.*\n", said):
            assert select.select([self.out], [], [], 30)[0], f"no {pattern!r} in:\n{said}"
            said += os.read(self.out, 65_536).decode()
        return said.rstrip("\n").split("\n")

    def close_writing(self) -> None:
        os.close(self.into)
        self.into = -1

    def close(self) -> None:
        for descriptor in (self.out, self.into):
            with contextlib.suppress(OSError):
                os.close(descriptor)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.close()


@pytest.fixture
def totals() -> LogTotals:
    return LogTotals()


def logger_to(descriptor: int, totals: LogTotals) -> tuple[logging.Logger, LogWriter]:
    writer = LogWriter(descriptor, totals)
    writer.setFormatter(JsonFormatter())
    logger = logging.Logger("test")  # noqa: LOG001 - no other sees it
    logger.addHandler(writer)
    return logger, writer


def test_pipe_that_nobody_reads_stops_nobody(pipe: Pipe, totals: LogTotals) -> None:
    logger, writer = logger_to(pipe.into, totals)
    for number in range(30_000):
        logger.info("line", extra={"number": number, "padding": "x" * 100})
    assert totals.dropped_bytes > 30_000 * 200 - QUEUE_BYTES - PIPE_BYTES - 65_536
    writer.flush()  # it waits for a second at most
    lost = totals.dropped_lines
    said = [json.loads(line) for line in pipe.lines_until("log lines dropped")]
    [told] = [line for line in said if line["message"] == "log lines dropped"]
    assert (told["lines"], told["bytes"]) == (lost, totals.dropped_bytes)
    logger.info("the last")
    said += [json.loads(line) for line in pipe.lines_until("the last")]
    numbers = [line["number"] for line in said if line["message"] == "line"]
    assert len(numbers) == 30_000 - lost
    assert numbers == sorted(numbers)


def test_disk_that_is_full_is_counted_and_told_once_it_is_not(
    pipe: Pipe, totals: LogTotals
) -> None:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    logger, writer = logger_to(descriptor, totals)
    for number in range(3):
        logger.info("lost", extra={"number": number})
    writer.flush()
    assert totals.dropped_lines == 3
    os.dup2(pipe.into, descriptor)
    logger.info("there is room")
    first, told = (json.loads(line) for line in pipe.lines_until("log lines dropped"))
    assert first["message"] == "there is room"
    assert told["lines"] == 3
    os.close(descriptor)


def test_reader_that_is_gone_is_no_failure(pipe: Pipe, totals: LogTotals) -> None:
    logger, writer = logger_to(pipe.into, totals)
    os.close(pipe.out)
    logger.info("nobody reads this")
    writer.flush()
    assert totals.dropped_lines == 1


def test_descriptor_made_non_blocking_by_another_program(pipe: Pipe, totals: LogTotals) -> None:
    os.set_blocking(pipe.into, False)
    logger, _ = logger_to(pipe.into, totals)
    for number in range(1000):
        logger.info("line", extra={"number": number})
    logger.info("the last")
    said = [json.loads(line) for line in pipe.lines_until("the last")]
    assert [line["number"] for line in said[:-1]] == list(range(1000))
    assert totals.dropped_lines == 0


def test_line_that_cannot_be_formatted_is_counted(pipe: Pipe, totals: LogTotals) -> None:
    logger, writer = logger_to(pipe.into, totals)
    writer.setFormatter(logging.Formatter("%(nothing)s"))
    logger.info("line")
    assert totals.dropped_lines == 1


def test_child_of_a_fork_logs_for_itself() -> None:
    code = (
        "import logging, os, sys\n"
        "from headwater.cli.process.log_writer import LogWriter\n"
        "logging.basicConfig(handlers=[LogWriter(2)], format='%(message)s', level='INFO')\n"
        "logging.info('parent before')\n"
        "child = os.fork()\n"
        "logging.info('parent after' if child else 'child')\n"
        "if child: os.waitpid(child, 0)\n"
    )
    # CPython 3.12 and later warn of a fork where there are threads.
    words = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code]
    ran = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0
    assert sorted(ran.stderr.splitlines()) == ["child", "parent after", "parent before"]


class Serving:
    """`headwater serve` whose standard error is what the test gives."""

    def __init__(self, stderr: int) -> None:
        command = [sys.executable, "-m", "headwater", "serve", "--host", "127.0.0.1"]
        self._process = subprocess.Popen(
            [*command, "--publish-port", "0", "--set", "control.status_socket="],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        found = re.search(r":(\d+)/NAME", said)
        assert found is not None, said
        self.port = int(found[1])

    def stop(self) -> int:
        """Stop it in order; its exit code."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        return self._process.returncode


def refuse(port: int, times: int) -> None:
    """Have the server log as many refusals as it will, of 300 bytes each."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        for number in range(times):
            url = f"rtsp://h/{'x' * 300}"
            connection.sendall(f"DESCRIBE {url} RTSP/1.0\r\nCSeq: {number}\r\n\r\n".encode())
            assert b"404" in connection.recv(4096)


async def test_media_goes_on_while_nobody_reads_the_log(pipe: Pipe) -> None:
    server = Serving(pipe.into)
    pipe.close_writing()
    try:
        url = f"rtsp://127.0.0.1:{server.port}/a"
        publisher = await TcpPublisher.start(server.port, url)
        reader = await UdpReader.start(server.port, url)
        flood = threading.Thread(target=refuse, args=(server.port, 90))
        flood.start()
        for _ in range(200):
            [packet] = await publisher.send()
            assert await reader.packet() == packet
        flood.join(30)
        assert not flood.is_alive()
    finally:
        assert server.stop() == 0


async def test_media_goes_on_while_the_disk_is_full() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    server = Serving(full)
    os.close(full)
    try:
        url = f"rtsp://127.0.0.1:{server.port}/a"
        publisher = await TcpPublisher.start(server.port, url)
        reader = await UdpReader.start(server.port, url)
        refuse(server.port, 20)
        [packet] = await publisher.send()
        assert await reader.packet() == packet
    finally:
        assert server.stop() == 0


def test_log_file_ends_with_the_last_line(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        server = Serving(log.fileno())
        assert server.stop() == 0
    assert "server stopped" in (tmp_path / "log").read_text().splitlines()[-1]
