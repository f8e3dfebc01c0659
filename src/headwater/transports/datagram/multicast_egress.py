"""The group through which one track reaches all of its multicast readers."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from headwater.log_pace import paced_logger
from headwater.media.settings import MountSettings
from headwater.media.tracks.packet_batch import PacketBatch
from headwater.media.tracks.track import Track
from headwater.net.event_loop import EventLoop
from headwater.net.multicast import (
    open_multicast_listener,
    open_multicast_sender,
    source_address,
)
from headwater.net.settings import SocketSettings
from headwater.net.socket_address import Address, socket_address
from headwater.net.udp_receiver import UdpDatagramReceiver
from headwater.protocol.errors import ProtocolError
from headwater.protocol.status import Status
from headwater.transports.datagram.udp_egress import RtcpConsumer
from headwater.transports.datagram.udp_outlet import UdpOutlet
from headwater.transports.delivery_owner import DeliveryOwner
from headwater.transports.egress_snapshot import EgressSnapshot, EgressTotals, totals_of
from headwater.transports.settings import TransportKind

logger = paced_logger(__name__)

_REMEMBERED = 16
"""RTCP packets that were sent lately, to be known when they come back from the group."""


@dataclass(frozen=True, slots=True)
class _GroupSockets:
    """What a track sends RTP and RTCP from, and hears its group's RTCP by, if it can."""

    rtp: socket.socket
    rtcp: socket.socket
    listener: socket.socket | None

    @classmethod
    def open(cls, settings: MountSettings, ports: tuple[int, int]) -> _GroupSockets:
        """Open them; raises OSError when the machine cannot send to the group."""
        group, interface = settings.multicast_group, settings.multicast_interface
        rtcp_port = ports[1]
        with ExitStack() as opened:
            rtp, rtcp = (opened.enter_context(_open_sender(settings, port)) for port in ports)
            try:
                listener = opened.enter_context(
                    open_multicast_listener(group, rtcp_port, interface=interface)
                )
            except OSError as error:
                # Media goes out all the same, and RTSP requests keep sessions alive.
                logger.warning(
                    "receiver reports of a multicast group cannot be heard",
                    extra={"group": group, "port": rtcp_port, "cause": str(error)},
                )
                listener = None
            sockets = cls(rtp, rtcp, listener)
            opened.pop_all()
            return sockets

    def close(self) -> None:
        """Close them."""
        for sock in (self.rtp, self.rtcp, self.listener):
            if sock is not None:
                sock.close()


def _open_sender(settings: MountSettings, port: int) -> socket.socket:
    """Return a socket that sends from the group's own port (RFC 4961 §3), or else from any.

    gortsplib and what is made of it (MediaMTX) take nothing that comes from another port.
    """
    group = settings.multicast_group
    open_at = partial(
        open_multicast_sender,
        group,
        ttl=settings.multicast_ttl,
        interface=settings.multicast_interface,
    )
    try:
        return open_at(port=port)
    except OSError as error:
        sock = open_at()
        extra = {"group": group, "port": port, "cause": str(error)}
        logger.warning("multicast leaves from another port than the group's", extra=extra)
        return sock


class MulticastEgress(UdpOutlet):
    """One track's sockets towards its group: one send reaches every reader.

    It hears RTCP that readers send to the group, as RFC 3550 §6 has it, or to the port that its
    sender reports come from, and tells readers apart by their addresses.
    """

    def __init__(
        self,
        track: Track,
        rtp_port: int,
        settings: MountSettings,
        loop: EventLoop,
        sockets: SocketSettings,
    ) -> None:
        self.group = settings.multicast_group
        self.ttl = settings.multicast_ttl
        self.ports = (rtp_port, rtp_port + 1)
        self.users = 0
        self.stray_datagrams = 0
        self._live: dict[str, DeliveryOwner] = {}
        # By session: its address, and who wants its RTCP.
        self._consumers: dict[str, tuple[str, RtcpConsumer]] = {}
        self._receivers: list[UdpDatagramReceiver] = []
        self._sent_rtcp: deque[bytes] = deque(maxlen=_REMEMBERED)
        self._rtcp_address = socket_address(self.group, self.ports[1])
        with ExitStack() as taken:
            self._sockets = _GroupSockets.open(settings, self.ports)
            taken.callback(self._sockets.close)
            self.source = source_address(self._sockets.rtp)
            super().__init__(track, self._sockets.rtp, loop, settings, sockets)
            self._rtcp_source_port = self._sockets.rtcp.getsockname()[1]
            self.sender.add(socket_address(self.group, rtp_port))
            for sock in (self._sockets.rtcp, self._sockets.listener):
                if sock is not None:
                    receiver = UdpDatagramReceiver(sock, loop, self._receive_rtcp)
                    taken.callback(receiver.close)
                    self._receivers.append(receiver)
            taken.pop_all()

    @property
    def totals(self) -> EgressTotals:
        """What its sockets did."""
        return totals_of(self, self.stray_datagrams)

    @property
    def live_count(self) -> int:
        """How many destinations get every batch: the group while somebody plays."""
        return int(bool(self._live))

    def snapshot(self, mount: str) -> EgressSnapshot:
        """Return the egress as it is now."""
        return EgressSnapshot(
            mount=mount,
            track=self._track.index,
            transport=TransportKind.MULTICAST.value,
            address=self.group,
            port=self.ports[0],
            destinations=self.live_count,
            pending_bytes=self.sender.pending_bytes,
            totals=self.totals,
        )

    def listen(self, session_id: str, peer_ip: str, consumer: RtcpConsumer) -> None:
        """Give RTCP that comes from this address to the session; several may share an address."""
        self._consumers[session_id] = (peer_ip, consumer)

    def forget(self, session_id: str) -> None:
        """Listen for the session no more."""
        self._consumers.pop(session_id, None)

    def go_live(self, session_id: str, owner: DeliveryOwner) -> None:
        """Send to the group while this session, or any other, plays.

        `owner` is told, outside of the fan-out, that delivery broke or is to end.
        """
        if not self._live:
            self.begin()
        self._live[session_id] = owner
        self._track.fan_out.add(self)

    def stop_live(self, session_id: str) -> None:
        """Send to a session no more; without any session the group gets nothing."""
        self._live.pop(session_id, None)
        if not self._live:
            self._track.fan_out.remove(self)

    def send_rtcp(self, batch: PacketBatch) -> None:
        """Send compound RTCP packets to the group; one that cannot leave is lost, as UDP may."""
        for packet in batch.packets:
            self._sent_rtcp.append(packet)
            try:
                self._sockets.rtcp.sendto(packet, self._rtcp_address)
            except OSError as error:
                logger.debug("RTCP not sent", extra={"group": self.group, "cause": str(error)})

    def outlet_failed(self, error: Exception) -> None:
        """Learn that delivery to the group broke, and tell every listener."""
        logger.error("multicast delivery failed", extra={"group": self.group, "cause": repr(error)})
        for owner in self._live.values():
            self._loop.call_soon(owner.fail, error)

    def expire(self, *, everybody: bool) -> None:  # noqa: ARG002 - fewer listeners are no less load
        """Have all listeners closed."""
        for owner in self._live.values():
            owner.expire()

    def close(self) -> None:
        """Close the sockets."""
        self._track.fan_out.remove(self)
        self._consumers.clear()
        for receiver in self._receivers:
            receiver.close()
        self.sender.close()
        self._sockets.close()

    def _receive_rtcp(self, datagrams: list[tuple[bytes, Address]]) -> None:
        for packet, address in datagrams:
            host = address[0].partition("%")[0]
            if address[1] == self._rtcp_source_port and packet in self._sent_rtcp:
                # A member of a group hears itself.
                continue
            consumers = [
                consumer
                for peer_ip, consumer in self._consumers.values()
                if peer_ip.partition("%")[0] == host
            ]
            self.stray_datagrams += not consumers
            for consumer in consumers:
                consumer(packet)


class MulticastEgressTable:
    """The groups in use, each while a session uses it; no two tracks share group and port.

    A track whose ports another mount uses gets the next that are free, so that mounts may have
    the same settings.

    Attributes:
        closed_totals: what those did that are in use no more.
    """

    def __init__(self, loop: EventLoop, sockets: SocketSettings) -> None:
        self._loop = loop
        self.sockets = sockets
        """For what is opened next; they may be changed at any time."""
        self._egresses: dict[Track, MulticastEgress] = {}
        self._taken: set[tuple[str, int]] = set()
        self.closed_totals = EgressTotals()

    def __len__(self) -> int:
        return len(self._egresses)

    def snapshots(self, mounts: Mapping[Track, str]) -> Iterator[EgressSnapshot]:
        """Yield the groups as they are, each when asked for; `mounts` tells the path of a track."""
        for track, egress in tuple(self._egresses.items()):
            yield egress.snapshot(mounts.get(track, ""))

    def acquire(self, track: Track, settings: MountSettings) -> MulticastEgress:
        """Return the egress of a track.

        Raises ProtocolError 461 when no ports are left from its own on, or the machine cannot
        send to the group: the reader may come again by unicast.
        """
        egress = self._egresses.get(track)
        if egress is None:
            egress = self._open(track, settings)
        egress.users += 1
        return egress

    def release(self, track: Track) -> None:
        """Give back what `acquire` gave; the last one closes the sockets."""
        egress = self._egresses[track]
        egress.users -= 1
        if egress.users == 0:
            del self._egresses[track]
            self._taken.discard((egress.group, egress.ports[0]))
            self.closed_totals += egress.totals
            egress.close()

    def _open(self, track: Track, settings: MountSettings) -> MulticastEgress:
        first = settings.multicast_port_start + 2 * track.index
        group = settings.multicast_group
        port = next((p for p in range(first, 65535, 2) if (group, p) not in self._taken), None)
        if port is None:
            raise _unavailable(
                settings,
                f"no ports are free from {first} on; multicast_port_start must leave two for "
                "each track of all the mounts that use the group",
            )
        try:
            egress = MulticastEgress(track, port, settings, self._loop, self.sockets)
        except OSError as error:
            raise _unavailable(settings, str(error)) from error
        self._taken.add((group, port))
        self._egresses[track] = egress
        return egress


def _unavailable(settings: MountSettings, cause: str) -> ProtocolError:
    logger.warning("multicast refused", extra={"group": settings.multicast_group, "cause": cause})
    return ProtocolError(
        f"the group {settings.multicast_group} cannot be used",
        status=Status.UNSUPPORTED_TRANSPORT,
        where="Transport",
    )
