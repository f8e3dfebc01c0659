"""How the live fuzz's peers come and read, and what it holds the server to meanwhile."""

import asyncio
import socket
from collections.abc import Callable
from typing import cast

import pytest
from fuzz.live.bounds import GIVEN_BACK, LONGEST_WAIT_S, MOST_UNREAD_BYTES, excess, kept
from fuzz.live.manners import MANNERS, Manner, Reading, version_1, version_2
from fuzz.live.peer import SIP_BYTES, Peer, Shared

from headwater.net.proxy_protocol import parse_proxy_header

ANSWER = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 100\r\n\r\n" + bytes(100)
UDP_GIVEN = (
    b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n"
    b"Transport: RTP/AVP;unicast;client_port=4-5;server_port=6-7\r\n\r\n"
)


class SocketTransport:
    """A transport that leaves reading to whoever has the socket."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.aborted = False

    def get_extra_info(self, name: str) -> socket.socket:
        assert name == "socket"
        return self.sock

    def pause_reading(self) -> None:
        return

    def abort(self) -> None:
        self.aborted = True


def with_manner(manner: Manner, transport: object) -> Peer:
    peer = Peer("peer", Shared(), manner)
    peer.connection_made(cast("asyncio.Transport", transport))
    peer.hold_back()
    return peer


@pytest.mark.parametrize(
    ("make", "client", "proxy"),
    [
        (version_1, "2001:db8::1", "2001:db8::2"),
        (version_2, "2001:db8::1", "2001:db8::2"),
        (version_1, "192.0.2.1", "192.0.2.2"),
        (version_2, "192.0.2.1", "192.0.2.2"),
    ],
)
def test_proxy_headers_name_the_client(
    make: Callable[[str, str], bytes], client: str, proxy: str
) -> None:
    header = make(client, proxy)
    parsed = parse_proxy_header(header)
    assert parsed is not None
    assert parsed.source is not None
    assert (parsed.source[:2], parsed.size_bytes) == ((client, 4000), len(header))


def test_every_manner_has_peers_and_proxies_tell_of_the_other_family() -> None:
    assert {manner.reading for manner in MANNERS} == set(Reading)
    told = set()
    for manner in MANNERS:
        if manner.is_of_other_family:
            parsed = parse_proxy_header(manner.proxy_header)
            assert parsed is not None
            assert parsed.source is not None
            assert (":" in parsed.source[0]) != (":" in manner.source)
            told.add(parsed.source[0])
    assert len(told) == 2


def test_a_peer_that_trickles_takes_a_little_and_checks_it() -> None:
    ours, servers = socket.socketpair()
    with ours, servers:
        ours.setblocking(False)
        peer = with_manner(Manner(reading=Reading.TRICKLE), SocketTransport(ours))
        peer.ask(1, "DESCRIBE")
        servers.sendall(ANSWER)
        sips = 0
        while peer.asked:
            peer.sip()
            sips += 1
        assert sips == -(-len(ANSWER) // SIP_BYTES)
        assert peer.shared.answers == {("DESCRIBE", 200): 1}
        assert (peer.shared.waiting, peer.shared.findings) == (0, [])


def test_a_peer_that_trickles_is_over_when_the_server_has_closed() -> None:
    ours, servers = socket.socketpair()
    with ours:
        ours.setblocking(False)
        transport = SocketTransport(ours)
        peer = with_manner(Manner(reading=Reading.TRICKLE), transport)
        peer.ask(1, "DESCRIBE")
        servers.close()
        peer.sip()
        assert transport.aborted
        assert not peer.open
        assert not peer.shared.findings


def test_nothing_is_waited_for_from_a_peer_that_reads_nothing() -> None:
    ours, servers = socket.socketpair()
    with ours, servers:
        peer = with_manner(Manner(reading=Reading.NOTHING), SocketTransport(ours))
        peer.ask(1, "DESCRIBE")
        peer.sip()
        assert (peer.asked, peer.shared.waiting) == ([], 0)
        peer.connection_lost(ConnectionResetError())
        assert not peer.shared.findings


@pytest.mark.parametrize(("header", "found"), [(b"PROXY", True), (b"", False)])
def test_udp_is_a_finding_where_the_peer_is_of_the_other_family(header: bytes, found: bool) -> None:
    peer = with_manner(Manner(proxy_header=header), object())
    peer.ask(1, "SETUP")
    peer.data_received(UDP_GIVEN)
    assert any("gave UDP" in finding for finding in peer.shared.findings) is found


@pytest.mark.parametrize(("asked", "found"), [(True, True), (False, False)])
def test_an_answer_in_http_is_for_what_was_no_request(asked: bool, found: bool) -> None:
    peer = with_manner(Manner(), object())
    if asked:
        peer.ask(None, "OPTIONS")
    else:
        peer.ending = True
    peer.data_received(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    assert any("in HTTP" in finding for finding in peer.shared.findings) is found


WITHIN = dict.fromkeys((*GIVEN_BACK, "request_failures", "connection_failures"), 0.0) | {
    "oldest_queued_s": LONGEST_WAIT_S,
    "peak_rss_kib": 40_000.0,
    "most_unread_bytes": float(MOST_UNREAD_BYTES),
    "answer_queue_most_bytes": 60_000.0,
    "connections": 2.0,
    "answer_queue_bytes": 60_000.0 + 2 * MOST_UNREAD_BYTES,
}


def test_what_is_within_its_bounds_is_no_finding() -> None:
    assert excess(WITHIN) == []


@pytest.mark.parametrize(
    "name",
    [
        *("oldest_queued_s", "peak_rss_kib", "most_unread_bytes", "answer_queue_bytes"),
        *("request_failures", "connection_failures"),
    ],
)
def test_what_is_beyond_its_bound_is_named(name: str) -> None:
    (finding,) = excess(WITHIN | {name: 1e9})
    assert finding.startswith(f"{name} is ")


@pytest.mark.parametrize("name", GIVEN_BACK)
@pytest.mark.parametrize("left", [1.0, -1.0])
def test_what_is_not_given_back_or_given_back_twice_is_named(name: str, left: float) -> None:
    before = dict.fromkeys(WITHIN, 0.0)
    assert kept(before, before) == []
    (finding,) = kept(before, before | {name: left})
    assert finding.startswith(f"{name} is {left}")
