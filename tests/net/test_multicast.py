"""Multicast datagrams reach who joined, with the TTL and interface asked for."""

from __future__ import annotations

import contextlib
import errno
import socket
import sys

import pytest

from headwater.net.kernel_features import probe
from headwater.net.multicast import (
    interface_address,
    interface_index,
    is_multicast,
    join_group,
    open_multicast_receiver,
    open_multicast_sender,
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
        open_multicast_receiver(GROUP, 0, interface=interface) as receiver,
        open_multicast_sender(GROUP, ttl=7, interface=interface) as sender,
    ):
        port = receiver.getsockname()[1]
        with open_multicast_receiver(GROUP, port, interface=interface) as second:
            sender.sendto(b"to all", (GROUP, port))
            assert receive(receiver) == receive(second) == [b"to all"]
        assert sender.getsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL) == 7
        assert not sender.getblocking()
        assert not receiver.getblocking()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="how Linux joins sources")
def test_one_source_only() -> None:
    with (
        open_multicast_receiver(GROUP, 0, interface="127.0.0.1", source="127.0.0.1") as wanted,
        open_multicast_receiver(GROUP, 0, interface="127.0.0.1", source="127.0.0.9") as other,
        open_multicast_sender(GROUP, interface="127.0.0.1") as sender,
    ):
        sender.sendto(b"x", (GROUP, other.getsockname()[1]))
        sender.sendto(b"x", (GROUP, wanted.getsockname()[1]))
        assert receive(wanted) == [b"x"]
        with pytest.raises(BlockingIOError):
            other.recv(10)


@pytest.mark.parametrize("loopback", [True, False])
def test_loopback_option(loopback: bool) -> None:
    # The loopback interface itself returns every datagram, so only the option can be looked at.
    with open_multicast_sender(GROUP, loopback=loopback) as sender:
        told = sender.getsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP)
        assert bool(told) is loopback


@pytest.mark.skipif(not (probe().ipv6 and LOOPBACK), reason="no IPv6 here")
def test_ipv6() -> None:
    try:
        receiver = open_multicast_receiver(GROUP6, 0, interface=LOOPBACK)
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
    with pytest.raises(ValueError, match="not a numeric multicast address"):
        open_multicast_receiver(group, 0)


@pytest.mark.parametrize("ttl", [-1, 256])
def test_ttl_out_of_range(ttl: int) -> None:
    with pytest.raises(ValueError, match="ttl is"):
        open_multicast_sender(GROUP, ttl=ttl)


def test_unknown_interface() -> None:
    with pytest.raises(OSError, match=r"."):
        open_multicast_sender(GROUP, interface="nosuchcard")
    with pytest.raises(OSError, match=r"."):
        open_multicast_receiver(GROUP, 0, interface="nosuchcard")
    with pytest.raises(OSError, match=r"."):
        interface_address("nosuchcard")


def test_sources_are_for_ipv4() -> None:
    if not probe().ipv6:
        pytest.skip("no IPv6 here")
    with (
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock,
        pytest.raises(ValueError, match="IPv4 only"),
    ):
        join_group(sock, GROUP6, source="::1")


def test_interfaces_by_name_number_and_address() -> None:
    index, name = socket.if_nameindex()[0]
    assert interface_index("") == 0
    assert interface_index(name) == interface_index(str(index)) == index
    assert interface_address("192.0.2.5") == "192.0.2.5"
    if sys.platform.startswith("linux") and LOOPBACK:
        assert interface_address(LOOPBACK) == "127.0.0.1"


def test_interface_by_name_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(OSError, match="must be given by its IPv4 address"):
        interface_address("en0")
