"""Whose packets a UDP ingest takes, by each rule, and where its RTCP goes."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from own_ports import own_port
from udp_peer import UdpPair as Sender

from headwater.net.port_pairs import PortPairPool
from headwater.net.settings import SocketSettings
from headwater.net.socket_address import socket_address
from headwater.protocol.errors import ProtocolError
from headwater.protocol.rtp import cut_run
from headwater.transports.datagram.udp_ingest import TakenPorts, UdpIngest, UdpSource

DEADLINE_S = 10
HOST = "127.0.0.1"
END = b"\x80 the last one"


class ListeningTrack:
    """A track that keeps what it is given, up to the packet that ends a test."""

    def __init__(self) -> None:
        self.rtp: list[bytes] = []
        self.rtcp: list[bytes] = []
        self.changed = asyncio.Event()

    def write(self, packets: list[bytes]) -> None:
        self.rtp += packets
        self.changed.set()

    def write_run(self, run: bytes, segment_bytes: int) -> None:
        self.write(cut_run(run, segment_bytes))

    def write_rtcp(self, packets: list[bytes]) -> None:
        self.rtcp += packets
        self.changed.set()

    async def until_end(self) -> list[bytes]:
        """The RTP packets before the last one."""
        await self.until(lambda: self.rtp[-1:] == [END])
        return self.rtp[:-1]

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


class Owner:
    """Whoever sends, as the ingest sees it."""

    id = "camera"
    peer = "127.0.0.1:554"

    def __init__(self) -> None:
        self.closed: list[str] = []

    def close(self, reason: str) -> None:
        self.closed.append(reason)


class Stage:
    """An ingest on ports of its own."""

    def __init__(self, source: UdpSource, host: str = HOST) -> None:
        self.host = host
        self.ports = PortPairPool(own_port(740), 20)
        self.owner = Owner()
        self.track = ListeningTrack()
        self.pair = self.ports.bind_pair(host)
        loop = asyncio.get_running_loop()
        try:
            self.ingest = UdpIngest(self.owner, self.pair, loop, SocketSettings(), source)
        except ProtocolError:
            self.pair.close()
            raise

    def start(self) -> None:
        self.ingest.start(self.track)  # type: ignore[arg-type]

    def send(self, sock: socket.socket, packet: bytes, *, rtcp: bool = False) -> None:
        port = self.pair.rtcp_port if rtcp else self.pair.rtp_port
        sock.sendto(packet, socket_address(self.host, port))


@pytest.fixture(params=[HOST, "::1"])
async def sender(request: pytest.FixtureRequest) -> AsyncIterator[Sender]:
    try:
        yield Sender(request.param)
    except OSError as error:
        pytest.skip(f"no {request.param} here: {error}")
    finally:
        Sender.close_all()


def source_of(sender: Sender, taken: TakenPorts, *, told: bool = True) -> UdpSource:
    ports = (sender.port, sender.port + 1) if told else None
    return UdpSource(hosts=(sender.host,), ports=ports, taken=taken)


@contextlib.contextmanager
def another_port(host: str) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind((host, 0))
        yield sock


async def test_agreed_ports_alone_are_taken_and_get_the_reports(sender: Sender) -> None:
    stage = Stage(source_of(sender, TakenPorts.AGREED), sender.host)
    with another_port(sender.host) as stranger:
        stage.send(stranger, b"\x80 a stranger's")
        stage.send(sender.rtp, b"\x80 before the start")
        stage.start()
        stage.send(stranger, b"\x80 a stranger's")
        stage.send(sender.rtp, END)
        assert await stage.track.until_end() == [b"\x80 before the start"]
    stage.ingest.send_rtcp(b"report")
    assert await sender.packet(sender.rtcp) == b"report"
    stage.ingest.close()
    assert stage.ports.in_use == 0


async def test_first_port_that_is_heard_is_kept(sender: Sender) -> None:
    stage = Stage(source_of(sender, TakenPorts.FIRST_HEARD, told=False), sender.host)
    stage.start()
    stage.ingest.send_rtcp(b"to nobody known yet")
    with another_port(sender.host) as later:
        stage.send(sender.rtp, b"\x80 first")
        stage.send(sender.rtcp, b"\x80 report", rtcp=True)
        await stage.track.until(lambda: stage.track.rtp and stage.track.rtcp)
        stage.send(later, b"\x80 from elsewhere")
        stage.send(sender.rtp, END)
        assert await stage.track.until_end() == [b"\x80 first"]
    stage.ingest.send_rtcp(b"report")
    assert await sender.packet(sender.rtcp) == b"report"
    # Stopped and started again it still knows the port.
    stage.ingest.stop()
    stage.start()
    stage.send(sender.rtp, b"\x80 again")
    await stage.track.until(lambda: stage.track.rtp[-1] == b"\x80 again")
    stage.ingest.close()
    assert stage.ports.in_use == 0


async def test_any_port_is_taken_also_when_it_changes(sender: Sender) -> None:
    stage = Stage(source_of(sender, TakenPorts.ANY, told=False), sender.host)
    stage.start()
    with another_port(sender.host) as changed, another_port(sender.host) as last:
        for number, sock in enumerate((sender.rtp, changed, last)):
            stage.send(sock, b"\x80 %d" % number)
        stage.send(last, END)
        assert await stage.track.until_end() == [b"\x80 0", b"\x80 1", b"\x80 2"]
        for sock in (changed, sender.rtcp):
            stage.send(sock, b"\x80 report", rtcp=True)
            await stage.track.until(lambda: stage.track.rtcp)
            stage.track.rtcp.clear()
    stage.ingest.send_rtcp(b"report")
    assert await sender.packet(sender.rtcp) == b"report", "it goes to where one came from last"
    stage.ingest.close()


@pytest.mark.parametrize("taken", [TakenPorts.FIRST_HEARD, TakenPorts.ANY])
async def test_other_hosts_are_never_heard(taken: TakenPorts) -> None:
    stage = Stage(UdpSource(hosts=("127.0.0.2", "127.0.0.3"), ports=None, taken=taken), "0.0.0.0")
    stage.host = HOST
    stage.start()
    try:
        with another_port("127.0.0.1") as stranger, another_port("127.0.0.3") as own:
            stage.send(stranger, b"\x80 a stranger's")
            stage.send(own, b"\x80 own")
            stage.send(own, END)
            assert await stage.track.until_end() == [b"\x80 own"]
    except OSError as error:
        pytest.skip(f"no second loopback address here: {error}")
    finally:
        stage.ingest.close()


async def test_nat_is_opened_from_both_ports_towards_ports_that_are_known(sender: Sender) -> None:
    stage = Stage(source_of(sender, TakenPorts.AGREED), sender.host)
    stage.ingest.open_nat()
    rtp, rtcp = await sender.packet(), await sender.packet(sender.rtcp)
    assert (len(rtp), rtp[0]) == (12, 0x80)
    assert rtcp == bytes.fromhex("80c9000100000000"), "an empty receiver report (RFC 3550 §6.4.2)"
    stage.ingest.close()
    unknown = Stage(source_of(sender, TakenPorts.FIRST_HEARD, told=False), sender.host)
    unknown.ingest.open_nat()
    assert sender.nothing_waits()
    unknown.ingest.close()


async def test_track_that_fails_ends_the_owner_alone(sender: Sender) -> None:
    stage = Stage(source_of(sender, TakenPorts.AGREED), sender.host)

    def break_down(packets: list[bytes]) -> None:
        stage.track.changed.set()
        raise RuntimeError("broken")

    stage.track.write = break_down  # type: ignore[method-assign]
    stage.start()
    stage.send(sender.rtp, END)
    await stage.track.until(lambda: stage.owner.closed)
    assert stage.owner.closed == ["ingest failed"]
    stage.ingest.close()


async def test_source_out_of_reach_is_refused_and_the_pair_stays_the_callers() -> None:
    source = UdpSource(hosts=("192.0.2.1",), ports=(5000, 5001), taken=TakenPorts.AGREED)
    with pytest.raises(ProtocolError, match="UDP does not reach") as refused:
        Stage(source)
    assert refused.value.status == 461


@pytest.mark.parametrize(
    ("hosts", "ports"), [((HOST,), None), ((HOST, "127.0.0.2"), (5000, 5001)), ((), (5000, 5001))]
)
def test_agreed_ports_need_one_host_and_its_ports(
    hosts: tuple[str, ...], ports: tuple[int, int] | None
) -> None:
    with pytest.raises(ValueError, match="agreed ports"):
        UdpSource(hosts=hosts, ports=ports, taken=TakenPorts.AGREED)
