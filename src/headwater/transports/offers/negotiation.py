"""Which of the transports that a peer offers is taken (RFC 2326 §12.39)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from headwater.protocol.errors import ProtocolError
from headwater.protocol.header.transport import LowerTransport, TransportSpec
from headwater.protocol.status import Status
from headwater.transports.settings import TransportKind

FIRST_USER_PORT = 1024
"""Below it are DNS, NTP and the like (RFC 6335 §6). An address may be shared, by NAT or by the
users of one machine: who asks for media there would have it sent at somebody else's service."""

_MOST_OFFERS = 8
"""Each that is tried may open sockets; clients write two or three."""
_PROFILES = frozenset({"RTP/AVP", "RTP/AVPF"})


@dataclass(frozen=True, slots=True)
class Offer:
    """The alternative of a Transport header that was chosen, with the kind it stands for."""

    kind: TransportKind
    spec: TransportSpec


def _kind(spec: TransportSpec) -> TransportKind | None:
    if spec.profile.upper() not in _PROFILES:
        return None
    if spec.lower is LowerTransport.TCP or spec.interleaved is not None:
        return TransportKind.TCP
    if spec.unicast:
        return TransportKind.UDP
    return TransportKind.MULTICAST


def fitting(
    specs: Sequence[TransportSpec], allowed: Iterable[TransportKind], *, peer_ip: str
) -> list[Offer]:
    """Return the alternatives that are possible and allowed, in the peer's order.

    Raises ProtocolError where none is left: 400 when UDP is asked for without a port to send
    to, 461 when that is one of the system's services, 463 when media is to go to another
    address than the peer's own, which would make the server a weapon.
    """
    able = frozenset(allowed)
    offers: list[Offer] = []
    refusal: ProtocolError | None = None
    for spec in specs:
        kind = _kind(spec)
        if kind is None or kind not in able:
            continue
        fault = _udp_refusal(spec, peer_ip) if kind is TransportKind.UDP else None
        if fault is None:
            offers.append(Offer(kind, spec))
        refusal = fault or refusal
    if refusal is not None and not offers:
        raise refusal
    return offers[:_MOST_OFFERS]


def _udp_refusal(spec: TransportSpec, peer_ip: str) -> ProtocolError | None:
    ports = spec.client_port
    if ports is None or not (min(ports) > 0 and max(ports) < 65536):
        return ProtocolError(
            "UDP needs client_port=RTP-RTCP, each from 1024 to 65535", where="Transport"
        )
    if min(ports) < FIRST_USER_PORT:
        return ProtocolError(
            f"client_port below {FIRST_USER_PORT} belongs to the system's own services; "
            "use a higher one, or TCP",
            status=Status.UNSUPPORTED_TRANSPORT,
            where="Transport",
        )
    # RFC 2326 §12.39: to keep others from being flooded, a server should not send to a
    # destination other than the peer's own address.
    if spec.destination and spec.destination.strip("[]") != peer_ip:
        return ProtocolError(
            "media is sent to the address of the request only",
            status=Status.DESTINATION_PROHIBITED,
            where="Transport",
        )
    return None
