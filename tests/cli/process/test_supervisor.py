"""What systemd is told, by the socket that it gives."""

import asyncio
import os
import secrets
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headwater.cli.process.supervisor import Supervisor
from headwater.control.server_state import ServerState
from headwater.control.status import Health

HEALTH = Health("1", ServerState.RUNNING, 1.0, mounts=2, sessions=3, connections=4)


class Manager:
    """A service manager's end of the notify socket."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(30)
        self.socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)

    def told(self) -> list[str]:
        return self.socket.recv(4096).decode().split("\n")

    def told_until(self, line: str) -> list[str]:
        """Everything up to the message that has the line."""
        lines: list[str] = []
        while line not in lines:
            lines += self.told()
        return lines


@pytest.fixture(params=["path", "abstract"])
def manager(request: Any, tmp_path: Path) -> Iterator[Manager]:
    address = f"@headwater-{secrets.token_hex(4)}"
    manager = Manager(str(tmp_path / "notify") if request.param == "path" else address)
    yield manager
    manager.socket.close()


def environment(manager: Manager, **more: str) -> dict[str, str]:
    return {"NOTIFY_SOCKET": manager.address, **more}


async def test_it_is_told_of_readiness_status_and_stop(manager: Manager) -> None:
    variables = environment(manager, OTHER="stays")
    supervisor = Supervisor.from_environment(variables)
    assert variables == {"OTHER": "stays"}
    supervisor.ready(lambda: HEALTH)
    assert manager.told() == ["READY=1"]
    assert manager.told() == ["STATUS=running: 2 mounts, 3 sessions, 4 connections"]
    supervisor.stopping(60)
    assert manager.told() == ["STOPPING=1", "EXTEND_TIMEOUT_USEC=90000000"]
    supervisor.close()
    supervisor.close()


async def test_the_watchdog_hears_of_a_turning_loop_twice_in_its_time(manager: Manager) -> None:
    supervisor = Supervisor.from_environment(
        environment(manager, WATCHDOG_USEC="40000", WATCHDOG_PID=str(os.getpid()))
    )
    supervisor.ready(lambda: HEALTH)
    for _ in range(3):
        heard = asyncio.to_thread(manager.told_until, "WATCHDOG=1")
        assert "WATCHDOG=1" in await heard
    supervisor.close()


async def test_the_watchdog_of_another_process_is_not_ours(manager: Manager) -> None:
    supervisor = Supervisor.from_environment(
        environment(manager, WATCHDOG_USEC="40000", WATCHDOG_PID="1")
    )
    supervisor.ready(lambda: HEALTH)
    assert manager.told() == ["READY=1"]
    assert manager.told() == ["STATUS=running: 2 mounts, 3 sessions, 4 connections"]
    supervisor.close()


@pytest.mark.parametrize("variables", [{}, {"NOTIFY_SOCKET": "vsock:2:1234"}])
async def test_without_a_socket_nobody_is_told(variables: dict[str, str]) -> None:
    tasks = asyncio.all_tasks()
    supervisor = Supervisor.from_environment(variables)
    supervisor.ready(lambda: pytest.fail("nobody asked"))
    supervisor.stopping(0)
    supervisor.close()
    assert asyncio.all_tasks() == tasks


async def test_a_manager_that_is_gone_harms_nobody(manager: Manager) -> None:
    supervisor = Supervisor.from_environment(environment(manager))
    manager.socket.close()
    supervisor.ready(lambda: HEALTH)
    supervisor.stopping(0)
    supervisor.close()


async def test_a_server_that_has_stopped_tells_nothing_of_itself(manager: Manager) -> None:
    def stopped() -> Health:
        raise RuntimeError("the server is not running; start it first")

    supervisor = Supervisor.from_environment(environment(manager))
    supervisor.ready(stopped)
    supervisor.stopping(0)
    assert manager.told() == ["READY=1"]
    assert manager.told()[0] == "STOPPING=1"
    supervisor.close()


@pytest.mark.parametrize("loop", ["asyncio", "auto"])
def test_serve_tells_its_manager(start: Any, manager: Manager, loop: str) -> None:
    server = start(
        *("serve", "--host", "127.0.0.1", "--publish-port", "0", "--loop", loop),
        *("--set", "server.drain_s=7"),
        environment=environment(manager, WATCHDOG_USEC="200000"),
    )
    told = manager.told_until("WATCHDOG=1")
    assert told[:2] == ["READY=1", "STATUS=running: 0 mounts, 0 sessions, 0 connections"]
    # It serves by the time it says so.
    server.wait_for(r"play from")
    server.send(signal.SIGTERM)
    assert manager.told_until("STOPPING=1")[-2:] == ["STOPPING=1", "EXTEND_TIMEOUT_USEC=37000000"]
    assert server.exit_code() == 0
