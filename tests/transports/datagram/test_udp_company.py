"""Readers that are sent to together get what each of them would get alone."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from headwater.media.tracks.packet_batch import PacketBatch
from headwater.net.udp_sender import Destination, UdpSender
from headwater.transports.datagram.udp_company import UdpCompany
from headwater.transports.offered_tally import OfferedTally

COUNT = 6


@dataclass
class Leg:
    destination: Destination


@pytest.fixture
def sockets() -> Iterator[list[socket.socket]]:
    made = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(COUNT + 2)]
    for sock in made:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
    yield made
    for sock in made:
        sock.close()


def received(sock: socket.socket) -> list[bytes]:
    packets = []
    while True:
        try:
            packets.append(sock.recv(2048))
        except BlockingIOError:
            return packets


def batch(number: int) -> PacketBatch:
    return PacketBatch([bytes([number, each]) + bytes(1_000) for each in range(5)], 0.0)


async def test_everyone_gets_every_packet_and_counts_it(sockets: list[socket.socket]) -> None:
    out, other, *sinks = sockets
    sender = UdpSender(out, asyncio.get_running_loop())
    legs = [Leg(sender.destination(sink.getsockname())) for sink in sinks]
    tallies = [OfferedTally() for _ in sinks]
    company = UdpCompany(sender, legs, tallies)
    first, second, third = batch(1), batch(2), batch(3)
    company.send_batch(first)
    # Its packets came from another port (NAT): from now on it is sent to there.
    legs[2].destination = sender.destination(other.getsockname())
    company.send_batch(second)
    # A route that took no segments gets single datagrams.
    legs[1].destination.segmented = False
    sender.fallbacks += 1
    company.send_batch(third)
    wanted = [*first.packets, *second.packets, *third.packets]
    for index, sink in enumerate(sinks):
        assert received(sink) == (first.packets if index == 2 else wanted)
    assert received(other) == [*second.packets, *third.packets]
    assert {(tally.packets, tally.size_bytes) for tally in tallies} == {(15, 15 * 1_002)}
    sender.close()
