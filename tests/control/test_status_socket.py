"""The status socket: one question, one line, closed; never in the server's way."""

# ruff: noqa: ASYNC240

from __future__ import annotations

import asyncio
import json
import socket
import stat
from pathlib import Path
from typing import Any

import pytest
from exhausted import Exhausted
from inside import inside
from own_ports import own_port
from rtsp_peer import RtspPeer, TcpPublisher, TcpReader
from udp_peer import wait_for

from headwater import RtspServer
from headwater.control import status_socket
from headwater.control.errors import StatusSocketError

try:
    import uvloop
except ImportError:
    LOOPS: list[Any] = [asyncio.SelectorEventLoop]
else:
    LOOPS = [asyncio.SelectorEventLoop, uvloop.new_event_loop]

DEADLINE_S = 10.0


async def test_a_status_is_one_line_and_the_one_that_python_gets(
    server: RtspServer, ask: Any
) -> None:
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    await TcpReader.start(server.play_port, server.play_url("/a"))
    path = await server.open_status_socket()
    answer = await ask(path, "status")
    expected = server.status().to_dict()
    assert answer.keys() == expected.keys()
    for key in ("version", "state", "ports", "counters", "access", "drops", "egress", "sessions"):
        assert answer[key] == expected[key], key
    assert [mount["path"] for mount in answer["mounts"]] == ["/a"]
    assert [reader["state"] for reader in answer["mounts"][0]["readers"]] == ["live"]


async def test_a_health_answer_is_short(server: RtspServer, ask: Any) -> None:
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    answer = await ask(await server.open_status_socket(), "health")
    assert answer.pop("uptime_s") >= 0
    assert answer.pop("version")
    assert answer == {"state": "running", "mounts": 1, "sessions": 1, "connections": 1}


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_it_answers_when_no_descriptor_is_left(
    loop_factory: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """To everybody who asks, and new connections are told why they are not served."""
    arguments = {"host": "127.0.0.1", "publish_port": 0, "rtp_port_start": own_port(0)}

    async def program() -> None:
        async with RtspServer(**arguments) as server:  # type: ignore[arg-type]
            path = await server.open_status_socket()
            loop = asyncio.get_running_loop()
            asking = [socket.socket(socket.AF_UNIX) for _ in range(12)]
            refused = socket.socket()
            with Exhausted():
                for sock in asking[:6]:
                    sock.connect(path)
                refused.connect(("127.0.0.1", server.play_port))
                for sock in (*asking[:6], refused):
                    sock.setblocking(False)
                async with asyncio.timeout(DEADLINE_S):
                    assert (await loop.sock_recv(refused, 4096)).startswith(b"RTSP/1.0 503 ")
                    for sock in asking[:6]:
                        await loop.sock_sendall(sock, b'{"ask": "health"}\n')
                        answer = b""
                        while piece := await loop.sock_recv(sock, 4096):
                            answer += piece
                        assert json.loads(answer)["state"] == "running"
                        sock.close()
            refused.close()
            for sock in asking[6:]:
                sock.close()
            # With descriptors again, it keeps one again.
            status_socket = inside(server).status_socket
            await wait_for(lambda: status_socket._reserve)

    caplog.set_level("DEBUG")
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(program())
    assert "Traceback" not in caplog.text


async def test_hundreds_of_readers_come_whole(server: RtspServer, ask: Any) -> None:
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    for _ in range(200):
        await TcpReader.start(server.play_port, server.play_url("/a"))
    answer = await ask(await server.open_status_socket(), "status")
    (mount,) = answer["mounts"]
    assert len({reader["id"] for reader in mount["readers"]}) == 200
    assert len(answer["sessions"]) == 201


async def test_other_work_goes_on_between_the_steps_of_an_answer(
    server: RtspServer, ask: Any
) -> None:
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    for _ in range(200):
        await TcpReader.start(server.play_port, server.play_url("/a"))
    path = await server.open_status_socket()
    asking = asyncio.create_task(ask(path, "status"))
    turns = 0
    while not asking.done():
        turns += 1
        await asyncio.sleep(0)
    # 200 readers in steps of 64, 201 sessions, 201 connections, and slices of 16 KiB.
    assert turns > 15
    assert len((await asking)["sessions"]) == 201


@pytest.mark.parametrize(
    ("request_bytes", "error"),
    [
        (b'{"ask": "secrets"}\n', "cannot be asked for 'secrets'"),
        (b'{"ask": 1}\n', 'has no "ask"'),
        (b"[]\n", 'has no "ask"'),
        (b"status\n", "no JSON"),
        (b"\xff\xfe\n", "no JSON"),
        (b"x" * 100_000, "no request of one line"),
    ],
)
async def test_what_is_no_question_is_told_so(
    server: RtspServer, raw: Any, request_bytes: bytes, error: str
) -> None:
    answer = json.loads(await raw(await server.open_status_socket(), request_bytes))
    assert error in answer["error"]


async def test_nine_at_once_are_one_too_many(server: RtspServer, ask: Any) -> None:
    path = await server.open_status_socket()
    silent = [await asyncio.open_unix_connection(path) for _ in range(status_socket.MAX_CLIENTS)]
    silent.append(await asyncio.open_unix_connection(path))
    async with asyncio.timeout(DEADLINE_S):
        assert await silent[-1][0].read() == b""
    for _reader, writer in silent:
        writer.close()
        await writer.wait_closed()
    async with asyncio.timeout(DEADLINE_S):
        while True:
            try:
                assert (await ask(path, "health"))["state"] == "running"
                break
            except (AssertionError, OSError):
                await asyncio.sleep(0)


async def test_who_says_nothing_is_closed_at_the_deadline(
    server: RtspServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_socket, "DEADLINE_S", 0.05)
    reader, writer = await asyncio.open_unix_connection(await server.open_status_socket())
    writer.write(b'{"ask"')
    async with asyncio.timeout(DEADLINE_S):
        assert await reader.read() == b""
    writer.close()


async def test_only_the_user_may_ask_and_the_socket_goes_with_the_server(folders: Path) -> None:
    server = RtspServer(host="127.0.0.1", publish_port=0)
    with pytest.raises(RuntimeError, match="not running"):
        await server.open_status_socket()
    async with server:
        folder = folders / "xdg" / "headwater"
        assert not folder.exists()
        path = await server.open_status_socket()
        assert path == str(folder / f"status-{server.publish_port}.sock")
        assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600
        assert await server.open_status_socket() == path
    assert list(folder.iterdir()) == []


async def test_an_open_question_does_not_hold_up_the_stop(server: RtspServer) -> None:
    reader, writer = await asyncio.open_unix_connection(await server.open_status_socket())
    async with asyncio.timeout(DEADLINE_S):
        await server.stop()
        assert await reader.read() == b""
    writer.close()


async def test_what_a_dead_server_left_is_replaced(
    server: RtspServer, ask: Any, tmp_path: Path
) -> None:
    path = tmp_path / "left.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    await server.open_status_socket(str(path))
    assert (await ask(path, "health"))["state"] == "running"


async def test_a_living_server_is_not_pushed_aside(server: RtspServer, ask: Any) -> None:
    path = await server.open_status_socket()
    async with RtspServer(host="127.0.0.1", publish_port=0) as other:
        with pytest.raises(StatusSocketError, match="another server answers at"):
            await other.open_status_socket(path)
    assert (await ask(path, "health"))["state"] == "running"


async def test_another_servers_socket_is_not_removed_at_the_stop(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    async with RtspServer(host="127.0.0.1", publish_port=0) as server:
        await server.open_status_socket(str(path))
        path.rename(tmp_path / "kept")
        path.touch()
    assert path.exists()


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("file", "is there and is no socket"),
        ("gone/a.sock", "No such file or directory"),
        ("x" * 200, "no status socket at"),
    ],
)
async def test_what_cannot_be_opened_is_said(
    server: RtspServer, tmp_path: Path, name: str, cause: str
) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(StatusSocketError, match=cause):
        await server.open_status_socket(str(tmp_path / name))
    assert (tmp_path / "file").read_text() == "mine"


async def test_empty_opens_none(server: RtspServer) -> None:
    assert await server.open_status_socket("") == ""


async def test_a_system_without_unix_sockets_says_so(
    server: RtspServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delattr(socket, "AF_UNIX")
    with pytest.raises(StatusSocketError, match="this system has no unix sockets"):
        await server.open_status_socket(str(tmp_path / "a.sock"))


async def test_it_tells_of_draining_while_readers_go_on(server: RtspServer, ask: Any) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    path = await server.open_status_socket()
    stopping = asyncio.create_task(server.stop(drain_s=60))
    await wait_for(lambda: server.status().state != "running")
    assert (await ask(path, "health"))["state"] == "draining"
    sent = await publisher.send()
    assert await reader.peer.frame() == (0, sent[0])
    assert (await ask(path, "status"))["mounts"][0]["tracks"][0]["packets"] == 1
    RtspPeer.forget_all()
    async with asyncio.timeout(DEADLINE_S):
        await stopping
    assert not Path(path).exists()
