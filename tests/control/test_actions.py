"""What acts over the status socket: who may, what they are told, and how long it may take."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from udp_peer import wait_for

from headwater.config.applied import Applied
from headwater.control import status_socket as module
from headwater.control.errors import RefusedError
from headwater.control.status_client import ask as ask_blocking
from headwater.control.status_socket import StatusSocket


@dataclass(frozen=True)
class Outcome:
    """What an action comes to."""

    count: int


class Action:
    """Counts how often it is done; waits where a test holds it, and raises what a test gives it."""

    def __init__(self) -> None:
        self.count = 0
        self.error: Exception | None = None
        self.free = asyncio.Event()
        self.free.set()

    async def __call__(self) -> Outcome:
        self.count += 1
        await self.free.wait()
        if self.error is not None:
            raise self.error
        return Outcome(self.count)


def never() -> Any:
    raise AssertionError("nobody asked for this")


@pytest.fixture
async def action() -> Action:
    return Action()


@pytest.fixture
async def opened(tmp_path: Path, action: Action) -> AsyncIterator[StatusSocket]:
    opened = StatusSocket(
        tmp_path / "s.sock", steps=never, health=never, actions={"reload": action}
    )
    await opened.open()
    yield opened
    action.free.set()
    await opened.close()


async def test_who_asks_for_an_action_is_told_what_came_of_it(
    opened: StatusSocket, action: Action, ask: Any
) -> None:
    assert await ask(opened.path, "reload") == {"count": 1}
    action.error = ValueError("the file is wrong\nin two places")
    assert await ask(opened.path, "reload") == {"refused": ["the file is wrong", "in two places"]}
    with pytest.raises(RefusedError, match="the file is wrong\nin two places"):
        await asyncio.to_thread(ask_blocking, opened.path, "reload")
    assert action.count == 3


async def test_an_action_may_take_longer_than_a_question(
    opened: StatusSocket, action: Action, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DEADLINE_S", 0.05)
    action.free.clear()
    asking = asyncio.create_task(ask(opened.path, "reload"))
    await wait_for(lambda: action.count)
    asyncio.get_running_loop().call_later(0.2, action.free.set)
    assert await asking == {"count": 1}


async def test_an_action_that_hangs_is_given_up(
    opened: StatusSocket, action: Action, raw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ACTION_DEADLINE_S", 0.05)
    action.free.clear()
    assert await raw(opened.path, b'{"ask": "reload"}\n') == b""
    assert action.count == 1


async def test_others_than_the_servers_user_are_refused_though_they_may_open_the_socket(
    opened: StatusSocket, action: Action, ask: Any
) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to become another user")
    opened.path.chmod(0o666)
    for folder in (opened.path.parent, *opened.path.parents):
        if folder.stat().st_uid == 0 and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o011)
    asker = (
        "import os, socket, sys; os.setgid(65534); os.setuid(65534)\n"
        "s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
        's.sendall(b\'{"ask": "reload"}\\n\'); print(s.makefile().readline())'
    )
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-S", "-c", asker, str(opened.path)],
        capture_output=True,
        text=True,
        cwd="/",
    )
    assert "only the server's own user and root" in done.stdout, done.stderr
    assert action.count == 0


async def test_where_the_system_tells_no_user_the_socket_must_be_private(
    opened: StatusSocket, action: Action, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(socket, "SO_PEERCRED", raising=False)
    assert await ask(opened.path, "reload") == {"count": 1}
    opened.path.chmod(0o660)
    assert "refused" in await ask(opened.path, "reload")
    assert action.count == 1


async def test_a_server_without_a_file_says_so(server: Any, ask: Any) -> None:
    path = await server.open_status_socket()
    [cause] = (await ask(path, "reload"))["refused"]
    assert "await server.apply(settings)" in cause


async def test_a_program_says_itself_what_a_reload_does(server: Any, ask: Any) -> None:
    async def on_reload() -> Applied:
        applied: Applied = await server.set_path("cam/*", {"grace_s": 3.0})
        return applied

    path = await server.open_status_socket(on_reload=on_reload)
    [change] = (await ask(path, "reload"))["changes"]
    assert (change["key"], change["applies"]) == ('paths."cam/*".grace_s', "now")


async def test_who_asks_while_the_socket_moves_is_answered(
    opened: StatusSocket, action: Action, ask: Any, tmp_path: Path
) -> None:
    action.free.clear()
    asking = asyncio.create_task(ask(opened.path, "reload"))
    await wait_for(lambda: action.count)
    opened.move(tmp_path / "moved.sock")
    action.free.set()
    assert await asking == {"count": 1}
    assert await ask(tmp_path / "moved.sock", "reload") == {"count": 2}
    assert not (tmp_path / "s.sock").exists()
