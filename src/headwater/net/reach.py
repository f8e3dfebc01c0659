"""Which addresses a connection may go to, where strangers choose the host (against SSRF)."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_NAT64 = IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Reach:
    """Public addresses, and those of the owner's networks.

    Attributes:
        networks: where private addresses may be called as well.
    """

    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    def allows(self, host: str) -> bool:
        """Return whether a numeric address may be called; what is none may not."""
        try:
            address = ip_address(host.partition("%")[0])
        except ValueError:
            return False
        forms = (address, *_within(address))
        return any(form in network for form in forms for network in self.networks) or all(
            form.is_global and not form.is_multicast for form in forms
        )


def _within(address: IPv4Address | IPv6Address) -> tuple[IPv4Address, ...]:
    """Return the IPv4 addresses that an IPv6 address leads to."""
    if isinstance(address, IPv4Address):
        return ()
    teredo = address.teredo[1] if address.teredo else None
    mapped = IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None
    found = (address.ipv4_mapped, address.sixtofour, teredo, mapped)
    return tuple(form for form in found if form is not None)
