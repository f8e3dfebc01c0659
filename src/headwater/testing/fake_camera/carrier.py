"""How packets leave the camera: inside the RTSP connection, by a pair of UDP ports, to a group."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from headwater.testing.fake_camera.connection import CameraConnection
    from headwater.testing.fake_camera.settings import CameraSettings

_LARGEST_DATAGRAM_BYTES = 65_536
_TRIES = 50


class Carrier(Protocol):
    """Where one flow's packets go."""

    parameters: str
    """What the answer to SETUP says of it, in a Transport header."""

    def send(self, packet: bytes, *, rtcp: bool = False) -> None:
        """Send one packet."""

    async def drained(self) -> None:
        """Wait until the other side takes more; raises OSError when it has gone."""

    def close(self) -> None:
        """Free what it holds."""


class Interleaved:
    """`$` frames in the RTSP connection (RFC 2326 §10.12)."""

    def __init__(self, connection: CameraConnection, channels: tuple[int, int]) -> None:
        self.connection = connection
        self.channels = channels
        self.parameters = f"RTP/AVP/TCP;unicast;interleaved={channels[0]}-{channels[1]}"

    def send(self, packet: bytes, *, rtcp: bool = False) -> None:
        """Send one frame."""
        self.connection.send_frame(self.channels[rtcp], packet)

    async def drained(self) -> None:
        """Wait for the connection's buffer."""
        await self.connection.writer.drain()

    def close(self) -> None:
        """The connection goes on."""


class PortPair:
    """Two UDP ports of the camera that send to two of the client."""

    def __init__(
        self,
        settings: CameraSettings,
        client: tuple[str, int, int],
        heard: Callable[[bytes], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.sockets = bound_pair(settings.host)
        self._senders = self.sockets
        if not settings.sends_from_told_ports:
            self._senders = bound_pair(settings.host)
        self.client = client
        self._heard = heard
        self._loop = loop
        for sock in self.sockets:
            loop.add_reader(sock, self._receive, sock)
        first, second = (sock.getsockname()[1] for sock in self.sockets)
        self.parameters = (
            f"RTP/AVP;unicast;client_port={client[1]}-{client[2]};server_port={first}-{second}"
        )

    def send(self, packet: bytes, *, rtcp: bool = False) -> None:
        """Send one datagram; what the kernel does not take is lost, as on a network."""
        with contextlib.suppress(OSError):
            self._senders[rtcp].sendto(packet, (self.client[0], self.client[1 + rtcp]))

    async def drained(self) -> None:
        """Let others run."""
        await asyncio.sleep(0)

    def close(self) -> None:
        """Give the ports back."""
        for sock in self.sockets:
            self._loop.remove_reader(sock)
        for sock in {*self.sockets, *self._senders}:
            sock.close()

    def _receive(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            packet = sock.recv(_LARGEST_DATAGRAM_BYTES)
            if sock is self.sockets[1]:
                self._heard(packet)


class Group:
    """A multicast group, and a pair of ports in it."""

    def __init__(self, group: str, interface: str | None) -> None:
        self.group = group
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.setblocking(False)
        if interface is not None:
            packed = socket.inet_aton(interface)
            self._sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, packed)
        self._sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
        # With 0 no packet leaves this machine.
        self._sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 0)
        pair = bound_pair("127.0.0.1")
        self.port = pair[0].getsockname()[1]
        for sock in pair:
            sock.close()
        self.parameters = (
            f"RTP/AVP;multicast;destination={group};port={self.port}-{self.port + 1};ttl=0"
        )

    def send(self, packet: bytes, *, rtcp: bool = False) -> None:
        """Send one datagram to the group."""
        with contextlib.suppress(OSError):
            self._sock.sendto(packet, (self.group, self.port + rtcp))

    async def drained(self) -> None:
        """Let others run."""
        await asyncio.sleep(0)

    def close(self) -> None:
        """Give the socket back."""
        self._sock.close()


def bound_pair(host: str) -> tuple[socket.socket, socket.socket]:
    """Two sockets on neighbouring ports, the first one even (RFC 3550 §11)."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(_TRIES):
        first = socket.socket(family, socket.SOCK_DGRAM)
        second = socket.socket(family, socket.SOCK_DGRAM)
        try:
            first.bind((host, 0))
            port = first.getsockname()[1]
            if port % 2 == 0:
                second.bind((host, port + 1))
                first.setblocking(False)
                second.setblocking(False)
                return first, second
        except OSError:
            pass
        first.close()
        second.close()
    raise OSError(f"found no two free UDP ports beside each other on {host} in {_TRIES} tries")


def frame(channel: int, packet: bytes) -> bytes:
    """The packet as an interleaved frame."""
    return struct.pack(">cBH", b"$", channel, len(packet) & 0xFFFF) + packet
