"""`headwater publish` as a process, against a real server."""

import signal
import threading
from pathlib import Path
from typing import Any

import pytest

av = pytest.importorskip("av")

PORT = r"publish to +rtsp://[^:]+:(\d+)/NAME\n"


@pytest.fixture
def port(start: Any) -> int:
    server = start("serve", "--host", "127.0.0.1", "--publish-port", "0")
    return int(server.wait_for(PORT)[1])


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_file_goes_round_and_can_be_watched(
    start: Any, port: int, clip: Path, transport: str
) -> None:
    url = f"rtsp://127.0.0.1:{port}/clip"
    publish = start("publish", str(clip), url, "--loop", "--transport", transport)
    pictures = 0
    # Two seconds a round: more than 60 pictures means that it went on past its end.
    with opened_when_there(url) as stream:
        for _ in stream.decode(video=0):
            pictures += 1
            if pictures == 80:
                break
    publish.send(signal.SIGINT)
    assert publish.exit_code() == 0
    assert "h264 160x120 + aac 48000 Hz" in publish.said
    assert publish.said.endswith("stopped\n")


def test_a_file_ends(start: Any, port: int, clip: Path) -> None:
    publish = start("publish", str(clip), f"rtsp://127.0.0.1:{port}/clip")
    assert publish.exit_code() == 0
    assert publish.said.endswith("sent\n")


def test_quiet_says_nothing(start: Any, port: int, clip: Path) -> None:
    publish = start("publish", "--quiet", str(clip), f"rtsp://127.0.0.1:{port}/clip")
    assert publish.exit_code() == 0
    assert publish.said == ""


def test_the_url_may_come_from_the_environment(start: Any, port: int, clip: Path) -> None:
    environment = {"HEADWATER_PUBLISH_URL": f"rtsp://127.0.0.1:{port}/clip"}
    publish = start("publish", str(clip), environment=environment)
    assert publish.exit_code() == 0


@pytest.mark.parametrize(
    ("source", "url", "said"),
    [
        ("/nowhere.mp4", "rtsp://127.0.0.1:1/x", "cannot read /nowhere.mp4: No such file"),
        (__file__, "rtsp://127.0.0.1:1/x", "cannot read"),
        ("CLIP", "rtsp://127.0.0.1:1/x", "publish to rtsp://127.0.0.1:1/x: Connection refused"),
        ("CLIP", "rtsp://u:hunter2@127.0.0.1:1/x", "cannot publish to rtsp://127.0.0.1:1/x: "),
        ("rtsp://u:hunter2@127.0.0.1:1/x", "rtsp://127.0.0.1:1/x", "cannot read rtsp://127.0.0"),
        ("rtsp://127.0.0.1:1/?pw=hunter2", "rtsp://127.0.0.1:1/x", "read rtsp://127.0.0.1:1/?…: C"),
        ("rtsp://none.invalid/", "rtsp://127.0.0.1:1/x", "Failed to resolve hostname none.inv"),
    ],
)
def test_a_failure_names_the_side_that_failed(
    start: Any, clip: Path, source: str, url: str, said: str
) -> None:
    publish = start("publish", str(clip) if source == "CLIP" else source, url)
    assert publish.exit_code() == 1
    assert said in publish.said
    assert "Traceback" not in publish.said
    assert "hunter2" not in publish.said


def opened_when_there(url: str) -> Any:
    """Open a stream that may not be published yet; the last refusal is raised."""
    for _ in range(100):
        try:
            return av.open(url, options={"rtsp_transport": "tcp"}, timeout=20)
        except av.HTTPNotFoundError:
            threading.Event().wait(0.1)
    return av.open(url, options={"rtsp_transport": "tcp"}, timeout=20)
