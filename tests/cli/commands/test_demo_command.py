"""`headwater demo`: the camera is there to be watched, and gone with the server."""

import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from command_here import command_here
from grandchildren import all_end, children_of

from headwater.cli.commands.demo_command import instructions, own_command

av = pytest.importorskip("av")


def first_pictures(url: str, transport: str, count: int) -> list[tuple[int, int]]:
    """Sizes of the first `count` decoded pictures."""
    sizes: list[tuple[int, int]] = []
    with av.open(url, options={"rtsp_transport": transport}, timeout=20) as stream:
        for frame in stream.decode(video=0):
            sizes.append((frame.width, frame.height))
            if len(sizes) == count:
                break
    return sizes


@pytest.mark.parametrize(("camera", "reader"), [("tcp", "udp"), ("udp", "tcp")])
def test_the_camera_can_be_watched(start: Any, camera: str, reader: str) -> None:
    demo = start("demo", "--port", "0", "--path", "camera", "--transport", camera)
    url = demo.wait_for(r"ffplay -rtsp_transport tcp (rtsp://127\.0\.0\.1:\d+/camera)\n")[1]
    assert first_pictures(url, reader, 30) == [(640, 360)] * 30
    with av.open(url, options={"rtsp_transport": reader}, timeout=20) as stream:
        assert {track.codec_context.name for track in stream.streams} == {"h264", "aac"}
    demo.send(signal.SIGINT)
    assert demo.exit_code() == 0
    assert "Traceback" not in demo.said


def test_a_camera_that_ends_is_said(start: Any) -> None:
    demo = start("demo", "--port", "0")
    demo.wait_for("Ctrl-C ends it")
    (camera,) = children_of(demo.pid)
    os.kill(camera, signal.SIGKILL)
    assert demo.exit_code() == 1
    assert "the synthetic camera ended: exit code -9" in demo.said


async def test_the_camera_does_not_outlive_a_demo_that_is_killed(start: Any) -> None:
    demo = start("demo", "--port", "0")
    demo.wait_for("Ctrl-C ends it")
    (camera,) = children_of(demo.pid)
    async with all_end([camera], 20):
        demo.kill()


def test_the_dashboard_and_the_page_come_first_and_show_the_camera(start: Any) -> None:
    demo = start("demo", "--port", "0", "--http-port", "0")
    dashboard = demo.wait_for(r"\A\nThe dashboard of this server:\n\n    (http://\S+/)\n")[1]
    with urlopen(dashboard) as answer:
        assert b"<title>Headwater</title>" in answer.read()
    url = demo.wait_for(r"in a browser:\n\n    (http://127\.0\.0\.1:\d+/demo)\n")[1]
    with urlopen(f"{url}/about") as answer:
        about = json.load(answer)
    assert about["state"] == "live"
    with urlopen(f"{dashboard}v1/mounts") as answer:
        assert [mount["path"] for mount in json.load(answer)["items"]] == ["/demo"]
    assert [track["codec"] for track in about["tracks"]] == ["H264", "AAC"]
    with urlopen(url) as answer:
        assert b"<headwater-player" in answer.read()


def test_a_port_that_is_taken_is_left_to_its_owner(start: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        demo = start("demo", "--port", "0", "--http-port", str(taken))
        found = demo.wait_for(r"http://127\.0\.0\.1:(\d+)/demo\n")[1]
    assert int(found) != taken


def test_the_commands_are_ready_to_paste() -> None:
    text = instructions("rtsp://127.0.0.1:8554/demo", "rtsp://127.0.0.1:8554/mine")
    assert "\n    ffplay -rtsp_transport tcp rtsp://127.0.0.1:8554/demo\n" in text
    assert "\n    headwater publish FILE rtsp://127.0.0.1:8554/mine\n" in text


def test_the_command_is_named_as_another_terminal_finds_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "bin" / "headwater"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr(sys, "argv", [str(program)])
    assert own_command() == str(program)
    monkeypatch.setenv("PATH", f"/usr/bin:{program.parent}")
    assert own_command() == "headwater"
    monkeypatch.setattr(sys, "argv", ["/x/headwater/__main__.py"])
    assert own_command() == f"{sys.executable} -m headwater"


def test_its_status_can_be_asked_for(start: Any, tmp_path: Path) -> None:
    environment = {"XDG_RUNTIME_DIR": str(tmp_path)}
    demo = start("demo", "--port", "0", environment=environment)
    demo.wait_for("headwater status --watch")
    # Other servers of this user may run on this machine.
    port = demo.wait_for(r"rtsp://[^:/]+:(\d+)/")[1]
    asked = command_here("status", "--check", "--port", port, environment=environment)
    assert (asked.returncode, asked.stderr) == (0, "")
    assert "1 mount" in asked.stdout
