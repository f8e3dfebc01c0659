"""The group through which one track reaches all of its multicast readers."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Iterator, Mapping

from headwater.log_pace import paced_logger
from headwater.media.settings import MountSettings
from headwater.media.track import Track
from headwater.net.multicast import open_multicast_sender
from headwater.net.settings import SocketSettings
from headwater.net.socket_address import socket_address
from headwater.protocol.errors import ProtocolError
from headwater.protocol.status import Status
from headwater.transports.delivery_owner import DeliveryOwner
from headwater.transports.egress_snapshot import EgressSnapshot, EgressTotals, totals_of
from headwater.transports.settings import TransportKind
from headwater.transports.udp_outlet import UdpOutlet

logger = paced_logger(__name__)


class MulticastEgress(UdpOutlet):
    """One track's sockets towards its group: one send reaches every reader."""

    def __init__(
        self,
        track: Track,
        settings: MountSettings,
        loop: AbstractEventLoop,
        sockets: SocketSettings,
    ) -> None:
        self.group = settings.multicast_group
        self.ttl = settings.multicast_ttl
        rtp_port = settings.multicast_port_start + 2 * track.index
        self.ports = (rtp_port, rtp_port + 1)
        self.users = 0
        self._live: dict[str, DeliveryOwner] = {}
        self._rtp = open_multicast_sender(
            self.group, ttl=self.ttl, interface=settings.multicast_interface
        )
        try:
            self._rtcp = open_multicast_sender(
                self.group, ttl=self.ttl, interface=settings.multicast_interface
            )
        except OSError:
            self._rtp.close()
            raise
        super().__init__(track, self._rtp, loop, settings, sockets)
        self._rtcp_address = socket_address(self.group, self.ports[1])
        self.sender.add(socket_address(self.group, rtp_port))

    @property
    def totals(self) -> EgressTotals:
        """What its socket did."""
        return totals_of(self, 0)

    @property
    def live_count(self) -> int:
        """How many destinations get every batch: the group while somebody plays."""
        return int(bool(self._live))

    def snapshot(self, mount: str) -> EgressSnapshot:
        """The egress as it is now."""
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

    def go_live(self, session_id: str, owner: DeliveryOwner) -> None:
        """Send to the group while this session, or any other, plays.

        `owner` is told, outside of the fan-out, that delivery broke or is to end.
        """
        if not self._live:
            self.begin()
        self._live[session_id] = owner
        self._track.fan_out.add(self)

    def stop_live(self, session_id: str) -> None:
        """The session plays no more; without any the group is left alone."""
        self._live.pop(session_id, None)
        if not self._live:
            self._track.fan_out.remove(self)

    def send_rtcp(self, packet: bytes) -> None:
        """Send an RTCP packet to the group; one that cannot leave is lost, as UDP may."""
        try:
            self._rtcp.sendto(packet, self._rtcp_address)
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
            self._loop.call_soon(owner.expire)

    def close(self) -> None:
        """Close the sockets."""
        self._track.fan_out.remove(self)
        self.sender.close()
        self._rtp.close()
        self._rtcp.close()


class MulticastEgressTable:
    """The groups in use, each while a session uses it; no two tracks share group and port.

    Attributes:
        closed_totals: what those did that are in use no more.
    """

    def __init__(self, loop: AbstractEventLoop, sockets: SocketSettings) -> None:
        self._loop = loop
        self._sockets = sockets
        self._egresses: dict[Track, MulticastEgress] = {}
        self._taken: dict[tuple[str, int], Track] = {}
        self.closed_totals = EgressTotals()

    def __len__(self) -> int:
        return len(self._egresses)

    def snapshots(self, mounts: Mapping[Track, str]) -> Iterator[EgressSnapshot]:
        """The groups as they are, each when asked for; `mounts` tells the path of a track."""
        for track, egress in tuple(self._egresses.items()):
            yield egress.snapshot(mounts.get(track, ""))

    def acquire(self, track: Track, settings: MountSettings) -> MulticastEgress:
        """The egress of a track.

        Raises ProtocolError 461 when another mount's track has this group and port, or the
        machine cannot send to the group: the reader may come again by unicast.
        """
        egress = self._egresses.get(track)
        if egress is None:
            egress = self._open(track, settings)
            self._egresses[track] = egress
        egress.users += 1
        return egress

    def release(self, track: Track) -> None:
        """Give back what `acquire` gave; the last one closes the sockets."""
        egress = self._egresses[track]
        egress.users -= 1
        if egress.users == 0:
            del self._egresses[track]
            self._taken.pop((egress.group, egress.ports[0]), None)
            self.closed_totals += egress.totals
            egress.close()

    def _open(self, track: Track, settings: MountSettings) -> MulticastEgress:
        port = settings.multicast_port_start + 2 * track.index
        key = (settings.multicast_group, port)
        if key in self._taken:
            raise _unavailable(
                settings,
                f"another mount sends to port {port} of it; give each mount its own "
                "multicast_group or multicast_port_start",
            )
        try:
            egress = MulticastEgress(track, settings, self._loop, self._sockets)
        except OSError as error:
            raise _unavailable(settings, str(error)) from error
        self._taken[key] = track
        return egress


def _unavailable(settings: MountSettings, cause: str) -> ProtocolError:
    logger.warning("multicast refused", extra={"group": settings.multicast_group, "cause": cause})
    return ProtocolError(
        f"the group {settings.multicast_group} cannot be used",
        status=Status.UNSUPPORTED_TRANSPORT,
        where="Transport",
    )
