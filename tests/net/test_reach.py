"""Which addresses may be called where strangers choose the host."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from headwater.net.reach import Reach


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("192.0.43.7", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("10.0.0.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("0.0.0.0", False),
        ("224.0.1.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:192.0.43.7", True),
        ("2002:7f00:1::", False),
        ("64:ff9b::7f00:1", False),
        ("localhost", False),
    ],
)
def test_public_addresses_alone(host: str, allowed: bool) -> None:
    assert Reach().allows(host) is allowed


def test_networks_of_the_owner() -> None:
    reach = Reach((ip_network("10.1.0.0/16"),))
    assert reach.allows("10.1.2.3")
    assert reach.allows("::ffff:10.1.2.3")
    assert not reach.allows("10.2.0.1")
