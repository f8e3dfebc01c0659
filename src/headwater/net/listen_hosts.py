"""Where a server listens: from a host as a person writes it to the addresses to bind."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import re
import socket
from typing import Final

from headwater.log_pace import paced_logger
from headwater.net.errors import HostUnknownError
from headwater.net.socket_address import family_of

_log = paced_logger(__name__)

# RFC 1123 section 2.1: letters, digits and hyphens; underscores are common in containers.
_NAME: Final = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?")
_ADDRESS_WITH_PORT: Final = re.compile(r"(\[.+\]|[^:\[\]]*):(\d*)")
_NOT_HERE: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


def host_complaint(host: str) -> str | None:
    """Return what is wrong with the text of a host, and what to write; None if nothing is.

    Asks nobody: a name that looks right may still be unknown.
    """
    if not host or _is_address(host):
        return None
    if host == "*":
        return "leave it empty to listen on every address"
    if "://" in host or "/" in host:
        return "write a host alone, without scheme or path"
    if host.startswith("[") and host.endswith("]") and _is_address(host[1:-1]):
        return f"write {host[1:-1]}, without brackets"
    if with_port := _ADDRESS_WITH_PORT.fullmatch(host):
        alone = with_port[1].strip("[]")
        written = f"host {alone}" if alone else "an empty host"
        return f"write {written} and publish_port {with_port[2] or 8554}"
    last = host.rstrip(".").rpartition(".")[2]
    if len(host) > 253 or not _NAME.fullmatch(host) or last.isdecimal():
        return "it is no IPv4 address, no IPv6 address and no host name"
    return None


async def listen_hosts(host: str) -> tuple[str, ...]:
    """Return the numeric addresses to listen on; an empty host and a numeric one stay as they are.

    A name may stand for several addresses, IPv4 and IPv6: all that this machine has. Raises
    HostUnknownError when there is none.
    """
    if not host or _is_address(host):
        return (host,)
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        cause = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise _unknown(host, f"is not known here ({cause})") from error
    addresses = [str(entry[4][0]) for entry in found]
    here = [each for each in dict.fromkeys(addresses) if _is_of_this_machine(host, each)]
    if not here:
        raise _unknown(host, f"is {', '.join(addresses)}, no address of this machine")
    return tuple(here)


def _unknown(host: str, cause: str) -> HostUnknownError:
    return HostUnknownError(
        errno.EADDRNOTAVAIL,
        f"host {host!r} {cause}; write an address of this machine, or leave it empty to listen "
        "on all of them",
    )


def _is_of_this_machine(host: str, address: str) -> bool:
    """Return whether a socket can listen on the address: `localhost` is `::1` even without IPv6."""
    try:
        with socket.socket(family_of(address), socket.SOCK_STREAM) as sock:
            sock.bind((address, 0))
    except OSError as error:
        if error.errno not in _NOT_HERE:
            # The real socket will tell it better, with its port.
            return True
        _log.info("Address left out", extra={"host": host, "address": address, "cause": str(error)})
        return False
    return True


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
