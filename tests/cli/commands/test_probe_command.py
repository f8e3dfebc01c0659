"""`headwater probe` as a person or a script runs it."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from forked_command import ForkedCommand

from headwater.config.advice import COMMAND_VARIABLES
from headwater.testing.fake_camera import AsyncFakeCamera, CameraSettings, Credentials

DEADLINE_S = 30.0
SECRET = "op@n:sesame"


Run = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
def run(forked: ForkedCommand) -> Run:
    """The exit code of `headwater probe`, its output, and what it says besides."""

    async def probe(
        *arguments: str, environment: dict[str, str] | None = None
    ) -> tuple[int, str, str]:
        return await asyncio.to_thread(
            forked.run_whole,
            *("probe", "--duration", "1", *arguments),
            environment={**os.environ, **(environment or {})},
        )

    return probe


def locked(camera: AsyncFakeCamera, password: str = SECRET) -> str:
    return f"rtsp://ann:{password}@{camera.address}/stream"


async def test_a_table_for_people(run: Run) -> None:
    async with AsyncFakeCamera() as camera:
        code, out, err = await run(camera.url)
    assert (code, err) == (0, "")
    assert "FakeCamera/1.0" in out
    assert "udp (udp works, tcp works)" in out
    assert "H264 Baseline 1.3" in out
    assert "320x240 25/s" in out
    assert "nothing to warn of" in out


async def test_json_without_the_password_of_a_url_from_a_file(run: Run, tmp_path: Path) -> None:
    settings = CameraSettings(credentials=Credentials("ann", SECRET))
    async with AsyncFakeCamera(settings=settings) as camera:
        file = tmp_path / "url"
        file.write_text(locked(camera))
        code, out, err = await run(f"@{file}", "--json", "--transport", "TCP")
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert (told["url"], told["transports"]) == (camera.url, {"tcp": "works"})
    assert told["tracks"][0]["width"] == 320
    assert "sesame" not in out


async def test_exit_codes(run: Run) -> None:
    settings = CameraSettings(credentials=Credentials("ann", SECRET))
    async with AsyncFakeCamera(settings=settings) as camera:
        code, _, err = await run(environment={"HEADWATER_PROBE_URL": locked(camera, "wrong/p@ss")})
        assert code == 3
        assert "wrong/p@ss" not in err
        assert "the user name or the password is wrong" in err
        url = camera.url
    code, _, err = await run(url)
    assert code == 1
    assert "Connection refused" in err
    code, _, err = await run("http://ann:s3cret@host/")
    assert code == 2
    assert "s3cret" not in err
    assert (await run("@/no/such/file"))[0] == 2


async def test_strict_counts_warnings(run: Run) -> None:
    async with AsyncFakeCamera() as camera:
        camera.clock.offset_s = 3600
        code, out, _ = await run(camera.url, "--strict", "--transport", "tcp")
        assert code == 4
        assert "ahead of this machine's" in out
        assert (await run(camera.url, "--transport", "tcp"))[0] == 0


async def test_a_terminal_sees_how_far_it_is() -> None:
    ours, theirs = pty.openpty()
    async with AsyncFakeCamera() as camera:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "headwater", "probe", camera.url, "--duration", "1", "--json"),
            stdout=asyncio.subprocess.PIPE,
            stderr=theirs,
        )
        os.close(theirs)
        async with asyncio.timeout(DEADLINE_S):
            out, _ = await process.communicate()
    said = os.read(ours, 65_536).decode()
    os.close(ours)
    assert process.returncode == 0
    assert json.loads(out)["transport"] == "udp"
    assert " packets " in said
    assert said.endswith("\r\x1b[K")


def test_its_variable_is_no_unknown_key() -> None:
    assert "HEADWATER_PROBE_URL" in COMMAND_VARIABLES


@pytest.mark.parametrize("option", ["--strict", "--duration", "--transport"])
async def test_help_says_what_the_exit_codes_mean(run: Run, option: str) -> None:
    code, out, _ = await run("--help", environment={"COLUMNS": "120", "TERM": "dumb"})
    assert code == 0
    assert option in out
    assert "Exit code 3" in out
