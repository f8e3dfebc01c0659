"""Every example does what it says, with a real publisher and a real player."""

import contextlib
import re
import socket
import struct
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from headwater.access.password import read_password
from headwater.config.file import load_settings

av = pytest.importorskip("av")

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def test_embed(run_example: Any, watch: Any) -> None:
    example = run_example("embed.py")
    example.publish(example.publish_url("/stream1"))
    assert watch(example.play_url("/stream1")) == 10
    assert example.stop() == 0


def test_embed_has_a_side_for_each_port(run_example: Any) -> None:
    example = run_example("embed.py")
    assert example.publish(example.play_url("/stream1")).wait(20) == 1
    with pytest.raises(av.FFmpegError):
        av.open(example.publish_url("/stream1"), timeout=20)


def test_hook_authentication(run_example: Any, watch: Any) -> None:
    example = run_example("hook_authentication.py")
    assert example.publish(example.publish_url("/stream1")).wait(20) == 1
    example.publish(example.publish_url("/stream1", user="test:test@"))
    assert watch(example.play_url("/stream1", user="test:test@")) == 10
    with pytest.raises(av.HTTPUnauthorizedError):
        av.open(example.play_url("/stream1", user="test:wrong@"), timeout=20)
    with pytest.raises(av.HTTPUnauthorizedError):
        av.open(example.play_url("/stream1"), timeout=20)
    assert example.stop() == 0


def test_workers(run_code: Any, watch: Any, tmp_path: Path) -> None:
    code = (EXAMPLES / "workers.py").read_text(encoding="utf-8")
    example = run_code(code, place=tmp_path / "workers.py")
    example.publish(example.publish_url("/stream1"))
    assert watch(example.play_url("/stream1")) == 10
    with pytest.raises(av.HTTPForbiddenError):
        av.open(example.play_url("/film1"), options={"rtsp_transport": "tcp"}, timeout=20)
    assert example.stop() == 0
    workers = re.search(r"^the workers are (\d+) (\d+)$", example.said, re.MULTILINE)
    assert workers is not None
    asked = dict(re.findall(r"process (\d+) is asked for (/\w+)", example.said))
    assert asked.keys() <= set(workers.groups())
    assert "/film1" in asked.values()


def test_hook_check_mount(run_example: Any, watch: Any) -> None:
    example = run_example("hook_check_mount.py")
    example.publish(example.publish_url("/test/1"))
    assert watch(example.play_url("/test/1")) == 10
    with pytest.raises(av.HTTPServerError):
        av.open(example.play_url("/test/2"), timeout=20)
    with pytest.raises(av.HTTPForbiddenError):
        av.open(example.play_url("/test/3"), timeout=20)
    assert example.stop() == 0


def test_hook_client_close(run_example: Any, watch: Any) -> None:
    example = run_example("hook_client_close.py")
    example.publish(example.publish_url("/stream1"))
    assert watch(example.play_url("/stream1")) == 10
    assert example.stop() == 0
    assert "a reader has left /stream1\n" in example.said
    assert "nobody watches /stream1 any more\n" in example.said


def test_count_key_frames(run_example: Any, watch: Any) -> None:
    example = run_example("count_key_frames.py")
    example.publish(example.publish_url("/stream1"))
    # The camera has a key frame each second; the second one is in the pictures behind it.
    assert watch(example.publish_url("/stream1"), pictures=60) == 60
    assert example.stop() != 0, "Ctrl-C ends it, as a traceback tells"
    assert "/stream1: key frame 1 on track 0\n" in example.said
    assert "/stream1: key frame 2 on track 0\n" in example.said
    assert "/stream1 is over: " in example.said


def test_replay_rtpdump(run_code: Any, watch: Any, tmp_path: Path) -> None:
    dump, sdp = tmp_path / "camera.rtpdump", tmp_path / "camera.sdp"
    dump.write_bytes(rtpdump(film_as_rtp()))
    sdp.write_text(
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=film\nt=0 0\nm=video 0 RTP/AVP 96\n"
        "a=rtpmap:96 H264/90000\na=fmtp:96 packetization-mode=1\n"
    )
    program = tmp_path / "replay.py"
    code = (EXAMPLES / "replay_rtpdump.py").read_text(encoding="utf-8")
    command = [sys.executable, "-u", str(program), str(dump), str(sdp)]
    example = run_code(code, place=program, command=command)
    # A round has 25 pictures: these are of several, and the decoder meets no gap.
    assert watch(example.publish_url("/replay"), pictures=60) == 60


def film_as_rtp() -> list[bytes]:
    """A film of a second in RTP packets, as libav writes them."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        receiver.bind(("127.0.0.1", 0))
        receiver.setblocking(False)
        url = f"rtp://127.0.0.1:{receiver.getsockname()[1]}"
        packets = []
        with av.open(url, "w", format="rtp") as output:
            video = output.add_stream("libx264", rate=25, options={"bf": "0"})
            video.width, video.height, video.pix_fmt = 160, 120, "yuv420p"
            for number in range(26):
                frame = av.VideoFrame(160, 120, "yuv420p")
                for plane in frame.planes:
                    plane.update(bytes([number * 5]) * plane.buffer_size)
                frame.pts = number
                output.mux(video.encode(frame if number < 25 else None))
                with contextlib.suppress(BlockingIOError):
                    while True:
                        packets.append(receiver.recv(2048))
    return packets


def rtpdump(packets: list[bytes]) -> bytes:
    """The packets as rtptools records them, each 90,000th of their clock a second."""
    first = int.from_bytes(packets[0][4:8])
    records = b"".join(
        struct.pack(
            ">HHI",
            len(packet) + 8,
            len(packet),
            (int.from_bytes(packet[4:8]) - first & 0xFFFFFFFF) // 90,
        )
        + packet
        for packet in packets
    )
    return b"#!rtpplay1.0 127.0.0.1/5000\n" + bytes(16) + records


def test_synchronous(run_example: Any, watch: Any) -> None:
    example = run_example("synchronous.py")
    example.publish(example.publish_url("/stream1"))
    assert watch(example.play_url("/stream1"), pictures=40) == 40
    assert example.stop() == 0
    assert "/stream1: " in example.said
    assert example.said.endswith("stopping\n")


def test_load_balancing(run_example: Any, watch: Any) -> None:
    other = run_example("embed.py")
    other.publish(other.publish_url("/stream1"))
    assert watch(other.play_url("/stream1")) == 10
    example = run_example("load_balancing.py", elsewhere=other.play_port)
    assert watch(example.play_url("/stream1")) == 10
    with pytest.raises(av.HTTPNotFoundError):
        av.open(example.play_url("/stream3"), timeout=20)
    assert example.stop() == 0


def test_glass_to_glass(run_code: Any) -> None:
    server = run_code(
        "import asyncio\nfrom headwater import RtspServer\n"
        "asyncio.run(RtspServer(publish_port=5554).serve_forever())\n"
    )
    command = [sys.executable, str(EXAMPLES / "glass_to_glass.py"), server.publish_url("/clock")]
    said = subprocess.run(command, check=True, timeout=100, stdout=subprocess.PIPE, text=True)
    _, *rows = said.stdout.splitlines()
    assert [row[:27].split("  ")[0] for row in rows] == ["last key frame"] * 2 + ["next packet"] * 2
    figures = [[int(figure) for figure in re.findall(r"(-?\d+) ms", row)] for row in rows]
    # Waited for, old at first, old later: none is negative, as a picture misread would make it.
    assert [len(each) for each in figures] == [3] * 4
    assert min(map(min, figures)) >= 0
    assert server.stop() == 0


def test_cameras_file() -> None:
    settings = load_settings(EXAMPLES / "cameras.toml")
    assert [user.name for user in settings.access.users] == ["camera", "viewer"]
    viewer = settings.access.users[1]
    stored = read_password(viewer.password)
    assert stored.verify("change-me", username="viewer", realm=settings.access.realm)
    raw = tomllib.loads((EXAMPLES / "cameras.toml").read_text(encoding="utf-8"))
    assert list(settings.paths) == list(raw["paths"]) == ["cameras/gate"]


def test_every_example_is_tested() -> None:
    tests = (EXAMPLES.parent / "tests").rglob("test_*.py")
    tested = "\n".join(path.read_text(encoding="utf-8") for path in tests)
    files = [path.name for path in EXAMPLES.iterdir() if path.is_file()]
    assert [name for name in files if name not in tested] == []
