"""Multicast datagrams reach who joined, with the TTL and interface asked for."""

from __future__ import annotations

import contextlib
import errno
import socket
import sys

import pytest
from multicast_peer import group_member

from headwater.net.kernel_features import probe
from headwater.net.multicast import (
    is_multicast,
    open_multicast_listener,
    open_multicast_sender,
    source_address,
)

GROUP = "239.255.77.7"
GROUP6 = "ff15::7707"
LOOPBACK = next((name for _, name in socket.if_nameindex() if name.startswith("lo")), "")


def receive(sock: socket.socket) -> list[bytes]:
    sock.settimeout(5)
    packets = [sock.recv(100)]
    sock.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            packets.append(sock.recv(100))
    return packets


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("224.0.0.1", True),
        ("239.255.255.255", True),
        ("ff02::1", True),
        ("192.0.2.1", False),
        ("240.0.0.1", False),
        ("2001:db8::1", False),
        ("", False),
        ("example.com", False),
    ],
)
def test_is_multicast(host: str, expected: bool) -> None:
    assert is_multicast(host) is expected


@pytest.mark.parametrize("interface", ["127.0.0.1", LOOPBACK])
def test_members_receive(interface: str) -> None:
    if interface == LOOPBACK and not sys.platform.startswith("linux"):
        pytest.skip("interfaces by name need Linux for IPv4")
    with (
        group_member(GROUP, 0) as receiver,
        open_multicast_sender(GROUP, ttl=7, interface=interface) as sender,
    ):
        port = receiver.getsockname()[1]
        with group_member(GROUP, port) as second:
            sender.sendto(b"to all", (GROUP, port))
            assert receive(receiver) == receive(second) == [b"to all"]
        assert sender.getsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL) == 7
        assert not sender.getblocking()


def test_datagrams_leave_from_the_port_and_address_that_the_socket_tells() -> None:
    with group_member(GROUP, 0) as receiver:
        port = receiver.getsockname()[1]
        with (
            open_multicast_sender(GROUP, port=port, interface="127.0.0.1") as sender,
            open_multicast_sender(GROUP, port=port, interface="127.0.0.1") as another,
        ):
            receiver.settimeout(5)
            for sock in (sender, another):
                sock.sendto(b"from", (GROUP, port))
                assert receiver.recvfrom(100) == (b"from", ("127.0.0.1", port))
                assert source_address(sock) == "127.0.0.1"


def test_a_port_that_somebody_has_alone_is_no_senders() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as selfish:
        selfish.bind(("", 0))
        with pytest.raises(OSError, match="in use"):
            open_multicast_sender(GROUP, port=selfish.getsockname()[1], interface="127.0.0.1")


def test_a_source_that_varies_is_none() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("", 0))
        assert source_address(sock) is None


@pytest.mark.parametrize("loopback", [True, False])
def test_loopback_option(loopback: bool) -> None:
    # The loopback interface itself returns every datagram, so only the option can be looked at.
    with open_multicast_sender(GROUP, loopback=loopback) as sender:
        told = sender.getsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP)
        assert bool(told) is loopback


@pytest.mark.skipif(not (probe().ipv6 and LOOPBACK), reason="no IPv6 here")
def test_ipv6() -> None:
    try:
        receiver = group_member(GROUP6, 0, LOOPBACK)
    except OSError as error:
        pytest.skip(f"no IPv6 multicast on {LOOPBACK}: {error}")
    with receiver, open_multicast_sender(GROUP6, ttl=3, interface=LOOPBACK) as sender:
        assert sender.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS) == 3
        try:
            sender.sendto(b"six", (GROUP6, receiver.getsockname()[1]))
        except OSError as error:
            if error.errno in (errno.ENETUNREACH, errno.EADDRNOTAVAIL):
                pytest.skip(f"no IPv6 multicast route: {error}")
            raise
        assert receive(receiver) == [b"six"]


@pytest.mark.parametrize("group", ["192.0.2.1", "::1", "example.com", ""])
def test_groups_that_are_none(group: str) -> None:
    with pytest.raises(ValueError, match="not a numeric multicast address"):
        open_multicast_sender(group)


@pytest.mark.parametrize("ttl", [-1, 256])
def test_ttl_out_of_range(ttl: int) -> None:
    with pytest.raises(ValueError, match="ttl is"):
        open_multicast_sender(GROUP, ttl=ttl)


def test_unknown_interface() -> None:
    with pytest.raises(OSError, match=r"."):
        open_multicast_sender(GROUP, interface="nosuchcard")


@pytest.mark.parametrize("interface", ["127.0.0.1", LOOPBACK])
def test_listener_hears_its_group_beside_other_members(interface: str) -> None:
    if interface == LOOPBACK and not sys.platform.startswith("linux"):
        pytest.skip("interfaces by name need Linux for IPv4")
    with (
        group_member(GROUP, 0) as member,
        open_multicast_sender(GROUP, interface=interface) as sender,
    ):
        port = member.getsockname()[1]
        with open_multicast_listener(GROUP, port, interface=interface) as listener:
            assert not listener.getblocking()
            sender.sendto(b"report", (GROUP, port))
            assert receive(member) == receive(listener) == [b"report"]


@pytest.mark.skipif(not (probe().ipv6 and LOOPBACK), reason="no IPv6 here")
@pytest.mark.parametrize("group", [GROUP6, "ff02::7707"])
def test_listener_over_ipv6(group: str) -> None:
    try:
        listener = open_multicast_listener(group, 0, interface=LOOPBACK)
    except OSError as error:
        pytest.skip(f"no IPv6 multicast here: {error}")
    with listener, open_multicast_sender(group, interface=LOOPBACK) as sender:
        port = listener.getsockname()[1]
        try:
            sender.sendto(b"report", (group, port))
        except OSError as error:
            pytest.skip(f"no IPv6 multicast route: {error}")
        assert receive(listener) == [b"report"]


def test_listener_of_what_is_no_group_or_cannot_be_joined() -> None:
    with pytest.raises(ValueError, match="not a numeric multicast address"):
        open_multicast_listener("192.0.2.1", 5001)
    with pytest.raises(OSError):  # noqa: PT011 - its text is the system's
        open_multicast_listener(GROUP, 0, interface="no-such-interface")
