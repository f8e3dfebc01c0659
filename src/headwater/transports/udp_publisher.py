"""A publisher whose packets come over UDP, a port pair for each track."""

from __future__ import annotations

import logging
from asyncio import AbstractEventLoop
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from headwater.media.track import Track
from headwater.net.port_pairs import PortPairPool, UdpPair
from headwater.net.settings import SocketSettings
from headwater.net.socket_address import Address, socket_address
from headwater.net.socket_buffers import set_receive_buffer
from headwater.net.udp_receiver import UdpReceiver
from headwater.protocol.header.transport import LowerTransport, TransportSpec
from headwater.transports.negotiation import Offer
from headwater.transports.session_publisher import SessionIdentity, SessionPublisher
from headwater.transports.settings import TransportKind

logger = logging.getLogger(__name__)

PacketsConsumer = Callable[[list[bytes]], None]


@dataclass(slots=True)
class _Ingest:
    """One track's sockets; the receivers exist while the publisher records."""

    pair: UdpPair
    rtcp_peer: Address
    receivers: tuple[UdpReceiver, ...] = ()
    kernel_drops: int = 0

    def stop(self) -> None:
        for receiver in self.receivers:
            self.kernel_drops += receiver.kernel_drops
            receiver.close()
        self.receivers = ()

    def close(self) -> None:
        self.stop()
        self.pair.close()


class UdpPublisher(SessionPublisher):
    """Feeds tracks from UDP pairs that are connected to the publisher's own ports.

    The kernel drops what anyone else sends there. What arrives before RECORD waits in the
    sockets' buffers, since some publishers send before the answer has reached them.
    """

    def __init__(
        self,
        identity: SessionIdentity,
        loop: AbstractEventLoop,
        ports: PortPairPool,
        sockets: SocketSettings,
    ) -> None:
        super().__init__(identity, TransportKind.UDP)
        self._loop = loop
        self._ports = ports
        self._sockets = sockets
        self._ingests: dict[int, _Ingest] = {}

    @property
    def track_indexes(self) -> Sequence[int]:
        """The tracks that are set up."""
        return sorted(self._ingests)

    @property
    def kernel_drops(self) -> int:
        """Datagrams that the kernel dropped because a receive buffer was full."""
        return sum(
            ingest.kernel_drops + sum(receiver.kernel_drops for receiver in ingest.receivers)
            for ingest in self._ingests.values()
        )

    def add_track(self, index: int, offer: Offer) -> TransportSpec:
        """Bind a port pair and connect it to the publisher's ports.

        Raises PortsExhausted when the range is used up.
        """
        client_port = offer.spec.client_port
        assert client_port is not None, "negotiation lets no UDP offer through without ports"  # noqa: S101
        old = self._ingests.pop(index, None)
        if old is not None:
            old.close()
        pair = self._ports.bind_pair(self.identity.local_ip)
        try:
            set_receive_buffer(pair.rtp, self._sockets.udp_receive_buffer_bytes)
            rtcp_peer = socket_address(self.identity.peer_ip, client_port[1])
            pair.connect(socket_address(self.identity.peer_ip, client_port[0]), rtcp_peer)
        except OSError:
            pair.close()
            raise
        self._ingests[index] = _Ingest(pair, rtcp_peer)
        return replace(
            TransportSpec(profile=offer.spec.profile, lower=LowerTransport.UDP),
            unicast=True,
            client_port=client_port,
            server_port=(pair.rtp_port, pair.rtcp_port),
            mode=offer.spec.mode,
        )

    def start(self, tracks: Sequence[Track]) -> None:
        """Read from the sockets from now on."""
        for index, ingest in self._ingests.items():
            track = tracks[index]
            ingest.receivers = (
                UdpReceiver(
                    ingest.pair.rtp,
                    self._loop,
                    self._contained(track.write),
                    packets_per_wake=self._sockets.udp_packets_per_wake,
                ),
                UdpReceiver(ingest.pair.rtcp, self._loop, self._contained(_each(track))),
            )

    def stop(self) -> None:
        """Read no more; the ports stay."""
        for ingest in self._ingests.values():
            ingest.stop()

    def release(self) -> None:
        """Close the sockets and return the ports."""
        for ingest in self._ingests.values():
            ingest.close()
        self._ingests.clear()

    def send_rtcp(self, track_index: int, packet: bytes) -> None:
        """Send an RTCP packet to the publisher's RTCP port; one that cannot leave is lost."""
        ingest = self._ingests.get(track_index)
        if ingest is None:
            return
        try:
            ingest.pair.rtcp.send(packet)
        except OSError as error:
            logger.debug(
                "receiver report not sent",
                extra={"session": self.id, "peer": self.peer, "cause": str(error)},
            )

    def _contained(self, write: PacketsConsumer) -> PacketsConsumer:
        """Take packets in; should that fail, it ends this session and nothing else."""

        def receive(packets: list[bytes]) -> None:
            try:
                write(packets)
            except Exception:
                logger.exception("ingest failed", extra={"session": self.id, "peer": self.peer})
                self.close("ingest failed")

        return receive


def _each(track: Track) -> PacketsConsumer:
    def write(packets: list[bytes]) -> None:
        for packet in packets:
            track.write_rtcp(packet)

    return write
