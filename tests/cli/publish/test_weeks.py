"""Publishing for weeks: cameras and servers go and come, hang, refuse; processes are watched."""

import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("av")

PORT = r"publish to +rtsp://[^:]+:(\d+)/NAME\n"
PROC = Path("/proc")


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of somebody who takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def serve(start: Any, port: int = 0) -> tuple[Any, int]:
    server = start(
        "serve", "--host", "127.0.0.1", "--publish-port", str(port), "--log-level", "info"
    )
    return server, int(server.wait_for(PORT)[1])


def started(path: str, times: int = 1) -> str:
    """What a server's log says when so many publishers of a path have begun."""
    return rf"(?:(?:^|\n)[^\n]*publisher[^\n]*started[^\n]*{path}(?:.|\n)*?){{{times}}}"


def children(pid: int) -> list[int]:
    return [int(text) for text in (PROC / f"{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("side", ["source", "server"])
def test_the_first_signal_ends_it_while_a_peer_is_silent(
    start_program: Any, silent: str, clip: Path, side: str, number: signal.Signals
) -> None:
    urls = (f"rtsp://{silent}/a", "rtsp://127.0.0.1:1/b")
    publish = start_program("publish", *(urls if side == "source" else (str(clip), urls[0])))
    wait_for_the_sender(publish)
    publish.send(number)
    # Within the deadline of the test's own waiting, far below libav's time-outs together.
    assert publish.exit_code() == 0
    assert publish.said == "stopped\n"


def test_no_password_is_in_the_list_of_processes(start_program: Any, silent: str) -> None:
    publish = start_program(
        "publish", f"rtsp://u:hunter2@{silent}/a", "rtsp://v:hunter2@127.0.0.1:1/b"
    )
    (sender,) = wait_for_the_sender(publish)
    for pid in (publish.pid, sender):
        for file in ("cmdline", "environ"):
            assert b"hunter2" not in (PROC / str(pid) / file).read_bytes()


def test_urls_come_from_files_and_the_environment(
    start_program: Any, silent: str, tmp_path: Path
) -> None:
    file = tmp_path / "camera.url"
    file.write_text(f"rtsp://u:hunter2@{silent}/a\n")
    environment = {
        "HEADWATER_PUBLISH_INPUT": f"@{file}",
        "HEADWATER_PUBLISH_URL": "rtsp://v:hunter2@127.0.0.1:1/b",
    }
    publish = start_program("publish", environment=environment)
    (sender,) = wait_for_the_sender(publish)
    assert b"hunter2" not in (PROC / str(sender) / "environ").read_bytes()
    publish.send(signal.SIGINT)
    assert publish.exit_code() == 0


def test_who_watches_and_is_killed_leaves_nobody_who_sends(start_program: Any, silent: str) -> None:
    publish = start_program("publish", f"rtsp://{silent}/a", "rtsp://127.0.0.1:1/b")
    (sender,) = wait_for_the_sender(publish)
    publish.kill()
    subprocess.run(["tail", f"--pid={sender}", "-f", "/dev/null"], timeout=30, check=True)


def test_a_taken_path_is_said_in_words(start: Any, clip: Path) -> None:
    server, port = serve(start)
    url = f"rtsp://127.0.0.1:{port}/clip"
    start("publish", str(clip), url, "--loop")
    server.wait_for(started("/clip"))
    second = start("publish", str(clip), url, "--loop")
    assert second.exit_code() == 1
    assert (
        f"headwater: cannot publish to {url}: it answered ANNOUNCE with 503 Service Unavailable: "
        "the path has a publisher already, or a limit of the server is reached"
    ) in second.said


def test_a_server_that_comes_back_is_published_to_again(start: Any, clip: Path) -> None:
    server, port = serve(start)
    url = f"rtsp://127.0.0.1:{port}/clip"
    publish = start("publish", str(clip), url, "--loop")
    server.wait_for(started("/clip"))
    server.send(signal.SIGTERM)
    assert server.exit_code() == 0
    publish.wait_for(rf"headwater: .*\({re.escape(url)}\); trying again\n")
    server, _ = serve(start, port)
    server.wait_for(started("/clip"))
    publish.send(signal.SIGINT)
    assert publish.exit_code() == 0


def test_a_camera_that_comes_back_is_fetched_from_again(start: Any, clip: Path) -> None:
    camera, camera_port = serve(start)
    start("publish", str(clip), f"rtsp://127.0.0.1:{camera_port}/clip", "--loop")
    camera.wait_for(started("/clip"))
    server, port = serve(start)
    source = f"rtsp://127.0.0.1:{camera_port}/clip"
    relay = start("publish", source, f"rtsp://127.0.0.1:{port}/relayed")
    server.wait_for(started("/relayed"))
    camera.kill()
    relay.wait_for(rf"headwater: .*{re.escape(source)}.*; trying again\n")
    camera, _ = serve(start, camera_port)
    server.wait_for(started("/relayed", times=2))
    relay.send(signal.SIGTERM)
    assert relay.exit_code() == 0


def test_a_file_whose_server_goes_is_not_begun_again(start: Any, clip: Path) -> None:
    server, port = serve(start)
    publish = start("publish", str(clip), f"rtsp://127.0.0.1:{port}/clip")
    server.wait_for(started("/clip"))
    server.kill()
    assert publish.exit_code() == 1
    assert "trying again" not in publish.said


def wait_for_the_sender(publish: Any) -> list[int]:
    """The process that sends, once the one that watches has started it."""
    for _ in range(3000):
        command = (PROC / str(publish.pid) / "cmdline").read_bytes()
        if b"headwater.cli.publish" in command and (found := children(publish.pid)):
            sender = (PROC / str(found[0]) / "cmdline").read_bytes()
            if b"headwater.libav.remux.sender" in sender:
                return found
        subprocess.run(["sleep", "0.01"], check=True)
    raise AssertionError(publish.said)
