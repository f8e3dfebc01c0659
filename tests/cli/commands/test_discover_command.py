"""`headwater discover` as a person or a script runs it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pty
import re
import sys
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from command_here import command_here

from headwater.config.advice import COMMAND_VARIABLES
from headwater.testing.onvif_device import Oddities, OnvifDevice

DEADLINE_S = 30.0
PASSWORD = "open sesame"
WITH_PASSWORD = {"HEADWATER_DISCOVER_USER": "admin", "HEADWATER_DISCOVER_PASSWORD": PASSWORD}


async def run(*arguments: str, environment: dict[str, str] | None = None) -> tuple[int, str, str]:
    """The exit code of `headwater discover`, its output, and what it says besides."""
    done = await asyncio.to_thread(command_here, "discover", *arguments, environment=environment)
    return done.returncode, done.stdout, done.stderr


@contextlib.asynccontextmanager
async def started(*arguments: str, stdin: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """A `headwater discover` process without a controlling terminal, ended with its block."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "headwater", "discover", *arguments),
        stdin=stdin,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(DEADLINE_S):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def whole_request(reader: asyncio.StreamReader) -> None:
    """Read a request to its end: who closes with bytes unread resets, and takes its answer back."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *([0-9]+)", head)
    await reader.readexactly(int(length[1]) if length else 0)


def locked(odd: Oddities | None = None) -> OnvifDevice:
    return OnvifDevice(user="admin", password=PASSWORD, odd=odd)


async def test_a_table_and_sections_for_the_configuration_file() -> None:
    async with locked() as device:
        code, out, err = await run(device.service_url, environment=WITH_PASSWORD)
    assert (code, err) == (0, "")
    table, mark, lines = out.partition("# CAMERA_PASSWORD")
    for word in ("127.0.0.1", "Mock & Sons M<1>", "mainStream", "H265 2560x1440 25/s", "rtsp://"):
        assert word in table
    paths = tomllib.loads(mark + lines)["paths"]
    source = "rtsp://admin:${CAMERA_PASSWORD}@127.0.0.1:554/Streaming/Channels/102"
    assert list(paths) == ["m-1/mainstream", "m-1/substream"]
    assert paths["m-1/substream"] == {"source": source}
    assert PASSWORD not in out


async def test_multicast_finds_it_on_the_interface() -> None:
    async with OnvifDevice(host="127.0.0.11", discovery_port=3702) as device:
        code, out, _ = await run("--interface", "127.0.0.1", "--wait-s", "0.6", "--json")
    assert code == 0
    (found,) = [each for each in json.loads(out)["devices"] if each["host"] == device.host]
    assert (found["name"], found["state"]) == ("Garden camera", "told")
    assert [stream["encoding"] for stream in found["streams"]] == ["H265", "H264"]


async def test_without_a_password_it_says_that_one_is_needed() -> None:
    async with locked() as device:
        code, out, err = await run(device.service_url)
    assert code == 0
    assert "asks for a password" in out
    assert "headwater discover --user NAME" in err
    assert "[paths" not in out


@pytest.mark.parametrize("as_json", [[], ["--json"]])
async def test_a_wrong_password_is_refused_and_not_shown(as_json: list[str]) -> None:
    wrong = {**WITH_PASSWORD, "HEADWATER_DISCOVER_PASSWORD": "swordfish"}
    async with locked() as device:
        code, out, err = await run(device.service_url, *as_json, environment=wrong)
    assert code == 0
    assert "password refused" in out
    assert "swordfish" not in out + err


async def test_the_password_comes_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\nsecond line\n")
    async with locked() as device:
        code, out, _ = await run(
            device.service_url, "--user", "admin", "--password-file", str(file), "--json"
        )
    assert code == 0
    assert len(json.loads(out)["devices"][0]["streams"]) == 2


async def test_the_password_is_asked_for_on_a_terminal() -> None:
    ours, theirs = pty.openpty()
    try:
        async with (
            locked() as device,
            started(device.service_url, "-u", "admin", "--json", stdin=theirs) as process,
        ):
            assert process.stderr is not None
            prompt = await process.stderr.readuntil(b": ")
            os.write(ours, f"{PASSWORD}\n".encode())
            out, err = await process.communicate()
    finally:
        os.close(ours)
        os.close(theirs)
    assert prompt == b"Password of admin: "
    assert process.returncode == 0
    assert len(json.loads(out)["devices"][0]["streams"]) == 2
    assert PASSWORD.encode() not in out + err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["http://127.0.0.1:1/onvif/device_service"], 1, "does not answer to ONVIF"),
        (["http:///x"], 2, "is neither a host nor"),
        (["--interface", "no-such-card"], 2, "cannot ask by interface no-such-card"),
        (["--wait-s", "0"], 2, "--wait-s"),
        (["--user", "admin"], 2, "no password for admin"),
        (["--password", "x"], 2, "a password needs --user"),
        (["--user", "a", "--password-file", "/no/such/file"], 2, "/no/such/file: No such file"),
        (["--no-such-option"], 2, "No such option"),
    ],
)
async def test_exit_codes(arguments: list[str], code: int, said: str) -> None:
    ended, out, err = await run(*arguments)
    assert (ended, out) == (code, "")
    assert said in err
    assert "Traceback" not in err


async def test_nothing_found_is_json_too() -> None:
    code, out, err = await run("http://127.0.0.1:1/", "--json")
    assert (code, json.loads(out)) == (1, {"devices": []})
    assert "does not answer" in err


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot here\n", "is no SOAP message"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<a></a>"[:-1], "is no SOAP message"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", ""),
    ],
)
@pytest.mark.parametrize("as_json", [[], ["--json"]])
async def test_a_machine_that_is_no_camera_is_not_found(
    answer: bytes, why: str, as_json: list[str]
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await whole_request(reader)
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        code, out, err = await run(f"127.0.0.1:{port}", *as_json)
    assert code == 1
    assert "does not answer as an ONVIF device does: " in err
    assert why in err
    states = [each["state"] for each in json.loads(out)["devices"]] if as_json else []
    assert states == (["unreadable"] if as_json else [])
    assert as_json or out == ""


def test_the_server_warns_of_no_variable_of_the_command() -> None:
    assert set(WITH_PASSWORD) <= COMMAND_VARIABLES
