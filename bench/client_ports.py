"""Even and odd UDP port pairs for the clients of the load."""

import socket
import struct
from collections.abc import Iterator
from itertools import count

FIRST_PORT = 20000
LAST_PORT = 32700
SO_TIMESTAMPNS = 35
"""Of <asm-generic/socket.h>; Python does not name it."""
RECEIVE_BUFFER_BYTES = 2 * 1024 * 1024
# Linux: an array of 32-bit counters of a socket; the ninth is its drops, the figure SO_RXQ_OVFL
# would put beside every packet.
SO_MEMINFO = 55
MEMINFO_DROPS = 8


def port_pairs() -> Iterator[tuple[socket.socket, socket.socket, int]]:
    """Bound RTP and RTCP sockets and the RTP port, busy pairs skipped."""
    for port in count(FIRST_PORT, 2):
        if port > LAST_PORT:
            raise RuntimeError("no free pair of UDP ports left for the load")
        rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        rtcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            rtp.bind(("", port))
            rtcp.bind(("", port + 1))
        except OSError:
            rtp.close()
            rtcp.close()
            continue
        rtp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        yield rtp, rtcp, port


def consecutive_pairs(wanted: int) -> list[tuple[socket.socket, socket.socket, int]]:
    """Pairs that follow each other without a gap, as many as wanted."""
    run: list[tuple[socket.socket, socket.socket, int]] = []
    for pair in port_pairs():
        if run and pair[2] != run[-1][2] + 2:
            for rtp, rtcp, _ in run:
                rtp.close()
                rtcp.close()
            run.clear()
        run.append(pair)
        if len(run) == wanted:
            break
    return run


def receive_drops(sock: socket.socket) -> int:
    """Datagrams the kernel dropped because this socket was not read in time."""
    values = sock.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 4 * (MEMINFO_DROPS + 1))
    return int(struct.unpack_from("I", values, 4 * MEMINFO_DROPS)[0])
