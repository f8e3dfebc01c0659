"""Ask a network, or one host, which ONVIF devices there are, and collect the answers."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import uuid
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, Final

from headwater.log_pace import paced_logger
from headwater.net.interfaces import multicast_interfaces
from headwater.net.multicast import open_multicast_sender
from headwater.onvif.probe_message import Announcement, announcements, probe

PORT: Final = 3702
GROUP: Final = "239.255.255.250"
PROBE_COUNT: Final = 2
PROBE_INTERVAL_S: Final = 0.5
MOST_OF_ONE: Final = 16
"""Answers that are read, and devices that are believed, of one address: some NVRs announce each
of their channels."""
MOST_SENDERS: Final = 1024
_TTL: Final = 1

_log = paced_logger(__name__)


async def probe_network(
    interfaces: Sequence[str], *, wait_s: float, port: int = PORT
) -> list[Announcement]:
    """Return what answers to multicast Probes on interfaces, named by IPv4 address or name.

    Without interfaces the Probes leave by all that have an IPv4 address; one that cannot send is
    left out then. Raises OSError for a chosen interface that there is not or that cannot send.
    """
    answers = _Answers()
    with ExitStack() as opened:
        senders = []
        for interface in interfaces or multicast_interfaces():
            try:
                sender = open_multicast_sender(GROUP, ttl=_TTL, interface=interface)
            except OSError as error:
                if interfaces:
                    raise
                _log.debug("Interface left out: %s", error, extra={"interface": interface})
                continue
            senders.append(opened.enter_context(contextlib.closing(sender)))
        await _exchange(senders, (GROUP, port), answers, wait_s=wait_s, strict=bool(interfaces))
    return answers.devices


async def probe_host(host: str, *, wait_s: float, port: int = PORT) -> list[Announcement]:
    """Return what one host answers to Probes that are sent to it alone, with its first answer."""
    loop = asyncio.get_running_loop()
    (family, *_, address), *_ = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    answers = _Answers(only=host)
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        # Connected, the kernel drops what others send.
        sock.connect(address)
        await _exchange([sock], None, answers, wait_s=wait_s, strict=False)
    return answers.devices


class _Answers(asyncio.DatagramProtocol):
    """Takes the answers, a few of each sender: who floods gets no more of the room than others."""

    def __init__(self, *, only: str = "") -> None:
        self._only = only
        self._answers: Counter[str] = Counter()
        self._devices: Counter[str] = Counter()
        self._found: dict[str, Announcement] = {}
        self.came = asyncio.Event()

    @property
    def devices(self) -> list[Announcement]:
        return list(self._found.values())

    def datagram_received(self, data: bytes, peer: tuple[str | Any, int]) -> None:
        host = self._only or str(peer[0])
        if self._answers[host] >= MOST_OF_ONE or len(self._answers) > MOST_SENDERS:
            return
        self._answers[host] += 1
        for device in announcements(data, host):
            if self._devices[host] < MOST_OF_ONE and device.service_url not in self._found:
                self._devices[host] += 1
                self._found[device.service_url] = device
            self.came.set()

    def error_received(self, error: Exception) -> None:
        """An ICMP error: nobody hears Probes there."""


async def _exchange(
    senders: Sequence[socket.socket],
    target: tuple[str, int] | None,
    answers: _Answers,
    *,
    wait_s: float,
    strict: bool,
) -> None:
    """Send the Probes, and take answers for `wait_s`; of one host, a little after its first."""
    loop = asyncio.get_running_loop()
    transports: list[asyncio.DatagramTransport] = []
    try:
        for sender in senders:
            # The transport closes a socket of its own.
            transport, _ = await loop.create_datagram_endpoint(lambda: answers, sock=sender.dup())
            transports.append(transport)
        async with asyncio.timeout(wait_s):
            for _ in range(PROBE_COUNT):
                for sender in senders:
                    _send(sender, target, strict=strict)
                await asyncio.sleep(PROBE_INTERVAL_S)
                if target is None and answers.devices:
                    return
            while target is not None or not answers.devices:
                await answers.came.wait()
                answers.came.clear()
    except TimeoutError:
        pass
    finally:
        for transport in transports:
            transport.close()


def _send(sender: socket.socket, target: tuple[str, int] | None, *, strict: bool) -> None:
    # Each Probe is a message of its own: devices forget no id that they answered.
    message = probe(str(uuid.uuid4()))
    try:
        sender.sendto(message, target) if target else sender.send(message)
    except OSError as error:
        if strict:
            raise
        _log.debug("Probe not sent: %s", error)
