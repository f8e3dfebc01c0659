"""`ThreadedRtspServer` from code without a loop."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any, get_type_hints

import pytest
from rtsp_peer import SDP_VIDEO

from headwater import HookRequest, RtspServer, ThreadedRtspServer
from headwater.app.threaded_server import ServerArguments


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """Every server's thread ends with it."""
    before = set(threading.enumerate())
    yield
    assert [one for one in set(threading.enumerate()) - before if one.name == "headwater"] == []


def new_server(**arguments: Any) -> ThreadedRtspServer:
    return ThreadedRtspServer(host="127.0.0.1", publish_port=0, **arguments)


def ask(sock: socket.socket, method: str, uri: str, body: bytes = b"", session: str = "") -> bytes:
    head = f"{method} {uri} RTSP/1.0\r\nCSeq: 1\r\nContent-Length: {len(body)}\r\n"
    head += f"Session: {session}\r\n" if session else ""
    head += "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n" if method == "SETUP" else ""
    sock.sendall(f"{head}\r\n".encode() + body)
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += sock.recv(65536)
    return answer


def announced(sock: socket.socket, url: str) -> str:
    """The session of a publisher that has announced a video."""
    answer = ask(sock, "ANNOUNCE", url, SDP_VIDEO)
    return answer.partition(b"Session: ")[2].partition(b";")[0].decode()


def test_it_takes_the_arguments_of_the_server_without_a_thread() -> None:
    taken = get_type_hints(RtspServer.__init__)
    taken.pop("return")
    assert get_type_hints(ServerArguments) == taken


def test_serves_and_shows_itself_to_other_threads() -> None:
    with (
        new_server() as server,
        socket.create_connection(("127.0.0.1", server.publish_port)) as peer,
    ):
        peer.settimeout(10)
        url = server.publish_url("/cam")
        session = announced(peer, url)
        assert ask(peer, "SETUP", f"{url}/streamid=0", session=session).startswith(b"RTSP/1.0 200")
        assert ask(peer, "RECORD", url, session=session).startswith(b"RTSP/1.0 200")
        assert list(server.mounts) == ["/cam"]
        assert server.sessions[session].state == "recording"
        health = server.health()
        assert (health.state, health.mounts, health.sessions) == ("running", 1, 1)
        server.reload_certificates()
        assert server.close_mount("/nobody") is False
        assert server.close_session(session) is True
        assert dict(server.sessions) == {}


def test_hooks_run_on_the_servers_side() -> None:
    seen: list[str] = []

    def check(request: HookRequest) -> bool:
        seen.append(request.path)
        return False

    with new_server(play_hooks={"check_mount": check}) as server:
        with socket.create_connection(("127.0.0.1", server.play_port)) as peer:
            peer.settimeout(10)
            assert ask(peer, "DESCRIBE", server.play_url("/a")).startswith(b"RTSP/1.0 403")
        assert "check_mount" in repr(server.play_hooks)
        assert not server.publish_hooks
    assert seen == ["/a"]


def test_it_starts_and_stops_again_and_again() -> None:
    server = new_server()
    for _ in range(3):
        server.start()
        port = server.play_port
        with pytest.raises(RuntimeError, match="runs already"):
            server.start()
        server.stop()
        server.stop()
        with socket.create_server(("127.0.0.1", port)) as free:
            assert free.getsockname()[1] == port


def test_several_threads_may_stop_it_at_once_and_start_it_again() -> None:
    server = new_server()
    for _ in range(20):
        server.start()
        failures: list[BaseException] = []

        def stop(failures: list[BaseException] = failures) -> None:
            try:
                server.stop()
            except RuntimeError as error:
                failures.append(error)

        threads = [threading.Thread(target=stop) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert not any(thread.is_alive() for thread in threads)
        assert failures == []
        assert not server.running


def test_only_one_of_several_threads_starts_it() -> None:
    server = new_server()
    outcomes: list[str] = []

    def start() -> None:
        try:
            server.start()
            outcomes.append("started")
        except RuntimeError as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    server.stop()
    assert sorted(outcomes) == ["started"] + ["the server runs already; stop it first"] * 3


def test_what_start_raises_comes_through() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = ThreadedRtspServer(host="127.0.0.1", publish_port=port)
        with pytest.raises(OSError, match=str(port)):
            server.start()
    server.start()
    assert server.play_port == port
    server.stop()


def test_stopped_server_says_so() -> None:
    server = new_server()
    with pytest.raises(RuntimeError, match="start it first"):
        assert server.mounts
    with pytest.raises(RuntimeError, match="start it first"):
        server.close_session("x")


def test_calls_from_its_own_thread_are_refused_instead_of_waiting_for_ever() -> None:
    told: list[Exception] = []
    done = threading.Event()

    async def look(mount: object) -> None:
        for call in (lambda: server.mounts, server.stop):
            try:
                call()
            except RuntimeError as error:
                told.append(error)
        done.set()

    server = new_server(publish_hooks={"mount_opened": look})
    with server, socket.create_connection(("127.0.0.1", server.publish_port)) as peer:
        peer.settimeout(10)
        url = server.publish_url("/cam")
        session = announced(peer, url)
        ask(peer, "SETUP", f"{url}/streamid=0", session=session)
        ask(peer, "RECORD", url, session=session)
        assert done.wait(10)
        assert server.running
    assert [str(error) for error in told] == [
        "called from the server's own thread, which would wait for itself"
    ] * 2


def test_a_second_stop_ends_the_drain() -> None:
    with (
        new_server() as server,
        socket.create_connection(("127.0.0.1", server.publish_port)) as peer,
        socket.create_connection(("127.0.0.1", server.play_port)) as reader,
    ):
        for sock in (peer, reader):
            sock.settimeout(10)
        url = server.publish_url("/cam")
        session = announced(peer, url)
        ask(peer, "SETUP", f"{url}/streamid=0", session=session)
        ask(peer, "RECORD", url, session=session)
        assert b" 200 " in ask(reader, "SETUP", f"{url}/trackID=0")
        draining = threading.Thread(target=server.stop, args=(3600,))
        draining.start()
        while server.health().state != "draining":
            pass
        server.stop()
        draining.join(10)
        assert not draining.is_alive()
        assert not server.running
