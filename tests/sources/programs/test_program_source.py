"""Programs of the owner's and processes of our own publish into mounts: real ones, that die."""

from __future__ import annotations

import asyncio
import functools
import http.server
import itertools
import logging
import os
import shlex
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ffmpeg_player import command
from inside import inside
from logged import events
from rtsp_peer import RtspPeer
from server_rig import LoopClock, ServerFactory

from headwater import EndKind, RtspServer
from headwater.sources.candidate import Candidate

DEADLINE_S = 30.0
SECRET = "open sesame"
ENCODED = (
    "ffmpeg -nostdin -loglevel warning -re -f lavfi -i testsrc=size=160x120:rate=25 "
    "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 25 -f rtsp"
)


async def holds(condition: Any) -> None:
    """Wait until something is true that no event tells."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)


def candidate_of(server: RtspServer, path: str) -> Candidate:
    """The first source of a path."""
    table = inside(server).running.sources
    return next(one for one in table if one.path == path).candidates[0]


async def come(server: RtspServer, path: str, count: int = 30) -> list[bytes]:
    """The next packets on a mount."""
    await server.wait_for_mount(path, DEADLINE_S)
    packets: list[bytes] = []
    async with asyncio.timeout(DEADLINE_S), server.read(path) as reader:
        async for track, batch in reader:
            packets += batch.packets if track == 0 else []
            if len(packets) >= count:
                break
    return packets


def processes_with(word: str) -> list[int]:
    """The processes that have a word among their arguments."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if word.encode() in (folder / "cmdline").read_bytes():
                    found.append(int(folder.name))
            except OSError:
                continue
    return found


def python(program: str, *arguments: str) -> str:
    """A source that runs a program of Python."""
    return "command:" + shlex.join([sys.executable, "-c", program, *arguments])


@pytest.fixture
def marker() -> str:
    """A word that no other process has among its arguments."""
    return f"marker-{os.getpid()}-{os.urandom(4).hex()}"


@pytest.mark.parametrize("transport", ["", "-rtsp_transport tcp", "-rtsp_transport udp"])
async def test_a_program_publishes_to_the_url_that_it_is_given(
    start_server: ServerFactory, transport: str
) -> None:
    command("ffmpeg")
    source = f"command:{ENCODED} {transport} $HEADWATER_PUBLISH_URL"
    server = await start_server(paths={"cam": {"source": source}})
    packets = await come(server, "/cam")
    numbers = [struct.unpack_from(">H", packet, 2)[0] for packet in packets]
    assert numbers == [(numbers[0] + count) & 0xFFFF for count in range(len(numbers))]
    (session,) = (one for one in server.sessions.values() if one.role == "publish")
    assert session.user_agent.startswith("Lavf")
    assert session.transport == ("tcp" if "tcp" in transport else "udp")
    assert session.kind is EndKind.CAMERA
    await server.stop()


async def test_a_program_that_is_killed_costs_its_path_alone(
    start_server: ServerFactory, clip: Path, marker: str
) -> None:
    doomed = copied(clip, marker)
    server = await start_server(
        paths={
            "one": {"source": f"file:{doomed}"},
            "two": {"source": f"file:{clip}"},
        }
    )
    await come(server, "/one")
    await come(server, "/two")
    before = server.mounts["/two"].publisher
    assert before is not None
    one, two = candidate_of(server, "/one"), candidate_of(server, "/two")
    assert server.sessions[before.id].kind is EndKind.FILE
    async with server.read("/one") as reader:
        [sender] = [
            pid for pid in processes_with("headwater.libav.remux.sender") if reads(pid, doomed)
        ]
        os.kill(sender, signal.SIGKILL)
        await holds(lambda: one.failures == 1)
        assert "its program ended by signal 9" in one.last_error
        # The readers stayed for the grace: they go on where they were.
        await holds(lambda: one.tries == 2 and one.began_s is not None)
        assert reader.end_reason is None
    await come(server, "/one")
    assert (two.failures, two.tries) == (0, 1)
    after = server.mounts["/two"].publisher
    assert after is not None
    assert after.id == before.id


def copied(clip: Path, name: str) -> Path:
    """The same film under another name."""
    other = clip.with_name(f"{name}.mp4")
    other.write_bytes(clip.read_bytes())
    return other


def reads(pid: int, file: Path) -> bool:
    """Whether a process has a file open."""
    try:
        return any(link.readlink() == file for link in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


async def test_a_file_goes_round_without_encoding(start_server: ServerFactory, clip: Path) -> None:
    server = await start_server(paths={"film": {"source": f"file:{clip}"}})
    await server.wait_for_mount("/film", DEADLINE_S)
    encodings = [track.encoding for track in server.mounts["/film"].tracks]
    assert encodings == ["H264", "MPEG4-GENERIC"]
    # The clip has two seconds: a third begins it again, on one time line.
    packets: list[bytes] = []
    async with asyncio.timeout(DEADLINE_S), server.read("/film", tracks=[0]) as reader:
        async for _, batch in reader:
            packets += batch.packets
            stamps = [struct.unpack_from(">I", packet, 4)[0] for packet in packets]
            if (stamps[-1] - stamps[0]) & 0xFFFFFFFF > 2.5 * 90_000:
                break
    steps = [(after - before) & 0xFFFFFFFF for before, after in itertools.pairwise(stamps)]
    assert max(steps) < 9000
    assert candidate_of(server, "/film").failures == 0


async def test_a_file_that_a_reader_asks_for(start_server: ServerFactory, clip: Path) -> None:
    copied(clip, "a film")
    server = await start_server(paths={"films/*": {"source": f"file:{clip.parent}/{{1}}.mp4"}})
    peer = await RtspPeer.connect(server.play_port)
    url = server.play_url("/films/a film")
    answer = await peer.ask("DESCRIBE", url, {"Accept": "application/sdp"})
    assert (answer.status, b"H264" in answer.body) == (200, True)


@pytest.fixture
def playlist(clip: Path, tmp_path: Path) -> Iterator[str]:
    """The URL of a playlist of HLS, on a web server."""
    subprocess.run(
        [
            *(command("ffmpeg"), "-loglevel", "error", "-stream_loop", "5", "-i", str(clip)),
            *("-c", "copy", "-f", "hls", "-hls_time", "1", "-hls_list_size", "0"),
            str(tmp_path / "list.m3u8"),
        ],
        check=True,
    )
    handler = functools.partial(Silent, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{web.server_port}/list.m3u8?token=hidden"
        web.shutdown()


class Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


async def test_what_else_pyav_opens(start_server: ServerFactory, playlist: str) -> None:
    server = await start_server(paths={"live": {"source": playlist}})
    assert len(await come(server, "/live")) >= 30
    assert server.mounts["/live"].tracks[0].encoding == "H264"


async def test_nothing_that_a_program_started_is_left(
    start_server: ServerFactory, marker: str
) -> None:
    program = (
        "import subprocess, sys, time\n"
        "child = [sys.executable, '-c', 'import time; time.sleep(600)', sys.argv[1]]\n"
        "subprocess.Popen(child)\n"
        "time.sleep(600)\n"
    )
    server = await start_server(paths={"cam": {"source": python(program, marker)}})
    await holds(lambda: len(processes_with(marker)) == 2)
    await server.remove_path("cam")
    await holds(lambda: processes_with(marker) == [])


async def test_children_of_a_program_that_dies_end_too(
    start_server: ServerFactory, marker: str
) -> None:
    program = (
        "import subprocess, sys\n"
        "child = [sys.executable, '-c', 'import time; time.sleep(600)', sys.argv[1]]\n"
        "subprocess.Popen(child)\n"
    )
    server = await start_server(paths={"cam": {"source": python(program, marker)}})
    await holds(lambda: candidate_of(server, "/cam").failures == 1)
    await holds(lambda: processes_with(marker) == [])
    assert "exit code 0" in candidate_of(server, "/cam").last_error


@pytest.mark.parametrize("written", ["'${CAMERA_PASSWORD}'", "$CAMERA_PASSWORD"])
async def test_the_last_that_a_program_said_is_told_without_secrets(
    start_server: ServerFactory,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    written: str,
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("CAMERA_PASSWORD", SECRET)
    program = (
        "import sys, os\n"
        "print('no such codec')\n"
        "print('x' * 100_000)\n"
        "print('failed to open rtsp://ann:' + sys.argv[1] + '@camera/1')\n"
        "print('with', sys.argv[1], 'for', os.environ['HEADWATER_PATH'], file=sys.stderr)\n"
        "sys.exit(3)\n"
    )
    source = f"{python(program)} {written}"
    server = await start_server(paths={"a/cam": {"source": source}})
    await holds(lambda: candidate_of(server, "/a/cam").failures == 1)
    candidate = candidate_of(server, "/a/cam")
    assert candidate.last_error == "its program ended with exit code 3: with … for /a/cam"
    lines = [vars(one)["line"] for one in caplog.records if "line" in vars(one)]
    assert lines[-2:] == ["failed to open rtsp://…@camera/1", "with … for /a/cam"]
    assert "a source's program said" in events(caplog.records)
    assert SECRET not in caplog.text + candidate.name + candidate.last_error


async def test_a_reader_cannot_have_a_secret_put_in_by_the_path_it_asks_for(
    start_server: ServerFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAMERA_PASSWORD", SECRET)
    program = "import sys; print(sys.argv[1]); sys.exit(3)"
    source = f"{python(program)} $HEADWATER_PATH"
    server = await start_server(paths={"shown/*": {"source": source}})
    path = "/shown/${CAMERA_PASSWORD}$CAMERA_PASSWORD"
    with pytest.raises(TimeoutError):
        await server.wait_for_mount(path, 0.01)
    await holds(lambda: candidate_of(server, path).failures == 1)
    assert candidate_of(server, path).last_error.endswith(f": {path}")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("command:/no/such/program --x", "/no/such/program: No such file or directory"),
        ("command:cat ${NO_SUCH_VARIABLE}", "there is no variable NO_SUCH_VARIABLE"),
        ("file:/no/such/film.mp4", "cannot read /no/such/film.mp4: No such file or directory"),
        ("http://127.0.0.1:9/x.m3u8?token=hidden", "Connection refused"),
    ],
)
async def test_what_cannot_be_opened_says_why(
    start_server: ServerFactory, source: str, words: str
) -> None:
    server = await start_server(paths={"cam": {"source": source}})
    await holds(lambda: candidate_of(server, "/cam").failures == 1)
    error = candidate_of(server, "/cam").last_error
    assert words in error
    assert "hidden" not in error


async def test_a_program_that_publishes_nothing_is_ended(
    start_server: ServerFactory, clock: LoopClock, marker: str
) -> None:
    program = "import time; time.sleep(600)"
    server = await start_server(paths={"cam": {"source": python(program, marker)}})
    await holds(lambda: len(processes_with(marker)) == 1)
    await asyncio.sleep(0)
    clock.advance(31)
    await holds(lambda: candidate_of(server, "/cam").failures == 1)
    assert candidate_of(server, "/cam").last_error == "it has not published within 30 s"
    await holds(lambda: processes_with(marker) == [])


async def test_a_program_runs_only_while_somebody_reads(
    start_server: ServerFactory, clock: LoopClock, clip: Path, marker: str
) -> None:
    film = copied(clip, marker)
    server = await start_server(paths={"film": {"source": f"file:{film}", "on_demand": True}})
    assert server.mounts == {}
    peer = await RtspPeer.connect(server.play_port)
    url = server.play_url("/film")
    assert (await peer.ask("DESCRIBE", url, {"Accept": "application/sdp"})).status == 200
    await peer.close()
    assert list(server.mounts) == ["/film"]
    clock.advance(16)
    await holds(lambda: server.mounts == {})
    await holds(lambda: not any(reads(pid, film) for pid in processes_with("remux.sender")))


@pytest.mark.parametrize(
    ("pattern", "source", "words"),
    [
        ("cam", "command:", "there is no command behind command:"),
        ("cam", "command:sh -c 'x", "a quote of the command is not closed"),
        ("cam/*", "command:cat {1}", "has a capture; .*HEADWATER_PATH"),
        ("cam", "gopher://host/", "gopher: is not a source that is known"),
    ],
)
def test_what_can_never_be_is_refused(pattern: str, source: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        RtspServer(paths={pattern: {"source": source}})
