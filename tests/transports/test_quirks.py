"""What a client makes of odd answers: the kind, the source, the channels."""

from __future__ import annotations

import pytest

from headwater.protocol.header.transport import TransportSpec, parse_answered_transport
from headwater.transports.datagram.udp_ingest import TakenPorts
from headwater.transports.quirks import (
    answered_channels,
    answered_kind,
    source_hosts,
    udp_source,
)
from headwater.transports.settings import TransportKind

UDP, TCP, MULTICAST = TransportKind.UDP, TransportKind.TCP, TransportKind.MULTICAST
CAMERA = "192.0.2.7"


@pytest.mark.parametrize(
    ("answer", "asked", "kind"),
    [
        ("RTP/AVP;unicast;server_port=1-2", UDP, UDP),
        ("RTP/AVP;unicast;server_port=1-2", TCP, UDP),
        ("RTP/AVP;unicast", UDP, UDP),
        ("RTP/AVP;unicast", TCP, TCP),
        ("RTP/AVP;unicast;interleaved=0-1", TCP, TCP),
        ("RTP/AVP;unicast;interleaved=0-1", UDP, TCP),
        ("RTP/AVP;unicast;interleaved=0-1;server_port=1-2", UDP, UDP),
        ("RTP/AVP;unicast;interleaved=0-1;server_port=1-2", TCP, TCP),
        ("RTP/AVP/TCP;unicast", UDP, TCP),
        ("RTP/AVP/TCP;unicast;server_port=1-2", TCP, TCP),
        ("RTP/AVP;multicast", UDP, MULTICAST),
        ("RTP/AVP;destination=239.1.1.1", TCP, MULTICAST),
        ("RTP/AVP;destination=[ff15::1]", UDP, MULTICAST),
        ("RTP/AVP;destination=192.0.2.1;server_port=1-2", UDP, UDP),
        ("RTP/AVP;unicast;port=1-2", MULTICAST, MULTICAST),
        ("RTP/AVP;unicast;server_port=1-2", MULTICAST, UDP),
    ],
)
def test_kind_is_the_one_asked_for_unless_the_answer_names_another(
    answer: str, asked: TransportKind, kind: TransportKind
) -> None:
    [spec] = parse_answered_transport(answer)
    assert answered_kind(spec, asked) is kind


@pytest.mark.parametrize(
    ("peer", "source", "hosts"),
    [
        (CAMERA, None, (CAMERA,)),
        (CAMERA, "", (CAMERA,)),
        (CAMERA, CAMERA, (CAMERA,)),
        (CAMERA, "192.0.2.8", (CAMERA, "192.0.2.8")),
        (CAMERA, "10.0.0.5", (CAMERA, "10.0.0.5")),
        (CAMERA, "0.0.0.0", (CAMERA,)),
        (CAMERA, "127.0.0.1", (CAMERA,)),
        (CAMERA, "239.1.1.1", (CAMERA,)),
        (CAMERA, "2001:db8::1", (CAMERA,)),
        (CAMERA, "camera.local", (CAMERA,)),
        (CAMERA, "192.0.2", (CAMERA,)),
        ("2001:db8::7", "[2001:db8::8]", ("2001:db8::7", "2001:db8::8")),
        ("2001:db8::7", "[2001:DB8::7]", ("2001:db8::7",)),
        ("2001:db8::7", "::", ("2001:db8::7",)),
        ("fe80::7%1", "fe80::7", ("fe80::7%1", "fe80::7")),
    ],
)
def test_source_counts_beside_the_servers_own_address_where_it_can_be_one(
    peer: str, source: str | None, hosts: tuple[str, ...]
) -> None:
    assert source_hosts(peer, source) == hosts


@pytest.mark.parametrize(
    ("spec", "changing", "taken"),
    [
        (TransportSpec(server_port=(1, 2)), False, TakenPorts.AGREED),
        (TransportSpec(), False, TakenPorts.FIRST_HEARD),
        (TransportSpec(server_port=(1, 2), source="10.0.0.5"), False, TakenPorts.FIRST_HEARD),
        (TransportSpec(server_port=(1, 2), source="0.0.0.0"), False, TakenPorts.AGREED),
        (TransportSpec(server_port=(1, 2)), True, TakenPorts.ANY),
        (TransportSpec(), True, TakenPorts.ANY),
    ],
)
def test_ports_are_bound_to_what_the_answer_tells(
    spec: TransportSpec, changing: bool, taken: TakenPorts
) -> None:
    source = udp_source(CAMERA, spec, changing_ports=changing)
    assert (source.taken, source.ports) == (taken, spec.server_port)
    assert source.hosts[0] == CAMERA, "reports go to the server's own address"


def test_channels_of_the_answer_count_and_without_any_those_asked_for() -> None:
    assert answered_channels(TransportSpec(interleaved=(4, 5)), (0, 1)) == (4, 5)
    assert answered_channels(TransportSpec(), (0, 1)) == (0, 1)
