"""What was taken is given back on every way out: every step of every request fails once.

Each test lets a peer come to one request and makes the first step of its answer raise, then with
another peer the second, and so on until an answer has no further step.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from inside import inside
from own_ports import own_port
from rtsp_peer import SDP, Answer, RtspPeer, TcpPublisher, TcpReader
from step_fault import StepFault
from udp_peer import UdpPair, wait_for

from headwater import MountSettings, RtpSettings, RtspServer, Settings
from headwater.net.kernel_features import probe
from headwater.net.preamble import Preamble
from headwater.net.settings import TlsSettings
from headwater.server.answering import Answering
from headwater.server.connections.listeners import Listeners
from headwater.server.settings import ServerSettings

ServerFactory = Callable[..., Awaitable[RtspServer]]

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="descriptors are counted in /proc"
)

# By the address that the peer comes from.
GROUPS = {"127.0.0.1": "239.77.1.10", "::1": "ff15::4d:110"}
RTP_PORT_START = own_port(700)
ANNOUNCE = {"Content-Type": "application/sdp"}
MOST_STEPS = 2000
OPEN_FILES = Path("/proc/self/fd")


@pytest.fixture
def fault(monkeypatch: pytest.MonkeyPatch) -> StepFault:
    """Armed while the server answers the request that it was prepared for."""
    fault = StepFault()
    answer = Answering.answer

    async def armed_answer(*arguments: Any) -> None:
        with fault.armed():
            await answer(*arguments)

    monkeypatch.setattr(Answering, "answer", armed_answer)
    return fault


def held(server: RtspServer) -> dict[str, object]:
    """Everything that the server holds for peers, and the process for the server."""
    service = inside(server)
    ends, transports = service.relay.ends, service.transports
    loop = asyncio.get_running_loop()
    return {
        "pairs": transports.ports.in_use,
        "egresses": len(transports.egresses),
        "groups": (len(transports.groups), len(transports.groups._taken)),
        "sessions": len(ends),
        "sessions by address": dict(ends._by_address),
        "publishers and readers": dict(ends._by_side),
        "readers gone": ends.readers_gone.is_set(),
        "reservations": len(service.relay.reservations),
        "mounts": {mount.path: len(mount.readers) for mount in service.mounts},
        "fan-outs": [len(track.fan_out) for mount in service.mounts for track in mount.tracks],
        "connections": len(service.connections),
        "connections by address": dict(service.connections._by_address),
        "preambles": len(service.rtsp.listeners._preambles),
        "queued": service.relay.queue_budget.queued.size_bytes,
        "departures": len(service.relay.departures),
        "tasks": len(asyncio.all_tasks()),
        "watched descriptors": len(loop._selector.get_map()),  # type: ignore[attr-defined]
        "descriptors": sum(1 for _ in OPEN_FILES.iterdir()),
    }


async def wait_until_given_back(server: RtspServer, before: dict[str, object], where: str) -> None:
    """Until the server holds what it held; else tell what it kept after a fault at `where`."""
    try:
        await wait_for(lambda: held(server) == before)
    except TimeoutError:
        now = held(server)
        kept = {name: (before[name], now[name]) for name in now if now[name] != before[name]}
        pytest.fail(f"after a fault at {where}: {kept}")


@dataclass
class Visit:
    """One peer's way to the request whose steps fail, with what it offers there."""

    server: RtspServer
    peer: RtspPeer
    transport: str
    pair: UdpPair
    session: str = ""

    async def announce(self) -> Answer:
        return await self._ask("ANNOUNCE", "/new", ANNOUNCE, SDP)

    async def setup_of_publisher(self, track: int = 0) -> Answer:
        offer = self._offer(track, ";mode=record")
        return await self._ask("SETUP", f"/new/streamid={track}", offer)

    async def record(self) -> Answer:
        return await self._ask("RECORD", "/new", {"Range": "npt=0.000-"})

    async def setup_of_reader(self, track: int = 0) -> Answer:
        return await self._ask("SETUP", f"/old/trackID={track}", self._offer(track, ""))

    async def play(self) -> Answer:
        return await self._ask("PLAY", "/old", {})

    async def teardown(self, path: str) -> None:
        try:
            await self._ask("TEARDOWN", path, {})
        except (ConnectionError, asyncio.IncompleteReadError):
            return

    def _offer(self, track: int, mode: str) -> dict[str, str]:
        port = self.pair.port + 2 * track
        match self.transport:
            case "udp" | "udp latching":
                text = f"RTP/AVP;unicast;client_port={port}-{port + 1}"
            case "tcp":
                text = f"RTP/AVP/TCP;unicast;interleaved={2 * track}-{2 * track + 1}"
            case _:
                text = "RTP/AVP;multicast"
        return {"Transport": text + mode}

    async def _ask(
        self, method: str, path: str, headers: dict[str, str], body: bytes = b""
    ) -> Answer:
        session = {"Session": self.session} if self.session else {}
        url = self.server.publish_url(path)
        answer = await self.peer.ask(method, url, headers | session, body)
        if answer.status == 200 and answer.header("Session"):
            self.session = answer.session
        return answer


PUBLISHER = (
    Visit.announce,
    Visit.setup_of_publisher,
    lambda visit: visit.setup_of_publisher(1),
    Visit.record,
)
NEEDS_IPV6 = pytest.mark.skipif(not probe().ipv6, reason="no IPv6 here")
READER = (Visit.setup_of_reader, lambda visit: visit.setup_of_reader(1), Visit.play)


@pytest.mark.parametrize(
    ("transport", "steps", "path", "host"),
    [
        ("udp", PUBLISHER, "/new", "127.0.0.1"),
        ("udp latching", PUBLISHER, "/new", "127.0.0.1"),
        ("tcp", PUBLISHER, "/new", "127.0.0.1"),
        ("udp", READER, "/old", "127.0.0.1"),
        ("tcp", READER, "/old", "127.0.0.1"),
        ("multicast", READER, "/old", "127.0.0.1"),
        # Of IPv6 those that take sockets of their own.
        pytest.param("udp", PUBLISHER, "/new", "::1", marks=NEEDS_IPV6),
        pytest.param("udp", READER, "/old", "::1", marks=NEEDS_IPV6),
        pytest.param("multicast", READER, "/old", "::1", marks=NEEDS_IPV6),
    ],
)
async def test_a_request_that_fails_at_any_step_keeps_nothing(
    start_server: ServerFactory,
    fault: StepFault,
    clock: Any,
    caplog: pytest.LogCaptureFixture,
    host: str,
    transport: str,
    steps: tuple[Callable[[Visit], Awaitable[Answer]], ...],
    path: str,
) -> None:
    caplog.set_level("CRITICAL")
    mounts = MountSettings(
        publisher_idle_timeout_s=0,
        multicast_group=GROUPS[host],
        multicast_port_start=own_port(560),
        multicast_interface="127.0.0.1" if "." in host else "lo",
    )
    rtp = RtpSettings(
        rtp_port_start=RTP_PORT_START, rtp_port_count=100, nat_latching="latching" in transport
    )
    server = await start_server(
        host="",
        settings=Settings(mounts=mounts, rtp=rtp),
        rtp_port_start=None,
        rtp_port_count=None,
    )
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/old"), SDP)
    pair = UdpPair(host)
    before = held(server)
    count = 0
    for at in range(len(steps)):
        for failing in range(1, MOST_STEPS):
            peer = await RtspPeer.connect(server.publish_port, host)
            visit = Visit(server, peer, transport, pair)
            fault.prepare(failing, earlier=at)
            for earlier in steps[:at]:
                assert (await earlier(visit)).status == 200
            try:
                if (await steps[at](visit)).status != 200:
                    # Whatever the first try took is free for the second.
                    assert (await steps[at](visit)).status == 200, fault.failed
                await visit.teardown(path)
            except (ConnectionError, asyncio.IncompleteReadError):
                assert fault.failed, "the server closed without a fault"
                # A reader over UDP may come back on another connection until its time-out.
                clock.advance(31)
            peer.abort()
            await wait_until_given_back(server, before, f"{at}, {failing}: {fault.failed}")
            if fault.failed is None:
                break
            count += 1
    assert count > 100, "the steps were not counted"
    sent = await publisher.send()
    healthy = await TcpReader.start(server.play_port, server.play_url("/old"))
    # The server reports for a publisher that does not: RTCP may come before it.
    while (came := await healthy.peer.frame())[0] == 1:
        pass
    assert came == (0, sent[0])
    # A fault behind an answer fails its connection; that is what it was made for here.
    server.counters.connection_failures = 0


@pytest.mark.parametrize("greeting", ["plain", "PROXY", "TLS"])
async def test_a_connection_that_fails_at_any_step_keeps_nothing(
    start_server: ServerFactory,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    request: pytest.FixtureRequest,
    greeting: str,
) -> None:
    caplog.set_level("CRITICAL")
    fault = StepFault()
    for owner, name in ((Listeners, "_accept"), (Preamble, "_on_readable")):
        monkeypatch.setattr(owner, name, fault.arming(getattr(owner, name)))
    proxies = ("127.0.0.1",) if greeting == "PROXY" else ()
    listen, tls = ServerSettings(proxy_protocol_from=proxies), TlsSettings()
    options: dict[str, Any] = {}
    if greeting == "TLS":
        tls = request.getfixturevalue("certificate")
        options["ssl"] = ssl.create_default_context(cafile=tls.certificate)
    server = await start_server(settings=Settings(server=listen, tls=tls))
    before = held(server)
    count = 0
    for stage in range(1 if greeting == "plain" else 2):
        for failing in range(1, MOST_STEPS):
            fault.prepare(failing, earlier=stage)
            try:
                peer = await RtspPeer.connect(server.publish_port, **options)
                if proxies:
                    await peer.send(b"PROXY TCP4 192.0.2.7 192.0.2.1 4000 554\r\n")
                assert (await peer.ask("OPTIONS", "*")).status == 200
            except (ConnectionError, asyncio.IncompleteReadError):
                assert fault.failed, "the server closed without a fault"
            RtspPeer.forget_all()
            await wait_until_given_back(server, before, f"{stage}, {failing}: {fault.failed}")
            if fault.failed is None:
                break
            count += 1
    assert count > 10, "the steps were not counted"
    server.counters.connection_failures = 0


async def test_a_start_that_fails_at_any_step_keeps_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("CRITICAL")
    fault = StepFault()
    server = RtspServer(publish_port=0, rtp_port_start=RTP_PORT_START)
    loop = asyncio.get_running_loop()

    def watched() -> tuple[int, int]:
        descriptors = sum(1 for _ in OPEN_FILES.iterdir())
        return descriptors, len(loop._selector.get_map())  # type: ignore[attr-defined]

    before = watched()
    failed = 0
    for failing in range(1, MOST_STEPS):
        fault.prepare(failing)
        with contextlib.suppress(RuntimeError, OSError), fault.armed():
            await server.start()
        if fault.failed is None:
            break
        failed += not server.running
        await server.stop()
        assert watched() == before, fault.failed
    assert failed > 100, "the steps were not counted"
    assert server.running
    await server.stop()
    assert watched() == before
