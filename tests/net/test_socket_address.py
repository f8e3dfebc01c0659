"""Numeric hosts of both families become addresses the socket module takes."""

from __future__ import annotations

import socket

import pytest

from headwater.net.socket_address import (
    Address,
    address_block,
    family_of,
    interface_index,
    network_of,
    socket_address,
    unmapped,
)


@pytest.mark.parametrize(
    ("host", "family", "address"),
    [
        ("192.0.2.1", socket.AF_INET, ("192.0.2.1", 5)),
        ("2001:db8::1", socket.AF_INET6, ("2001:db8::1", 5, 0, 0)),
        ("fe80::1%7", socket.AF_INET6, ("fe80::1", 5, 0, 7)),
    ],
)
def test_numeric_hosts(host: str, family: int, address: Address) -> None:
    assert family_of(host) == family
    assert socket_address(host, 5) == address


def test_zone_by_name() -> None:
    index, name = socket.if_nameindex()[0]
    assert socket_address(f"fe80::1%{name}", 5) == ("fe80::1", 5, 0, index)


@pytest.mark.parametrize("host", ["", "localhost", "1.2.3", "1.2.3.4.5", "::g"])
def test_names_are_refused(host: str) -> None:
    with pytest.raises(ValueError, match="address"):
        family_of(host)
    with pytest.raises(ValueError, match="address"):
        socket_address(host, 5)


def test_interfaces_by_name_and_number() -> None:
    index, name = socket.if_nameindex()[0]
    assert interface_index("") == 0
    assert interface_index(name) == interface_index(str(index)) == index


def test_unknown_zone_is_refused() -> None:
    with pytest.raises(OSError, match="no interface named 'nosuchcard'"):
        socket_address("fe80::1%nosuchcard", 5)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (("::ffff:192.0.2.1", 7, 0, 0), ("192.0.2.1", 7)),
        (("2001:db8::1", 7, 0, 0), ("2001:db8::1", 7, 0, 0)),
        (("192.0.2.1", 7), ("192.0.2.1", 7)),
    ],
)
def test_unmapped(address: Address, expected: Address) -> None:
    assert unmapped(address) == expected


@pytest.mark.parametrize(
    ("host", "bits", "block"),
    [
        ("192.0.2.1", 64, "192.0.2.1"),
        ("::ffff:192.0.2.1", 64, "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", 64, "2001:db8:1:2::/64"),
        ("2001:db8:1:2:3:4:5:6", 48, "2001:db8:1::/48"),
        ("2001:db8:1:2::1", 128, "2001:db8:1:2::1/128"),
        ("fe80::1%eth0", 64, "fe80::/64"),
        ("", 64, ""),
        ("/run/socket", 64, "/run/socket"),
    ],
)
def test_what_counts_as_one_address(host: str, bits: int, block: str) -> None:
    assert address_block(host, bits) == block


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("192.0.2.1", "192.0.2.0/24"),
        ("::ffff:192.0.2.1", "192.0.2.0/24"),
        ("2001:db8:1:2::1", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("/run/socket", "/run/socket"),
    ],
)
def test_network(host: str, network: str) -> None:
    assert network_of(host, ipv4_prefix_bits=24, ipv6_prefix_bits=48) == network
