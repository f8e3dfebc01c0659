"""A network of its own behind a link that can be made bad: namespaces, veth pairs, an emulator."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import fcntl
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path

from rtsp_peer import DEADLINE_S, OPEN, RtspPeer
from udp_peer import UdpPair

_NEW_NETWORK = 0x40000000
_ETHTOOL = 0x8946
_SET_TX_CHECKSUMS = 0x17
_numbers = count()
_nets = count()
_NETS = 250


def unusable() -> str | None:
    """Why there can be no such link here; None when there can."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "needs root"
    if shutil.which("ip") is None:
        return "needs ip (iproute2)"
    probe = subprocess.run(
        ["ip", "netns", "add", f"hw-probe-{os.getpid()}"], capture_output=True, text=True
    )
    if probe.returncode:
        return f"no network namespaces: {probe.stderr.strip()}"
    run(f"ip netns del hw-probe-{os.getpid()}")
    return None


@contextmanager
def in_namespace(name: str) -> Iterator[None]:
    """Sockets made in here are of this namespace, for as long as they live."""
    libc = ctypes.CDLL(None, use_errno=True)
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(Path("/var/run/netns") / name, os.O_RDONLY)
    try:
        _check(libc.setns(there, _NEW_NETWORK))
        try:
            yield
        finally:
            _check(libc.setns(here, _NEW_NETWORK))
    finally:
        os.close(here)
        os.close(there)


def run(command: str) -> str:
    """What a command prints; it must succeed."""
    return subprocess.run(command.split(), check=True, capture_output=True, text=True).stdout


class FaultyLink:
    """`near` is this side's address, where the server listens; `far` the one in the namespace.

    Between the two sits a third namespace whose process passes frames on, or not.
    """

    def __init__(self) -> None:
        number = next(_numbers)
        self._claim, net_number = _claimed_net()
        self.name = f"hw{os.getpid() % 100000}x{number}"
        self._between = f"{self.name}m"
        near, middle_near, middle_far, far = (f"{self.name}{end}" for end in "abcd")
        self._far_device = far
        net = f"10.231.{net_number}"
        self.near, self.far = f"{net}.1", f"{net}.2"
        for command in (
            f"ip netns add {self.name}",
            f"ip netns add {self._between}",
            f"ip link add {near} type veth peer name {middle_near}",
            f"ip link add {far} type veth peer name {middle_far}",
            f"ip link set {middle_near} netns {self._between}",
            f"ip link set {middle_far} netns {self._between}",
            f"ip link set {far} netns {self.name}",
            f"ip addr add {self.near}/30 dev {near}",
            f"ip link set {near} up",
            f"ip -n {self._between} link set {middle_near} up",
            f"ip -n {self._between} link set {middle_far} up",
            f"ip -n {self.name} addr add {self.far}/30 dev {far}",
            f"ip -n {self.name} link set {far} up",
            f"ip -n {self.name} link set lo up",
        ):
            run(command)
        without_offloads(near)
        with self.far_side():
            without_offloads(far)
        emulator = Path(__file__).with_name("link_emulator.py")
        self._emulator = subprocess.Popen(
            [
                "ip",
                "netns",
                "exec",
                self._between,
                sys.executable,
                emulator,
                middle_near,
                middle_far,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._emulator.stdout is not None
        assert self._emulator.stdout.readline() == b"ready\n"

    def impair(self, faults: dict[str, float]) -> None:
        """Make both directions bad, by the emulator's words."""
        self._tell(faults)

    @property
    def dropped(self) -> tuple[int, int]:
        """Packets that the link dropped on their way to the far side, and from it."""
        there, back = self._tell(None)
        return there, back

    def _tell(self, faults: dict[str, float] | None) -> list[int]:
        assert self._emulator.stdin is not None
        assert self._emulator.stdout is not None
        self._emulator.stdin.write(json.dumps(faults).encode() + b"\n")
        self._emulator.stdin.flush()
        dropped: list[int] = json.loads(self._emulator.stdout.readline())
        return dropped

    def down(self) -> None:
        """Cut the link; neither side is told."""
        run(f"ip -n {self.name} link set {self._far_device} down")

    def up(self) -> None:
        """Mend it."""
        run(f"ip -n {self.name} link set {self._far_device} up")

    def close(self) -> None:
        """Take it all away."""
        assert self._emulator.stdin is not None
        self._emulator.stdin.close()
        self._emulator.wait(10)
        run(f"ip netns del {self._between}")
        run(f"ip netns del {self.name}")
        self._claim.close()

    def far_side(self) -> AbstractContextManager[None]:
        """Sockets made in here are of the far side, for as long as they live."""
        return in_namespace(self.name)

    async def connect(self, port: int) -> RtspPeer:
        """A connection from the far side to the server."""
        with self.far_side():
            sock = socket.socket()
        sock.setblocking(False)
        async with asyncio.timeout(DEADLINE_S):
            await asyncio.get_running_loop().sock_connect(sock, (self.near, port))
        peer = RtspPeer(*await asyncio.open_connection(sock=sock))
        OPEN.append(peer)
        return peer

    def udp_pair(self) -> UdpPair:
        """A pair of UDP sockets of the far side."""
        with self.far_side():
            return UdpPair(self.far)


def _claimed_net() -> tuple[socket.socket, int]:
    """A network that no other run of the tests has now, and the socket that keeps others off.

    Where two links had one, packets of the one would go to the other. A run that was killed has
    left its devices, with their addresses, on this machine.
    """
    addresses = run("ip -brief -4 addr show")
    first = os.getpid() + next(_nets)
    for number in range(first, first + _NETS):
        if f" 10.231.{number % _NETS}." in addresses:
            continue
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            # In the abstract name space: gone with the process.
            claim.bind(f"\0headwater-test-net-{number % _NETS}")
        except OSError as error:
            claim.close()
            if error.errno != errno.EADDRINUSE:
                raise
            continue
        return claim, number % _NETS
    raise RuntimeError(f"{_NETS} links are open on this machine, and there is no net for more")


def without_offloads(device: str) -> None:
    """Have each packet whole on the wire: what a device would do to it later is done now."""
    value = ctypes.create_string_buffer(struct.pack("II", _SET_TX_CHECKSUMS, 0))
    request = struct.pack("16sP", device.encode(), ctypes.addressof(value))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, _ETHTOOL, request)


def _check(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
