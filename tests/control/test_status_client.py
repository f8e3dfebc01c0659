"""Asking: what comes back, and what is said when nothing does."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from headwater import ThreadedRtspServer
from headwater.control.errors import NotReachableError
from headwater.control.socket_path import automatic_path
from headwater.control.status_client import ask, find_server


@contextmanager
def answering(path: Path, answer: bytes | None) -> Iterator[None]:
    """Somebody who answers one question with these bytes, or not at all."""
    with closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(path))
        listener.listen()
        ended = threading.Event()

        def serve() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.recv(1000)
                if answer is None:
                    ended.wait(20)
                else:
                    peer.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield
        ended.set()
        thread.join(20)


def test_a_real_server_answers() -> None:
    with ThreadedRtspServer(host="127.0.0.1", publish_port=0) as server:
        path = Path(server.open_status_socket())
        assert ask(path, "health")["state"] == "running"
        assert ask(path, "status")["ports"]["publish"] == server.publish_port
        assert find_server() == path
        assert find_server(server.publish_port) == path
        with pytest.raises(NotReachableError, match="no server on port 1 answers"):
            find_server(1)
    with pytest.raises(NotReachableError, match="no server answers; looked in /"):
        find_server()


def test_of_several_one_must_be_chosen() -> None:
    with (
        ThreadedRtspServer(host="127.0.0.1", publish_port=0) as one,
        ThreadedRtspServer(host="127.0.0.1", publish_port=0) as other,
    ):
        path = Path(one.open_status_socket())
        other.open_status_socket()
        with pytest.raises(NotReachableError, match="several servers run") as refused:
            find_server()
        assert str(other.publish_port) in str(refused.value)
        assert "--port" in refused.value.remedy
        assert find_server(one.publish_port) == path


def test_one_that_is_dead_is_passed_over() -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(automatic_path(1)))
    with ThreadedRtspServer(host="127.0.0.1", publish_port=0) as server:
        path = server.open_status_socket()
        assert find_server() == Path(path)


@pytest.mark.parametrize(
    ("answer", "said", "remedy"),
    [
        (b"", "no answer on", "try again"),
        (b"[1]\n", "no answer on", "try again"),
        (b"{half", "no answer on", "try again"),
        (b'{"error": "what?"}\n', "the server does not answer: what\\?", "version"),
    ],
)
def test_an_answer_that_is_none(tmp_path: Path, answer: bytes, said: str, remedy: str) -> None:
    path = tmp_path / "a.sock"
    with answering(path, answer), pytest.raises(NotReachableError, match=said) as refused:
        ask(path, "status")
    assert remedy in refused.value.remedy


def test_silence_ends_at_the_deadline(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    with answering(path, None), pytest.raises(NotReachableError, match="no answer in time"):
        ask(path, "status", timeout_s=0.05)


def test_an_answer_without_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headwater.control.status_client.ANSWER_BYTES", 10)
    path = tmp_path / "a.sock"
    with answering(path, b"x" * 11), pytest.raises(NotReachableError, match="no answer in time"):
        ask(path, "status")


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(NotReachableError, match="no server answers on") as refused:
        ask(tmp_path / "a.sock", "status")
    assert "headwater serve" in refused.value.remedy


def test_a_path_that_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(NotReachableError, match="too long"):
        ask(tmp_path / ("x" * 200), "status")


def test_what_is_not_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_sock: socket.socket, _address: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    with pytest.raises(NotReachableError, match="not allowed to ask on") as refused:
        ask(tmp_path / "a.sock", "status")
    assert "root" in refused.value.remedy


def test_a_system_without_unix_sockets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_UNIX")
    with pytest.raises(NotReachableError, match="this system has no unix sockets"):
        ask(tmp_path / "a.sock", "status")


async def test_it_may_be_asked_from_a_thread_of_the_servers_program() -> None:
    with ThreadedRtspServer(host="127.0.0.1", publish_port=0) as server:
        path = Path(server.open_status_socket())
        answer = await asyncio.to_thread(ask, path, "health")
        assert answer["mounts"] == 0
