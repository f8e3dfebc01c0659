"""A server's and a client's transports in one process, joined by real sockets on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from own_ports import own_port
from stream_ends import tcp_pair

from headwater.media.mount import Mount
from headwater.media.mount_table import MountTable
from headwater.media.settings import MountSettings
from headwater.media.tracks.fan_out import Outlet
from headwater.media.tracks.packet_batch import PacketBatch
from headwater.net.settings import SocketSettings
from headwater.net.tcp_stream import TcpStream
from headwater.protocol.errors import ProtocolError
from headwater.protocol.message import Request, Response
from headwater.protocol.sdp import SessionDescription
from headwater.protocol.wire_limits import WireLimits
from headwater.transports.ingest_publisher import IngestPublisher
from headwater.transports.queue_budget import QueueBudget
from headwater.transports.session_media import SessionIdentity
from headwater.transports.session_reader import SessionReader
from headwater.transports.settings import RtpSettings, TransportKind
from headwater.transports.transport_factory import TransportFactory
from headwater.transports.wire_connection import WireConnection

DEADLINE_S = 10
SDP = b"v=0\r\ns=-\r\nm=audio 0 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
GROUP, GROUP_PORT = "239.77.1.30", own_port(490)
MOUNT_SETTINGS = MountSettings(
    multicast_group=GROUP, multicast_port_start=GROUP_PORT, multicast_interface="127.0.0.1"
)
SERVER_PORTS, CLIENT_PORTS = own_port(400), own_port(440)


class Wire(WireConnection):
    """A connection on which nobody says anything, so that media has it to itself."""

    def __init__(self) -> None:
        super().__init__(WireLimits(), asyncio.get_running_loop().time)
        self.gone = asyncio.Event()
        self.unknown_frames = 0

    async def _deal_with(self, message: Request | Response | ProtocolError) -> None:
        raise AssertionError(f"nobody sent {message}")

    def _work_failed(self, error: Exception) -> None:
        raise error

    def _lost(self, error: Exception | None) -> None:
        self.gone.set()

    def _unknown_channel(self, packet_count: int) -> None:
        self.unknown_frames += packet_count

    def stream_drained(self) -> None:
        pass


class Kept(Outlet):
    """Keeps what a track fans out."""

    def __init__(self) -> None:
        self.rtp: list[bytes] = []
        self.rtcp: list[bytes] = []
        self.changed = asyncio.Event()

    def send_batch(self, batch: PacketBatch) -> None:
        self.rtp += batch.packets
        self.changed.set()

    def send_rtcp(self, batch: PacketBatch) -> None:
        self.rtcp += batch.packets
        self.changed.set()

    def outlet_failed(self, error: Exception) -> None:
        raise error

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


@dataclass
class End:
    """What one of two programs has: ports, mounts, and its end of the connection."""

    identity: SessionIdentity
    ends: TransportFactory
    mounts: MountTable
    wire: Wire
    life: asyncio.Event
    closed: list[str] = field(default_factory=list)

    def mount(self, publisher: IngestPublisher | None = None) -> Mount:
        """A mount of this end; without a publisher who sends, a test writes to its track."""
        publisher = publisher or IngestPublisher(self.identity, TransportKind.TCP)
        return self.mounts.open("/cam", SessionDescription.parse(SDP), publisher)

    def reader(self, kind: TransportKind, mount: Mount) -> SessionReader:
        wire = self.wire
        reader = self.ends.reader(kind, self.identity, wire.stream, wire.channels, mount)
        mount.add_reader(reader)
        return reader

    def nothing_is_taken(self) -> bool:
        ends = self.ends
        tables = (self.wire.channels, ends.egresses, ends.groups, ends.lanes)
        return ends.ports.in_use == 0 and not any(len(table) for table in tables)


@dataclass
class TwoEnds:
    """A server and its client, at the same address."""

    host: str
    server: End
    client: End


def _end(name: str, host: str, first_port: int, wire: Wire) -> End:
    loop = asyncio.get_running_loop()
    life = asyncio.Event()
    closed: list[str] = []
    identity = SessionIdentity(
        id=name,
        peer=f"{host}:1",
        peer_ip=host,
        address_block=host,
        local_ip=host,
        user_agent="",
        on_close=closed.append,
        on_life=life.set,
    )
    rtp = RtpSettings(rtp_port_start=first_port, rtp_port_count=40)
    ends = TransportFactory(loop, rtp, SocketSettings(), QueueBudget(1 << 30))
    mounts = MountTable(clock=loop.time, call_later=loop.call_later, settings=MOUNT_SETTINGS)
    return End(identity, ends, mounts, wire, life, closed)


@contextlib.asynccontextmanager
async def two_ends(host: str = "127.0.0.1") -> AsyncIterator[TwoEnds]:
    wires = Wire(), Wire()
    for wire, sock in zip(wires, tcp_pair(), strict=True):
        wire.attach(TcpStream(sock, asyncio.get_running_loop(), wire))
    try:
        yield TwoEnds(
            host,
            _end("server", host, SERVER_PORTS, wires[0]),
            _end("client", host, CLIENT_PORTS, wires[1]),
        )
    finally:
        for wire in wires:
            wire.abort()
            await wire.gone.wait()


def audio(first_seq: int, count: int) -> list[bytes]:
    """RTP packets of the only track."""
    return [
        struct.pack(">BBHII", 0x80, 0, seq, seq * 160, 0x1234) + bytes(range(160))
        for seq in range(first_seq, first_seq + count)
    ]
