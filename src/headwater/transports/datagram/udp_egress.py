"""The port pair through which one track reaches all of its UDP readers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from headwater.log_pace import paced_logger
from headwater.media.settings import MountSettings
from headwater.media.tracks.packet_batch import PacketBatch
from headwater.media.tracks.track import Track
from headwater.net.event_loop import EventLoop
from headwater.net.port_pairs import PortPairPool, UdpPair
from headwater.net.settings import SocketSettings
from headwater.net.socket_address import Address
from headwater.net.udp_receiver import UdpDatagramReceiver
from headwater.net.udp_sender import Destination
from headwater.transports.datagram.udp_claims import Place, UdpClaims
from headwater.transports.datagram.udp_outlet import UdpOutlet
from headwater.transports.delivery_owner import DeliveryOwner
from headwater.transports.egress_snapshot import EgressSnapshot, EgressTotals, totals_of
from headwater.transports.session_reader import SessionReader
from headwater.transports.settings import TransportKind

logger = paced_logger(__name__)

RtcpConsumer = Callable[[bytes], None]


class UdpEgress(UdpOutlet):
    """One track's RTP and RTCP sockets on one local address, for any number of readers.

    The egress is one outlet of the track's fan-out however many readers are behind it, and only
    while one of them is live.

    Attributes:
        claims: whose the datagrams are that come to its ports.
    """

    __slots__ = ("_live", "_receivers", "claims", "pair", "stray_datagrams", "users")

    def __init__(
        self,
        track: Track,
        pair: UdpPair,
        loop: EventLoop,
        settings: MountSettings,
        sockets: SocketSettings,
    ) -> None:
        super().__init__(track, pair.rtp, loop, settings, sockets)
        self.pair = pair
        self.users = 0
        self.stray_datagrams = 0
        self._live: dict[Destination, tuple[Address, DeliveryOwner]] = {}
        self.claims = UdpClaims()
        self._receivers: list[UdpDatagramReceiver] = []
        try:
            for sock, consumer in ((pair.rtp, self._receive_rtp), (pair.rtcp, self._receive_rtcp)):
                self._receivers.append(UdpDatagramReceiver(sock, loop, consumer))
        except BaseException:
            for receiver in self._receivers:
                receiver.close()
            raise

    @property
    def totals(self) -> EgressTotals:
        """What its sockets did."""
        return totals_of(self, self.stray_datagrams)

    @property
    def live_count(self) -> int:
        """How many readers get every batch."""
        return len(self._live)

    def snapshot(self, mount: str, address: str) -> EgressSnapshot:
        """Return the egress as it is now, with the `address` of this machine that it sends from."""
        return EgressSnapshot(
            mount=mount,
            track=self._track.index,
            transport=TransportKind.UDP.value,
            address=address,
            port=self.pair.rtp_port,
            destinations=len(self._live),
            pending_bytes=self.sender.pending_bytes,
            totals=self.totals,
        )

    def destination(self, address: Address) -> Destination:
        """Return a reader's RTP address, not live yet."""
        return self.sender.destination(address)

    def go_live(
        self, destination: Destination, rtcp_address: Address, owner: DeliveryOwner
    ) -> None:
        """Send every batch of the track to this destination from now on.

        `owner` is told, outside of the fan-out, that delivery broke or is to end.
        """
        if destination in self._live:
            return
        self._live[destination] = (rtcp_address, owner)
        self.sender.serve(destination)
        if len(self._live) == 1:
            self.begin()
            self._track.fan_out.add(self)

    def redirect(
        self, destination: Destination, address: Address, rtcp_address: Address
    ) -> Destination:
        """Send what goes to a destination to these addresses from now on; return the new one."""
        moved = destination
        if address != destination.address:
            moved = self.destination(address)
        live = self._live.pop(destination, None)
        if live is not None:
            self._live[moved] = (rtcp_address, live[1])
            if moved is not destination:
                self.sender.remove(destination)
                self.sender.serve(moved)
        return moved

    def stop_live(self, destination: Destination) -> None:
        """Send nothing more to this destination."""
        if self._live.pop(destination, None) is None:
            return
        self.sender.remove(destination)
        if not self._live:
            self._track.fan_out.remove(self)

    def send_rtcp(self, batch: PacketBatch) -> None:
        """Send compound RTCP packets to all live readers."""
        for packet in batch.packets:
            for address, _ in self._live.values():
                self.send_rtcp_to(address, packet)

    def send_rtcp_to(self, address: Address, packet: bytes) -> None:
        """Send an RTCP packet to one reader; one that cannot leave is lost, as UDP may."""
        try:
            self.pair.rtcp.sendto(packet, address)
        except OSError as error:
            logger.debug("RTCP not sent", extra={"peer": address[0], "cause": str(error)})

    def outlet_failed(self, error: Exception) -> None:
        """Learn that delivery broke, and tell every reader behind it."""
        logger.error(
            "UDP delivery failed", extra={"port": self.pair.rtp_port, "cause": repr(error)}
        )
        for _, owner in self._live.values():
            self._loop.call_soon(owner.fail, error)

    def expire(self, *, everybody: bool) -> None:
        """Have all readers closed, or those that came last: half as many may be few enough."""
        owners = [owner for _, owner in self._live.values()]
        for owner in owners if everybody else owners[len(owners) // 2 :]:
            owner.expire()

    def close(self) -> None:
        """Close the sockets and return the ports."""
        self._track.fan_out.remove(self)
        self._live.clear()
        self.claims.clear()
        for receiver in self._receivers:
            receiver.close()
        # They know it too: all would stay in memory until a full collection.
        self._receivers.clear()
        self.sender.close()
        self.pair.close()

    def _receive_rtp(self, datagrams: list[tuple[bytes, Address]]) -> None:
        self.stray_datagrams += len(datagrams)
        for _, address in datagrams:
            self.claims.take_rtp(address)

    def _receive_rtcp(self, datagrams: list[tuple[bytes, Address]]) -> None:
        for packet, address in datagrams:
            self.stray_datagrams += not self.claims.take_rtcp(packet, address)


class UdpEgressTable:
    """The egresses in use, by track and local address; each lives while a session uses it.

    Attributes:
        closed_totals: what those did that are closed.
    """

    def __init__(self, loop: EventLoop, ports: PortPairPool, sockets: SocketSettings) -> None:
        self._loop = loop
        self._ports = ports
        self.sockets = sockets
        """For what is opened next; they may be changed at any time."""
        self._egresses: dict[tuple[Track, str], UdpEgress] = {}
        # By address and port of a peer, whatever mount it reads.
        self._holders: dict[Place, SessionReader] = {}
        self.closed_totals = EgressTotals()

    def __len__(self) -> int:
        return len(self._egresses)

    def snapshots(self, mounts: Mapping[Track, str]) -> Iterator[EgressSnapshot]:
        """Yield the egresses, each as it is when asked for; `mounts` has the path of each track."""
        for (track, local_ip), egress in tuple(self._egresses.items()):
            yield egress.snapshot(mounts.get(track, ""), local_ip)

    def holder(self, places: Iterable[Place]) -> SessionReader | None:
        """Return the reader that has one of these ports, on any mount."""
        for place in places:
            if (reader := self._holders.get(place)) is not None:
                return reader
        return None

    def hold(self, places: Iterable[Place], reader: SessionReader) -> None:
        """Note that a reader has these ports."""
        for place in places:
            self._holders[place] = reader

    def let_go(self, places: Iterable[Place], reader: SessionReader) -> None:
        """Note that a reader has them no more."""
        for place in places:
            if self._holders.get(place) is reader:
                del self._holders[place]

    def acquire(
        self, track: Track, local_ip: str, settings: MountSettings, *, holder: str = ""
    ) -> UdpEgress:
        """Return the egress of a track towards peers that reach this machine by `local_ip`.

        `settings` are those of the track's mount. A new one's pair counts for `holder`.

        Raises PortsExhausted when a new one would need a pair and none is free.
        """
        key = (track, local_ip)
        egress = self._egresses.get(key)
        if egress is None:
            pair = self._ports.bind_pair(local_ip, holder=holder)
            try:
                egress = UdpEgress(track, pair, self._loop, settings, self.sockets)
            except BaseException:
                pair.close()
                raise
            self._egresses[key] = egress
        egress.users += 1
        return egress

    def release(self, track: Track, local_ip: str) -> None:
        """Give back what `acquire` gave; the last one closes the sockets."""
        egress = self._egresses[(track, local_ip)]
        egress.users -= 1
        if egress.users == 0:
            del self._egresses[(track, local_ip)]
            self.closed_totals += egress.totals
            egress.close()
