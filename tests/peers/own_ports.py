"""Ports that no other run of the tests takes meanwhile, nor another worker of this one.

They lie below those that the systems hand out for port 0 (Linux from 32768, others from 49152), so
that no socket of a test gets one of them by chance.
"""

from __future__ import annotations

import errno
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
