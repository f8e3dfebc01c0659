"""A server with a status socket, and folders that are a test's own."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from own_ports import own_port
from rtsp_peer import RtspPeer
from short_folder import short_folder
from udp_peer import UdpPair

from headwater import RtspServer
from headwater.control import socket_path

__all__ = ["short_folder"]

DEADLINE_S = 10.0


@pytest.fixture(autouse=True)
def folders(short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where sockets go instead of the machine's own folders: run/, xdg/ and tmp/ below it."""
    for name in ("run", "xdg", "tmp"):
        (short_folder / name).mkdir(mode=0o700)
    monkeypatch.setattr(socket_path, "RUN_FOLDER", short_folder / "run")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short_folder / "xdg"))
    monkeypatch.setattr(tempfile, "tempdir", str(short_folder / "tmp"))
    return short_folder


@pytest.fixture
async def server() -> AsyncIterator[RtspServer]:
    async with RtspServer(
        host="127.0.0.1", publish_port=0, rtp_port_start=own_port(0), rtp_port_count=200
    ) as running:
        yield running
        RtspPeer.forget_all()
        UdpPair.close_all()


async def exchange(path: Path | str, request: bytes) -> bytes:
    """What comes back for some bytes, to the end."""
    async with asyncio.timeout(DEADLINE_S):
        reader, writer = await asyncio.open_unix_connection(str(path))
        try:
            writer.write(request)
            return await reader.read()
        finally:
            writer.close()


@pytest.fixture
def ask() -> Any:
    """Ask a status socket; the answer as a dict."""

    async def ask_for(path: Path | str, question: str) -> dict[str, Any]:
        text = await exchange(path, json.dumps({"ask": question}).encode() + b"\n")
        assert text.count(b"\n") == 1
        assert text.endswith(b"\n")
        answer: dict[str, Any] = json.loads(text)
        return answer

    return ask_for


@pytest.fixture
def raw() -> Any:
    """Send bytes to a status socket; what comes back."""
    return exchange
