"""The interfaces by which multicast can leave."""

import ipaddress
import socket
import sys

import pytest

from headwater.net.interfaces import multicast_interfaces
from headwater.net.multicast import open_multicast_sender


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere they have names")
def test_each_is_the_address_of_one() -> None:
    found = multicast_interfaces()
    assert "127.0.0.1" in found
    assert 1 <= len(found) <= len(socket.if_nameindex())
    assert all(ipaddress.IPv4Address(address) for address in found)


def test_a_sender_takes_each() -> None:
    for interface in multicast_interfaces():
        open_multicast_sender("239.255.77.8", interface=interface).close()
    assert multicast_interfaces()
