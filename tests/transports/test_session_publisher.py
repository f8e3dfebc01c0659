"""A publisher of a session: its ports come back however it ends, and strangers are not heard."""

from __future__ import annotations

import asyncio
import socket

from local_identity import local_identity
from own_ports import own_port

from headwater.net.port_pairs import PortPairPool, UdpPair
from headwater.net.settings import SocketSettings
from headwater.protocol.header.transport import TransportSpec
from headwater.protocol.rtp import cut_run
from headwater.transports.offers.negotiation import Offer
from headwater.transports.offers.offer_answers import UdpAnswers
from headwater.transports.session_media import SessionIdentity
from headwater.transports.session_publisher import SessionPublisher
from headwater.transports.settings import TransportKind


def over_udp(identity: SessionIdentity, ports: PortPairPool) -> SessionPublisher:
    answers = UdpAnswers(identity, asyncio.get_running_loop(), ports, SocketSettings())
    return SessionPublisher(identity, TransportKind.UDP, answers)


class BrokenTrack:
    """A track whose data plane fails."""

    def write(self, packets: list[bytes]) -> None:
        raise RuntimeError("broken")

    def write_run(self, run: bytes, segment_bytes: int) -> None:
        raise RuntimeError("broken")

    def write_rtcp(self, packet: bytes) -> None:
        raise RuntimeError("broken")


async def test_failing_ingest_closes_the_session_and_returns_the_ports() -> None:
    closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    ports = PortPairPool(own_port(600), 20)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as camera:
        camera.bind(("127.0.0.1", 0))
        camera_port = camera.getsockname()[1]
        identity = local_identity(on_close=closed.set_result)
        publisher = over_udp(identity, ports)
        offer = Offer(TransportKind.UDP, TransportSpec(client_port=(camera_port, camera_port + 1)))
        answer = publisher.add_track(0, offer)
        publisher.start([BrokenTrack()])  # type: ignore[list-item]
        assert answer.server_port is not None
        camera.sendto(b"\x80" * 20, ("127.0.0.1", answer.server_port[0]))
        async with asyncio.timeout(10):
            assert await closed == "ingest failed"
    publisher.release()
    assert ports.in_use == 0


class OpenToStrangers(PortPairPool):
    """A pool on whose pairs a stranger's packets wait before anybody can connect them."""

    def bind_pair(self, host: str, *, holder: str = "") -> UdpPair:
        pair = super().bind_pair(host, holder=holder)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for port in (pair.rtp_port, pair.rtcp_port):
                stranger.sendto(b"\x80stranger's", (host, port))
        return pair


class ListeningTrack:
    """A track that keeps what it is given."""

    def __init__(self) -> None:
        self.packets: list[bytes] = []
        self.came = asyncio.Event()

    def write(self, packets: list[bytes]) -> None:
        self.packets += packets
        self.came.set()

    def write_run(self, run: bytes, segment_bytes: int) -> None:
        self.write(cut_run(run, segment_bytes))

    def write_rtcp(self, packet: bytes) -> None:
        self.packets.append(packet)


async def test_what_strangers_sent_before_the_sockets_were_connected_is_forgotten() -> None:
    ports, track = OpenToStrangers(own_port(700), 20), ListeningTrack()
    identity = local_identity()
    publisher = over_udp(identity, ports)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as camera:
        camera.bind(("127.0.0.1", 0))
        port = camera.getsockname()[1]
        offer = Offer(TransportKind.UDP, TransportSpec(client_port=(port, port + 1)))
        answer = publisher.add_track(0, offer)
        assert answer.server_port is not None
        camera.sendto(b"\x80 the camera's", ("127.0.0.1", answer.server_port[0]))
        publisher.start([track])  # type: ignore[list-item]
        async with asyncio.timeout(10):
            await track.came.wait()
    publisher.release()
    assert track.packets == [b"\x80 the camera's"]
    assert ports.in_use == 0
