"""Readers of one egress are told apart by their ports, and those behind a NAT by what they send."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from headwater.net.socket_address import Address
from headwater.protocol.rtcp import ReportBlock
from headwater.protocol.rtcp_build import receiver_report
from headwater.transports.datagram.udp_claims import PortUse, UdpClaim, UdpClaims

SSRC = 0xA
HOME = "192.0.2.1"
EMPTY_REPORT = receiver_report(7, cname="reader")


def report_on(ssrc: int) -> bytes:
    return receiver_report(7, [ReportBlock(ssrc, 0, 0, 100, 0)], cname="reader")


@dataclass
class Listener:
    """A reader that writes down what its claims tell it."""

    latching: bool = True
    rtcp: list[bytes] = field(default_factory=list)
    elsewhere: list[tuple[PortUse, int]] = field(default_factory=list)

    def take_rtcp(self, claim: UdpClaim, packet: bytes) -> None:
        self.rtcp.append(packet)

    def ssrc_of(self, claim: UdpClaim) -> int | None:
        return SSRC

    def packets_come_from(self, claim: UdpClaim, use: PortUse, address: Address) -> bool:
        self.elsewhere.append((use, address[1]))
        return self.latching


def claimed(
    claims: UdpClaims, listener: Listener, port: int = 5000, peer_ip: str = HOME
) -> UdpClaim:
    places = ((peer_ip, port), (peer_ip, port + 1))
    claim = UdpClaim(claimant=listener, track_index=0, places=places)
    claims.add(claim)
    return claim


def test_rtcp_goes_to_whoever_asked_for_its_port() -> None:
    claims, one, two = UdpClaims(), Listener(), Listener()
    claimed(claims, one)
    claimed(claims, two, 6000)
    assert claims.take_rtcp(b"first", (HOME, 5001))
    assert claims.take_rtcp(b"second", (HOME, 6001))
    assert (one.rtcp, two.rtcp) == ([b"first"], [b"second"])
    claims.take_rtp((HOME, 6000))
    assert one.elsewhere == two.elsewhere == []


def test_the_first_packet_from_another_port_tells_it_and_no_later_one() -> None:
    claims, listener = UdpClaims(), Listener()
    claim = claimed(claims, listener)
    for port in (41_000, 42_000):
        claims.take_rtp((HOME, port))
        claims.take_rtcp(EMPTY_REPORT, (HOME, port + 7))
    assert listener.elsewhere == [(PortUse.RTP, 41_000), (PortUse.RTCP, 41_007)]
    assert listener.rtcp == [EMPTY_REPORT]
    assert claim.heard_from == (41_000, 41_007)


def test_another_address_is_never_heard() -> None:
    claims, listener = UdpClaims(), Listener()
    claimed(claims, listener)
    claims.take_rtp(("192.0.2.2", 5000))
    assert not claims.take_rtcp(report_on(SSRC), ("192.0.2.2", 5001))
    assert (listener.elsewhere, listener.rtcp) == ([], [])


def test_a_reader_that_acknowledged_media_is_never_moved() -> None:
    claims, listener = UdpClaims(), Listener()
    claimed(claims, listener)
    claims.take_rtcp(EMPTY_REPORT, (HOME, 5001))
    claims.take_rtcp(report_on(SSRC), (HOME, 5001))
    claims.take_rtp((HOME, 41_000))
    assert not claims.take_rtcp(report_on(SSRC), (HOME, 41_001))
    assert listener.elsewhere == []


def test_a_report_without_a_source_acknowledges_nothing() -> None:
    claims, listener = UdpClaims(), Listener()
    claimed(claims, listener)
    claims.take_rtcp(EMPTY_REPORT, (HOME, 5001))
    claims.take_rtcp(b"\x80\xc9", (HOME, 5001))
    claims.take_rtp((HOME, 41_000))
    assert listener.elsewhere == [(PortUse.RTP, 41_000)]


def test_readers_behind_one_address_get_its_ports_in_the_order_they_came() -> None:
    claims, one, two = UdpClaims(), Listener(), Listener()
    claimed(claims, one)
    claimed(claims, two, 6000)
    for port in (41_000, 42_000, 43_000):
        claims.take_rtp((HOME, port))
    assert one.elsewhere == [(PortUse.RTP, 41_000)]
    assert two.elsewhere == [(PortUse.RTP, 42_000)]


@pytest.mark.parametrize(
    ("packet", "is_taken"),
    [
        (report_on(SSRC), True),
        (report_on(SSRC + 1), False),
        (EMPTY_REPORT, False),
        (b"\0\0\0\0", False),
    ],
    ids=["of this media", "of other media", "of none", "no report"],
)
def test_without_latching_only_reports_of_the_media_are_taken(
    packet: bytes, is_taken: bool
) -> None:
    claims, listener = UdpClaims(), Listener(latching=False)
    claimed(claims, listener)
    for _ in range(2):
        assert claims.take_rtcp(packet, (HOME, 41_001)) is is_taken
    assert listener.rtcp == [packet] * 2 * is_taken
    assert listener.elsewhere == [(PortUse.RTCP, 41_001)], "told once"


def test_a_claim_that_ends_leaves_nothing_behind() -> None:
    claims, listener = UdpClaims(), Listener()
    claim = claimed(claims, listener)
    claims.take_rtcp(EMPTY_REPORT, (HOME, 41_001))
    claims.remove(claim)
    claims.take_rtp((HOME, 41_000))
    for port in (5001, 41_001, 41_000):
        assert not claims.take_rtcp(report_on(SSRC), (HOME, port))
    assert listener.rtcp == [EMPTY_REPORT]


def test_a_claim_that_ends_late_does_not_take_the_ports_from_the_next() -> None:
    claims, one, two = UdpClaims(), Listener(), Listener()
    old = claimed(claims, one)
    claimed(claims, two)
    claims.remove(old)
    assert claims.take_rtcp(b"report", (HOME, 5001))
    assert two.rtcp == [b"report"]


def test_ports_of_the_systems_own_services_are_nobodys() -> None:
    claims, reader = UdpClaims(), Listener()
    claim = claimed(claims, reader)
    claims.take_rtp((HOME, 53))
    assert not claims.take_rtcp(report_on(SSRC), (HOME, 123))
    assert (reader.elsewhere, reader.rtcp, claim.heard_from) == ([], [], (0, 0))
    claims.take_rtp((HOME, 1024))
    assert reader.elsewhere == [(PortUse.RTP, 1024)]


@pytest.mark.parametrize("use", list(PortUse))
def test_a_packet_from_the_port_that_was_asked_for_decides_against_later_ones(use: PortUse) -> None:
    claims, reader = UdpClaims(), Listener()
    claim = claimed(claims, reader)
    for port in (claim.ports[use], 7000):
        if use is PortUse.RTP:
            claims.take_rtp((HOME, port))
        else:
            claims.take_rtcp(EMPTY_REPORT, (HOME, port))
    assert reader.elsewhere == []
    assert claim.latched == (False, False)
