"""What servers and cameras get wrong in the Transport of an answer, each by its name.

RFC 2326 §12.39 has the answer tell the values that were really chosen. A client goes on wherever
the answer, or what it asked for itself, says enough.
"""

from __future__ import annotations

import ipaddress

from headwater.net.multicast import is_multicast
from headwater.net.socket_address import family_of
from headwater.protocol.header.transport import LowerTransport, TransportSpec
from headwater.transports.datagram.udp_ingest import TakenPorts, UdpSource
from headwater.transports.settings import TransportKind

RECORD_MODE = "mode=record"
"""How a client that sends says so: without the quotes of RFC 2326 §12.39, as ffmpeg writes it, so
that every server that records has met it.

A client that receives says no mode at all: `mode=play` is the default, and some cameras refuse it.
"""


def answered_kind(spec: TransportSpec, asked: TransportKind) -> TransportKind:
    """Tell which way an answer names: the one that was asked for, unless it names another.

    Escam's Q6 answers `RTP/AVP;unicast;interleaved=0-1`, without /TCP, and some answer the protocol
    alone. What decides is what only one of the ways has: channels, a group, the server's ports.
    """
    if not spec.unicast or is_multicast((spec.destination or "").strip("[]")):
        return TransportKind.MULTICAST
    if spec.lower is LowerTransport.TCP:
        return TransportKind.TCP
    told = ((TransportKind.TCP, spec.interleaved), (TransportKind.UDP, spec.server_port))
    named = [kind for kind, value in told if value is not None]
    return asked if asked in named or not named else named[0]


def source_hosts(peer_ip: str, source: str | None) -> tuple[str, ...]:
    """Tell which addresses media may come from: the server's own, and another that it names.

    Behind a NAT or with two networks the named one is right or wrong, so both may send. Host names
    are never looked up (some cameras send their own), and what can send nothing to this machine
    (0.0.0.0, a group, loopback of another machine, the other family) counts as not named.
    """
    named = (source or "").strip("[]")
    try:
        other, peer = ipaddress.ip_address(named), ipaddress.ip_address(peer_ip)
    except ValueError:
        return (peer_ip,)
    is_odd = other.is_unspecified or other.is_multicast or other.is_loopback != peer.is_loopback
    if is_odd or other == peer or family_of(named) != family_of(peer_ip):
        return (peer_ip,)
    return peer_ip, named


def udp_source(peer_ip: str, spec: TransportSpec, *, changing_ports: bool = False) -> UdpSource:
    """Tell from where a server's packets are taken.

    Some name no `server_port` (OpenIPC's smolrtsp, its issue 31) or 0: then the first packet that
    comes from one of the server's addresses tells. Cameras that send from other ports than they
    say, or from changing ones, need `changing_ports`, which whoever runs the client must know.
    """
    hosts = source_hosts(peer_ip, spec.source)
    if changing_ports:
        taken = TakenPorts.ANY
    elif spec.server_port is None or len(hosts) > 1:
        taken = TakenPorts.FIRST_HEARD
    else:
        taken = TakenPorts.AGREED
    return UdpSource(hosts=hosts, ports=spec.server_port, taken=taken)


def answered_channels(spec: TransportSpec, asked: tuple[int, int]) -> tuple[int, int]:
    """Tell the channels of a track: those of the answer, whatever was asked for.

    Some servers choose 4-5 where 2-3 was asked for (gortsplib's issue 72), others name none and use
    those that were asked for (its issue 142). A single one is that of RTP, with RTCP on the next.
    """
    return spec.interleaved or asked
