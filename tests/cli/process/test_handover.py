"""From the command to the server's own process: same id, less in it, nothing secret in sight."""

import os
import re
import signal
import sys
import zipimport
from pathlib import Path
from typing import Any

import pytest

from headwater.access.settings import AccessSettings, UserSettings
from headwater.cli.process.event_loop import LoopChoice
from headwater.cli.process.handover import received_order, replace_process
from headwater.cli.process.serving import ServeOrder
from headwater.config.settings import Settings
from headwater.libav.remux import interpreter

USERS = '[{ name = "ann", password = "nobody-may-see-this", read = ["**"] }]'
ANN = UserSettings(name="ann", password="x", read=("**",))
ORDER = ServeOrder(
    settings=Settings(access=AccessSettings(users=(ANN,))),
    loop=LoopChoice.ASYNCIO,
)


class Replaced(Exception):  # noqa: N818
    """What the tests have happen instead of a new program."""


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The command lines that were about to replace this process."""
    seen: list[list[str]] = []

    def execv(program: str, arguments: list[str]) -> None:
        assert program == arguments[0]
        seen.append(arguments)
        raise Replaced

    monkeypatch.setattr(os, "execv", execv)
    return seen


def test_the_order_arrives_as_it_was_sent(programs: list[list[str]]) -> None:
    with pytest.raises(Replaced):
        replace_process(ORDER, "headwater.cli.process.daemon")
    (command,) = programs
    descriptor = int(command[-1])
    assert os.get_inheritable(descriptor)
    assert received_order(descriptor, ServeOrder) == ORDER
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_without_files_in_memory_a_nameless_one_serves(
    programs: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "memfd_create")
    with pytest.raises(Replaced):
        replace_process(ORDER, "headwater.cli.process.daemon")
    descriptor = int(programs[0][-1])
    assert os.fstat(descriptor).st_nlink == 0
    assert received_order(descriptor, ServeOrder) == ORDER


def test_the_working_folder_is_no_place_to_import_from(
    programs: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", ["/usr/bin", *sys.path[1:]])
    with pytest.raises(Replaced):
        replace_process(ORDER, "headwater.cli.process.daemon")
    # As `python -m headwater` has it.
    monkeypatch.setattr(sys, "path", [str(Path.cwd()), *sys.path[1:]])
    with pytest.raises(Replaced):
        replace_process(ORDER, "headwater.cli.process.daemon")
    assert [command[1:-1] for command in programs] == [
        ["-P", "-m", "headwater.cli.process.daemon"],
        ["-m", "headwater.cli.process.daemon"],
    ]
    for command in programs:
        received_order(int(command[-1]), ServeOrder)


def test_where_no_new_program_is_allowed_nothing_is_left_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[int] = []

    def refused(_program: str, arguments: list[str]) -> None:
        given.append(int(arguments[-1]))
        raise PermissionError(1, "no")

    monkeypatch.setattr(os, "execv", refused)
    replace_process(ORDER, "headwater.cli.process.daemon")
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(given[0])


@pytest.mark.parametrize("how", ["frozen", "zipped", "no interpreter"])
def test_a_package_that_no_new_interpreter_finds_serves_as_it_is(
    programs: list[list[str]], monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    match how:
        case "frozen":
            monkeypatch.setattr(sys, "frozen", True, raising=False)
        case "zipped":
            monkeypatch.setattr(interpreter, "__file__", f"/a.zip/{zipimport.__name__}.py")
        case _:
            monkeypatch.setattr(sys, "executable", "")
    replace_process(ORDER, "headwater.cli.process.daemon")
    assert programs == []


def test_the_server_keeps_the_process_and_loses_what_read_the_options(start_program: Any) -> None:
    server = start_program(
        "serve", "--publish-port", "0", "--set", f"access.users={USERS}", "--log-level", "error"
    )
    server.wait_for(r"play from")
    process = Path("/proc", str(server.pid))
    command = (process / "cmdline").read_bytes()
    assert b"headwater.cli.process.daemon" in command
    assert b"publish-port=0" in command, "lists of processes tell one server from another"
    assert b"nobody-may-see-this" not in command
    assert not re.search(r"pydantic|\bav\b", (process / "maps").read_text())
    if sys.platform == "linux" and sys.implementation.name == "cpython":
        resident = re.search(r"VmRSS:\s+(\d+) kB", (process / "status").read_text())
        assert resident is not None
        assert int(resident[1]) < 40_000


def test_signals_wait_only_for_the_new_program(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[set[int]] = []

    def execv(_program: str, arguments: list[str]) -> None:
        os.close(int(arguments[-1]))
        held.append(set(signal.pthread_sigmask(signal.SIG_BLOCK, ())))
        raise Replaced

    monkeypatch.setattr(os, "execv", execv)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with pytest.raises(Replaced):
        replace_process(ORDER, "headwater.cli.process.daemon")
    assert held == [{*before, signal.SIGINT, signal.SIGTERM}]
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
