"""What the tests that count share: their own modules, and a server with a mount."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from data_plane import DataPlane, MakePlane
from server_rig import certificate, clock, start_server
from web_rig import start_web

from headwater.media.settings import MountSettings
from headwater.net import udp_sender
from headwater.net.datagram_vector import sendmmsg
from headwater.net.kernel_features import probe
from headwater.net.tcp_stream import TcpStream

__all__ = ["certificate", "clock", "start_server", "start_web"]


@pytest.fixture
def data_plane() -> Iterator[MakePlane]:
    """Makes servers with a publisher and readers of both kinds, warmed up."""
    planes: list[DataPlane] = []

    def make(
        *,
        over_tcp: bool = False,
        pulled: bool = False,
        udp_readers: int = 0,
        tcp_readers: int = 0,
        mounts: MountSettings | None = None,
        has_web: bool = False,
        new_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.SelectorEventLoop,
    ) -> DataPlane:
        plane = DataPlane(mounts or MountSettings(), has_web=has_web, new_loop=new_loop)
        planes.append(plane)
        if pulled:
            plane.pull()
        else:
            plane.publish(over_tcp=over_tcp)
        for _ in range(udp_readers):
            plane.play_over_udp()
        for _ in range(tcp_readers):
            plane.play_over_tcp()
        plane.warm_up()
        return plane

    yield make
    for plane in planes:
        plane.close()


@pytest.fixture
def vector_sends(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many destinations each `sendmmsg` of the servers made from now on has served."""
    function = sendmmsg()
    if function is None or not probe().udp_segment:
        pytest.skip("sendmmsg and UDP_SEGMENT are of Linux")
    sends: list[int] = []

    def counted(descriptor: int, messages: int, count: int, flags: int) -> int:
        sent = int(function(descriptor, messages, count, flags))
        sends.append(sent)
        return sent

    monkeypatch.setattr(udp_sender, "sendmmsg", lambda: counted)
    return sends


@pytest.fixture
def direct_sends(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What is sent to readers in a row, a buffer for each send of servers made from now on."""
    sends: list[bytes] = []
    path: Any = TcpStream.send

    def counted(stream: TcpStream) -> Callable[[bytes], int] | None:
        send: Callable[[bytes], int] | None = path.fget(stream)
        if send is None:
            return None

        def noted(data: bytes) -> int:
            sends.append(data)
            return send(data)

        return noted

    monkeypatch.setattr(TcpStream, "send", property(counted))
    return sends
