"""Running servers for tests, each looked over for leaks when its test is done."""

from __future__ import annotations

import asyncio
import math
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from inside import inside
from own_ports import free_port, own_port
from rtsp_peer import RtspPeer
from udp_peer import UdpPair

from headwater import MountSettings, RtspServer, Settings
from headwater.net import steady_loop
from headwater.net.settings import TlsSettings
from headwater.relay import upkeep

RTP_PORT_START = own_port(0)

PATIENT = MountSettings(publisher_idle_timeout_s=0)
"""On a busy machine a test takes its time between two packets."""

ServerFactory = Callable[..., Awaitable[RtspServer]]


async def stop_and_look(server: RtspServer) -> None:
    """Stop a server and hold it to what a stop promises: nothing of it is left."""
    if not server.running:
        return
    service = inside(server)
    await server.stop()
    assert service.transports.ports.in_use == 0
    assert len(service.transports.egresses) == 0
    assert len(service.transports.groups) == 0
    assert len(service.relay.ends) == 0
    assert len(service.mounts) == 0
    assert len(service.relay.reservations) == 0
    assert service.relay.descriptions.size_bytes == 0
    assert service.mounts.cache_budget.held_bytes == 0
    assert len(service.relay.departures) == 0
    assert len(service.connections) == 0
    if service.running.web is not None:
        assert len(service.web.door.connections) == 0
    assert service.relay.queue_budget.queued.size_bytes == 0
    assert service.relay.counters.connection_failures == 0


class LoopClock:
    """The loop's clock, which a test may put forward: every timer of the server goes by it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._time = loop.time
        self._ahead_s = 0.0
        self._stands_at_s: float | None = None
        loop.time = self  # type: ignore[method-assign]

    def __call__(self) -> float:
        if self._stands_at_s is not None:
            return self._stands_at_s
        return self._time() + self._ahead_s

    @contextmanager
    def standing(self) -> Iterator[None]:
        """Let no time pass, however slow the machine is; so nobody may wait for it in there."""
        self._stands_at_s = self()
        try:
            yield
        finally:
            self._ahead_s = self._stands_at_s - self._time()
            self._stands_at_s = None

    def advance(self, seconds: float) -> None:
        """Let time pass; what is due by then comes in the loop's next turns."""
        self._ahead_s += seconds


@pytest.fixture
async def clock() -> LoopClock:
    """The clock of the test's loop."""
    return LoopClock(asyncio.get_running_loop())


@pytest.fixture
async def start_server(
    monkeypatch: pytest.MonkeyPatch, clock: LoopClock
) -> AsyncIterator[ServerFactory]:
    """Starts servers on one free port for both roles, which look at their clocks often."""
    monkeypatch.setattr(upkeep, "_INTERVAL_S", 0.02)
    # Time that a test lets pass counts: it is no standstill of the process.
    monkeypatch.setattr(steady_loop, "_MOST_LATE_S", math.inf)
    running: list[RtspServer] = []
    tasks = asyncio.all_tasks()

    async def start(**arguments: Any) -> RtspServer:
        defaults: dict[str, Any] = {
            "host": "127.0.0.1",
            "publish_port": 0,
            "rtp_port_start": RTP_PORT_START,
            "rtp_port_count": 400,
            "settings": Settings(mounts=PATIENT),
        }
        server = RtspServer(**defaults | arguments)
        await server.start()
        running.append(server)
        return server

    yield start
    RtspPeer.forget_all()
    UdpPair.close_all()
    for server in running:
        await stop_and_look(server)
    assert asyncio.all_tasks() <= tasks | {asyncio.current_task()}


@pytest.fixture
async def server(start_server: ServerFactory) -> RtspServer:
    """One port for both roles, everything else as it comes."""
    return await start_server()


@pytest.fixture
async def two_port_server(start_server: ServerFactory) -> RtspServer:
    """Publishers and readers on ports of their own."""
    return await start_server(play_port=free_port())


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> TlsSettings:
    """A self-signed certificate for localhost, where the openssl command is."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here")
    folder = tmp_path_factory.mktemp("certificate")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        (
            f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {key} "
            f"-out {cert} -days 2 -subj /CN=localhost "
            "-addext subjectAltName=DNS:localhost,IP:127.0.0.1"
        ).split(),
        check=True,
        capture_output=True,
    )
    return TlsSettings(certificate=str(cert), key=str(key))
