"""Which of several transports is taken, and why none is."""

from __future__ import annotations

import pytest

from headwater.protocol.errors import ProtocolError
from headwater.protocol.header.transport import parse_transport
from headwater.transports.offers.negotiation import fitting
from headwater.transports.settings import TransportKind

ALL = tuple(TransportKind)
UDP = "RTP/AVP;unicast;client_port=5000-5001"
TCP = "RTP/AVP/TCP;unicast;interleaved=0-1"


@pytest.mark.parametrize(
    ("value", "allowed", "kind"),
    [
        (f"{UDP},{TCP}", ALL, TransportKind.UDP),
        (f"{TCP},{UDP}", ALL, TransportKind.TCP),
        (f"{UDP},{TCP}", (TransportKind.TCP,), TransportKind.TCP),
        ("RTP/AVP;multicast", ALL, TransportKind.MULTICAST),
        ("RTP/AVPF;unicast;client_port=5000-5001", ALL, TransportKind.UDP),
        ("RTP/AVP;unicast;interleaved=0-1", ALL, TransportKind.TCP),
        (f"RTP/AVP;unicast,{TCP}", ALL, TransportKind.TCP),
        (f"RTP/AVP;unicast;client_port=123-124,{TCP}", ALL, TransportKind.TCP),
        ("RTP/AVP;unicast;client_port=1024-1025", ALL, TransportKind.UDP),
        (f"{UDP};destination=192.0.2.9,{TCP}", ALL, TransportKind.TCP),
        (f"{UDP};destination=192.0.2.1", ALL, TransportKind.UDP),
        ("RTP/SAVP;unicast;client_port=5000-5001", ALL, None),
        (UDP, (TransportKind.TCP,), None),
        ("", ALL, None),
    ],
)
def test_first_that_can_be_had_is_taken(
    value: str, allowed: tuple[TransportKind, ...], kind: TransportKind | None
) -> None:
    offers = fitting(parse_transport(value), allowed, peer_ip="192.0.2.1")
    assert (offers[0].kind if offers else None) == kind


def test_all_that_fit_are_told_in_the_order_of_the_peer() -> None:
    value = f"RTP/AVP;unicast,{TCP},RTP/SAVP;unicast,{UDP};destination=192.0.2.9,{UDP}"
    offers = fitting(parse_transport(value), ALL, peer_ip="192.0.2.1")
    assert [offer.kind for offer in offers] == [TransportKind.TCP, TransportKind.UDP]
    assert offers[1].spec.destination is None


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("RTP/AVP;unicast", 400),
        ("RTP/AVP;unicast;client_port=53-54", 461),
        ("RTP/AVP;unicast;client_port=1023-1024", 461),
        (f"{UDP};destination=192.0.2.9", 463),
        (f"{UDP};destination=camera.example", 463),
    ],
)
def test_refusal_says_why_where_nothing_is_left(value: str, status: int) -> None:
    with pytest.raises(ProtocolError) as refused:
        fitting(parse_transport(value), ALL, peer_ip="192.0.2.1")
    assert refused.value.status == status


def test_ipv6_destination_may_stand_in_brackets() -> None:
    specs = parse_transport(f"{UDP};destination=[2001:db8::1]")
    [offer] = fitting(specs, ALL, peer_ip="2001:db8::1")
    assert offer.kind is TransportKind.UDP
