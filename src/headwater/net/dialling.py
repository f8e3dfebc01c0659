"""Opening a TCP connection to a host by name or address, within a deadline."""

from __future__ import annotations

import asyncio
import socket
from typing import cast

from headwater.net.reach import Reach
from headwater.net.socket_address import Address, address_text

_LEAST_TRY_S = 1.0
"""What each address of a host with several gets, even where the deadline is short."""


async def dial(
    host: str, port: int, deadline_s: float, reach: Reach | None = None
) -> socket.socket:
    """Connect to a host; its addresses are tried one after another, each for its share of the time.

    The host may be a name, an IPv4 or an IPv6 address, with its zone (`fe80::1%eth0`).

    Of a name that leads to addresses outside of `reach`, those are not called.

    Raises OSError, which says what came of the last address, TimeoutError among them.
    """
    loop = asyncio.get_running_loop()
    until_s = loop.time() + deadline_s
    async with asyncio.timeout(deadline_s):
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [(one[0], cast("Address", one[4])) for one in found]
    failure: OSError = OSError(f"{host} has no address")
    if reach is not None and addresses:
        addresses = [one for one in addresses if reach.allows(one[1][0])]
        failure = OSError(
            f"{host} leads to no address that may be called (see api.source_networks)"
        )
    for index, (family, address) in enumerate(addresses):
        left_s = until_s - loop.time()
        share_s = max(_LEAST_TRY_S, left_s / (len(addresses) - index))
        try:
            return await _connect(loop, family, address, min(share_s, max(left_s, 0.0)))
        except TimeoutError:
            failure = TimeoutError(f"{address_text(address)} does not answer")
        except OSError as error:
            failure = error
    raise failure


async def _connect(
    loop: asyncio.AbstractEventLoop, family: int, address: Address, deadline_s: float
) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        async with asyncio.timeout(deadline_s):
            await loop.sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock
