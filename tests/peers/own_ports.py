"""Ports that no other run of the tests takes meanwhile, nor another worker of this one.

They lie below those that the systems hand out for port 0 (Linux from 32768, others from 49152), so
that no socket of a test gets one of them by chance.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import socket

_BLOCKS = [range(first, first + 1_000) for first in range(10_000, 30_000, 1_000)]


def _claimed() -> tuple[socket.socket, range]:
    """The first block that nobody has, and the socket that keeps others from it."""
    for block in _BLOCKS:
        claim = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            claim.bind(("127.0.0.1", block[-1]))
        except OSError as error:
            claim.close()
            if error.errno != errno.EADDRINUSE:
                raise
            continue
        return claim, block
    raise RuntimeError(
        f"{len(_BLOCKS)} runs of the tests go on here, and there are ports for no more"
    )


# For as long as this process lives.
_CLAIM, _BLOCK = _claimed()


def own_port(number: int) -> int:
    """The port of this process with a number from 0 to 998."""
    return _BLOCK[number]


_NEXT = itertools.count()
# Handed out in turn; the tests that name their ports take others.
_FREE = _BLOCK[800:900]


def free_ports(count: int) -> list[int]:
    """So many ports of this process that nothing listens on, on any address.

    A port from the system (bound to 0, then closed) is anybody's until it is listened on: the
    connections of other tests get theirs from there.
    """
    ports: list[int] = []
    for _ in range(2 * len(_FREE)):
        if len(ports) == count:
            break
        port = _FREE[next(_NEXT) % len(_FREE)]
        with contextlib.suppress(OSError), socket.create_server(("", port)):
            ports.append(port)
    if len(ports) < count:
        raise RuntimeError(f"all ports from {_FREE[0]} to {_FREE[-1]} are listened on")
    return ports


def free_port() -> int:
    """One port of this process that nothing listens on."""
    (port,) = free_ports(1)
    return port
