"""The one port of WebRTC: whose each datagram is, whatever protocol it is of."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from headwater.log_pace import paced_logger
from headwater.net.errors import SettingPortError
from headwater.net.kernel_features import probe
from headwater.net.settings import SocketSettings
from headwater.net.socket_address import Address, family_of, socket_address, unmapped
from headwater.net.socket_buffers import set_receive_buffer, set_send_buffer
from headwater.net.steady_loop import SteadyLoop
from headwater.net.tcp_listener import TcpListener
from headwater.net.tcp_stream import TcpStream
from headwater.net.udp_sender import UdpSender
from headwater.protocol.errors import ProtocolError
from headwater.protocol.webrtc.datagram_kind import DatagramKind, datagram_kind
from headwater.protocol.webrtc.peer_states import PeerState
from headwater.protocol.webrtc.stun import BINDING_REQUEST, Attribute, StunMessage, binding_error
from headwater.relay.limits import Limits
from headwater.webrtc.peer import Peer
from headwater.webrtc.way import TcpWay, UdpWay, Way

logger = paced_logger(__name__)

SETTING: Final = "webrtc.port"
_DATAGRAMS_PER_WAKE: Final = 64
_READ_BYTES: Final = 4_096
_WAYS_PER_PEER: Final = 8
_STRANGERS: Final = 256
"""TCP connections that have not shown yet whose they are."""
_EVERY_HOST: Final = ("0.0.0.0", "::")
_PORT_TRIES: Final = 16


@dataclass(slots=True)
class PortCounters:
    """Datagrams that were left out, by why: nobody knows them, or they are not what they say."""

    dropped: Counter[str] = field(default_factory=Counter)


class WebRtcPort:
    """UDP sockets, and a TCP listener of the same number, that all peers share.

    What does not come from a peer that has shown its password by a check is dropped unread and
    unanswered, so that forged addresses cost little and nobody is sent anything on their behalf.

    Attributes:
        counters: plain integers.
    """

    def __init__(self, loop: SteadyLoop, limits: Limits, sockets: SocketSettings) -> None:
        self._loop = loop
        self._limits = limits
        self._settings = sockets
        self._sockets: list[socket.socket] = []
        self._senders: dict[socket.socket, UdpSender] = {}
        self._listener: TcpListener | None = None
        self._by_ufrag: dict[str, Peer] = {}
        self._by_address: dict[Address, tuple[Peer, UdpWay]] = {}
        self._by_way: dict[TcpWay, Peer] = {}
        self._strangers: set[TcpWay] = set()
        self._ways: dict[Peer, list[Way]] = {}
        self.counters = PortCounters()

    def __len__(self) -> int:
        return len(self._by_ufrag)

    @property
    def port(self) -> int:
        """The bound port; 0 before `open`."""
        return int(self._sockets[0].getsockname()[1]) if self._sockets else 0

    @property
    def tcp_port(self) -> int | None:
        """The port of passive TCP; None where it is not offered."""
        return None if self._listener is None else self._listener.port

    @property
    def pending_bytes(self) -> int:
        """Bytes that wait for the UDP sockets."""
        return sum(sender.pending_bytes for sender in self._senders.values())

    def open(self, hosts: Sequence[str], port: int, *, tcp: bool) -> None:
        """Bind numeric hosts, `""` for every address. Raises OSError, with the port in it."""
        tries = _PORT_TRIES if port == 0 else 1
        for left in reversed(range(tries)):
            try:
                self._bind(_spread(hosts), port, tcp=tcp)
            except OSError:
                # The number that was free for UDP may be taken for TCP.
                self.close()
                if not left:
                    raise
            else:
                break

    def close(self) -> None:
        """Close every socket; a second call does nothing."""
        for sock in self._sockets:
            self._loop.remove_reader(sock)
            self._senders[sock].close()
            sock.close()
        self._sockets.clear()
        self._senders.clear()
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for way in (*self._strangers, *self._by_way):
            way.stream.abort()

    def add(self, peer: Peer) -> None:
        """Take in a peer whose checks may come now."""
        self._by_ufrag[peer.identity.ufrag] = peer
        self._ways[peer] = []

    def remove(self, peer: Peer) -> None:
        """Forget a peer; one that is not there is no error."""
        if self._by_ufrag.pop(peer.identity.ufrag, None) is None:
            return
        for way in self._ways.pop(peer):
            self._forget_way(way)

    def sweep(self, now: float) -> None:
        """Close TCP connections that do not show whose they are; once a second."""
        deadline_s = self._limits.settings.first_byte_timeout_s
        for way in tuple(self._strangers):
            if now - way.opened_s > deadline_s:
                way.stream.abort()

    # -- UDP

    def _bind(self, hosts: Sequence[str], port: int, *, tcp: bool) -> None:
        for host in hosts:
            family = family_of(host)
            sock = socket.socket(family, socket.SOCK_DGRAM)
            try:
                sock.setblocking(False)
                if family == socket.AF_INET6:
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                sock.bind(socket_address(host, port))
            except OSError as error:
                sock.close()
                message = f"cannot bind UDP port {port} of {host}"
                raise SettingPortError(error, message, setting=SETTING, port=port) from error
            port = sock.getsockname()[1]
            set_receive_buffer(sock, self._settings.udp_receive_buffer_bytes)
            set_send_buffer(sock, self._settings.udp_send_buffer_bytes)
            self._sockets.append(sock)
            sender = self._senders[sock] = UdpSender(sock, self._loop)
            self._loop.add_reader(sock, partial(self._drain, sock, sender))
        if tcp:
            listener = TcpListener(self._loop, self._accept)
            try:
                listener.bind(hosts, port)
            except OSError as error:
                message = f"cannot bind TCP port {port}"
                raise SettingPortError(error, message, setting=SETTING, port=port) from error
            listener.start()
            self._listener = listener

    def _drain(self, sock: socket.socket, sender: UdpSender) -> None:
        """Take what one wake-up found, bounded, so that a flood leaves time for others."""
        for _ in range(_DATAGRAMS_PER_WAKE):
            try:
                datagram, address = sock.recvfrom(_READ_BYTES)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                # An ICMP error of somebody who is gone; the next call goes on.
                continue
            if not datagram:
                continue
            try:
                self._receive(datagram, unmapped(address), sender)
            except Exception:
                logger.exception("datagram not taken", extra={"peer": address[0]})

    def _receive(self, datagram: bytes, address: Address, sender: UdpSender) -> None:
        kind = datagram_kind(datagram)
        if kind is DatagramKind.STUN:
            checked = self._checked_request(datagram)
            if checked is not None:
                request, peer = checked
                before = self._by_address.get(address)
                if before is None or before[0] is not peer:
                    way = UdpWay(sender, address)
                    self._keep_way(peer, way)
                    self._by_address[address] = peer, way
                else:
                    way = before[1]
                _answer_check(request, peer, way)
            return
        known = self._by_address.get(address)
        if known is None:
            self.counters.dropped["unknown address"] += 1
            return
        _hand_over(known[0], kind, datagram)

    def _checked_request(self, datagram: bytes) -> tuple[StunMessage, Peer] | None:
        """Return a request that a peer has signed with the password of its answer."""
        dropped = self.counters.dropped
        try:
            request = StunMessage.parse(datagram)
        except ProtocolError:
            dropped["unreadable STUN"] += 1
            return None
        if request.kind != BINDING_REQUEST:
            dropped["no STUN request"] += 1
            return None
        username = request.username
        peer = None if username is None else self._by_ufrag.get(username[0])
        if peer is None or peer.state is PeerState.CLOSED:
            dropped["unknown STUN user"] += 1
            return None
        if not request.is_signed_with(peer.identity.password):
            dropped["wrong STUN password"] += 1
            return None
        return request, peer

    # -- TCP

    def _accept(self, sock: socket.socket, peer: Address) -> None:
        if len(self._strangers) >= _STRANGERS:
            self.counters.dropped["TCP strangers"] += 1
            sock.close()
            return
        way = TcpWay(self._loop.time(), self._receive_on, self._lost)
        way.stream = TcpStream(sock, self._loop, way, peer_address=peer, was_accepted=True)
        self._strangers.add(way)

    def _receive_on(self, way: TcpWay, datagram: bytes) -> None:
        kind = datagram_kind(datagram)
        if kind is DatagramKind.STUN:
            checked = self._checked_request(datagram)
            if checked is None:
                return
            request, peer = checked
            if self._by_way.setdefault(way, peer) is not peer:
                way.stream.abort()
                return
            if way in self._strangers:
                self._strangers.discard(way)
                self._keep_way(peer, way)
            _answer_check(request, peer, way)
            return
        known = self._by_way.get(way)
        if known is not None:
            _hand_over(known, kind, datagram)

    def _lost(self, way: TcpWay) -> None:
        self._strangers.discard(way)
        peer = self._by_way.pop(way, None)
        if peer is not None and way in self._ways.get(peer, ()):
            self._ways[peer].remove(way)

    # -- ways

    def _keep_way(self, peer: Peer, way: Way) -> None:
        ways = self._ways[peer]
        if len(ways) >= _WAYS_PER_PEER:
            oldest = next((each for each in ways if each is not peer.way), None)
            if oldest is not None:
                ways.remove(oldest)
                self._forget_way(oldest)
        ways.append(way)

    def _forget_way(self, way: Way) -> None:
        if isinstance(way, UdpWay):
            known = self._by_address.get(way.address)
            if known is not None and known[1] is way:
                del self._by_address[way.address]
        elif isinstance(way, TcpWay):
            self._by_way.pop(way, None)
        way.close()


def _answer_check(request: StunMessage, peer: Peer, way: Way) -> None:
    if Attribute.ICE_CONTROLLED in request.attributes:
        # RFC 8445 §7.3.1.1: a lite agent never controls, so it is the peer that has to.
        way.send_datagram(binding_error(request, 487, "Role Conflict", peer.identity.password))
    else:
        peer.checked(request, way)


def _hand_over(peer: Peer, kind: DatagramKind, datagram: bytes) -> None:
    if kind is DatagramKind.SRTP:
        peer.srtp_packet(datagram)
    elif kind is DatagramKind.DTLS:
        peer.dtls_datagram(datagram)


def _spread(hosts: Sequence[str]) -> list[str]:
    every = [host for host in _EVERY_HOST if family_of(host) == socket.AF_INET or probe().ipv6]
    return [each for host in hosts for each in ([host] if host else every)]
