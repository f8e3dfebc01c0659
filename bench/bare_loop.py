"""The floor under a Python server: nothing but the sends, µs of CPU per packet.

UDP: a joined buffer of 14 packets to each of 500 unread sockets, one `sendmsg` with UDP_SEGMENT
each. TCP: a `$`-framed buffer of the same 14 packets to each of 500 connections, one `send` each,
drained by another process. `python -m bench.bare_loop` prints both as JSON.
"""

import argparse
import json
import os
import resource
import socket
import struct
import time
from collections.abc import Callable

from bench.files import raise_file_limit

SOL_UDP = 17
UDP_SEGMENT = 103
PACKET_BYTES = 1200
BATCH_PACKETS = 14
RECEIVERS = 500


def _cpu_us(work: Callable[[], int]) -> dict[str, float]:
    before = resource.getrusage(resource.RUSAGE_SELF)
    packets = work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    user = (after.ru_utime - before.ru_utime) * 1e6 / packets
    system = (after.ru_stime - before.ru_stime) * 1e6 / packets
    return {"us": user + system, "user_us": user, "system_us": system}


def udp_segment(seconds: float, receivers: int = RECEIVERS) -> dict[str, float]:
    """µs per packet of one UDP_SEGMENT send per receiver, the receivers never reading."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(receivers)]
    for sock in sockets:
        sock.bind(("127.0.0.1", 0))
    addresses = [sock.getsockname() for sock in sockets]
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    buffers = [bytes(PACKET_BYTES * BATCH_PACKETS)]
    control = [(SOL_UDP, UDP_SEGMENT, struct.pack("H", PACKET_BYTES))]

    def rounds(until_s: float) -> int:
        sent = 0
        send = sender.sendmsg
        while time.monotonic() < until_s:
            for address in addresses:
                send(buffers, control, 0, address)
            sent += receivers * BATCH_PACKETS
        return sent

    rounds(time.monotonic() + 0.5)  # fills the unread sockets: every later send meets a full one
    cost = _cpu_us(lambda: rounds(time.monotonic() + seconds))
    for sock in (*sockets, sender):
        sock.close()
    return cost


def _drain_forever(sockets: list[socket.socket], cpu: int) -> None:
    import select

    os.sched_setaffinity(0, {cpu})
    poll = select.epoll()
    for sock in sockets:
        poll.register(sock, select.EPOLLIN)
    by_fd = {sock.fileno(): sock for sock in sockets}
    room = bytearray(1 << 20)
    while by_fd:
        for fd, _ in poll.poll():
            if not by_fd[fd].recv_into(room):
                poll.unregister(fd)
                del by_fd[fd]


def tcp_send(seconds: float, load_cpu: int, receivers: int = RECEIVERS) -> dict[str, float]:
    """µs per packet of one send per connection, drained on another CPU; full ones are skipped."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=receivers)
    far, near = [], []
    for _ in range(receivers):
        far.append(socket.create_connection(listener.getsockname()))
        accepted, _address = listener.accept()
        accepted.setblocking(False)
        near.append(accepted)
    child = os.fork()
    if child == 0:
        try:
            for sock in near:
                sock.close()
            _drain_forever(far, load_cpu)
        finally:
            os._exit(0)
    for sock in far:
        sock.close()
    frame = (b"$\0" + struct.pack("!H", PACKET_BYTES) + bytes(PACKET_BYTES)) * BATCH_PACKETS

    def rounds(until_s: float) -> int:
        sent = 0
        while time.monotonic() < until_s:
            full = 0
            for sock in near:
                try:
                    sent += sock.send(frame)
                except BlockingIOError:
                    full += 1
            if full:
                time.sleep(0.001)
        return sent // (PACKET_BYTES + 4)

    rounds(time.monotonic() + 0.5)
    cost = _cpu_us(lambda: rounds(time.monotonic() + seconds))
    for sock in (*near, listener):
        sock.close()
    os.waitpid(child, 0)
    return cost


def measure(
    seconds: float, server_cpu: int, load_cpu: int, *, over_tcp: bool = True
) -> dict[str, dict[str, float]]:
    """The loops on the server's CPU; the one over TCP is left out on demand."""
    os.sched_setaffinity(0, {server_cpu})
    raise_file_limit()
    costs = {"udp": udp_segment(seconds)}
    return {**costs, "tcp": tcp_send(seconds, load_cpu)} if over_tcp else costs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--server-cpu", type=int, default=0)
    parser.add_argument("--load-cpu", type=int, default=1)
    parser.add_argument("--udp-only", action="store_true")
    options = parser.parse_args()
    costs = measure(
        options.seconds, options.server_cpu, options.load_cpu, over_tcp=not options.udp_only
    )
    print(json.dumps(costs))


if __name__ == "__main__":
    main()
