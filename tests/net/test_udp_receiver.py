"""Receivers deliver what one wake-up found, bounded, counted, and survive the socket's errors."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from headwater.net import udp_receiver
from headwater.net.kernel_features import SOL_UDP, UDP_SEGMENT, KernelFeatures, probe
from headwater.net.socket_address import Address
from headwater.net.udp_receiver import UdpDatagramReceiver, UdpReceiver

DEADLINE_S = 20


class Inbox:
    """Keeps batches and lets a test wait for them."""

    def __init__(self) -> None:
        self.batches: list[list] = []
        self.changed = asyncio.Event()

    def take(self, batch: list) -> None:
        assert batch
        self.batches.append(batch)
        self.changed.set()

    @property
    def packets(self) -> list:
        return [packet for batch in self.batches for packet in batch]

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


def udp_socket(host: str = "127.0.0.1") -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    sock.bind((host, 0))
    return sock


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A receiving socket and one connected to it, which the receiving one is connected to."""
    with udp_socket() as receiving, udp_socket() as sending:
        sending.connect(receiving.getsockname())
        receiving.connect(sending.getsockname())
        yield receiving, sending


@pytest.fixture(params=["plain", "coalescing"])
def offload(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    on = request.param == "coalescing"
    if on and not probe().udp_gro:
        pytest.skip("no UDP_GRO here")
    features: KernelFeatures = replace(probe(), udp_gro=on)
    monkeypatch.setattr(udp_receiver, "probe", lambda: features)
    return on


async def test_one_batch_for_all_that_waits(
    ends: tuple[socket.socket, socket.socket], offload: bool
) -> None:
    receiving, sending = ends
    inbox = Inbox()
    receiver = UdpReceiver(receiving, asyncio.get_running_loop(), inbox.take)
    packets = [bytes([number]) * (100 + number) for number in range(40)]
    for packet in packets:
        sending.send(packet)
    await inbox.until(lambda: inbox.packets)
    assert inbox.batches == [packets]
    assert (receiver.packets, receiver.wakes) == (40, 1)
    assert receiver.bytes_received == sum(map(len, packets))
    assert (receiver.kernel_drops, receiver.errors, receiver.truncated) == (0, 0, 0)
    assert receiver.coalescing is offload
    receiver.close()


async def test_packets_per_wake_are_bounded(
    ends: tuple[socket.socket, socket.socket], offload: bool
) -> None:
    receiving, sending = ends
    inbox = Inbox()
    receiver = UdpReceiver(receiving, asyncio.get_running_loop(), inbox.take, packets_per_wake=16)
    packets = [b"%d" % number for number in range(40)]
    for packet in packets:
        sending.send(packet)
    await inbox.until(lambda: len(inbox.packets) == 40)
    assert [len(batch) for batch in inbox.batches] == [16, 16, 8]
    assert inbox.packets == packets
    receiver.close()


async def test_empty_datagrams_are_left_out(
    ends: tuple[socket.socket, socket.socket], offload: bool
) -> None:
    receiving, sending = ends
    inbox = Inbox()
    receiver = UdpReceiver(receiving, asyncio.get_running_loop(), inbox.take)
    for packet in (b"", b"one", b"", b"two", b""):
        sending.send(packet)
    await inbox.until(lambda: len(inbox.packets) == 2)
    assert inbox.packets == [b"one", b"two"]
    assert receiver.truncated == 0
    receiver.close()


async def test_long_datagrams(ends: tuple[socket.socket, socket.socket], offload: bool) -> None:
    receiving, sending = ends
    inbox = Inbox()
    receiver = UdpReceiver(receiving, asyncio.get_running_loop(), inbox.take)
    sending.send(b"a" * 16_383)
    sending.send(b"b" * 30_000)
    await inbox.until(lambda: inbox.packets)
    sending.send(b"c" * 65_507)
    await inbox.until(lambda: inbox.packets[-1][:1] == b"c")
    if offload:
        assert [len(packet) for packet in inbox.packets] == [16_383, 30_000, 65_507]
    else:
        assert [len(packet) for packet in inbox.packets] == [16_383, 65_507]
    assert receiver.truncated == (0 if offload else 1)
    receiver.close()


@pytest.mark.skipif(
    not (probe().udp_gro and probe().udp_segment), reason="no UDP_GRO or UDP_SEGMENT here"
)
async def test_coalesced_datagrams_come_apart(ends: tuple[socket.socket, socket.socket]) -> None:
    receiving, sending = ends
    inbox = Inbox()
    receiver = UdpReceiver(receiving, asyncio.get_running_loop(), inbox.take)
    packets = [bytes([number]) * 100 for number in range(20)] + [b"tail"]
    ancillary = [(SOL_UDP, UDP_SEGMENT, struct.pack("=H", 100))]
    for _ in range(20):
        sending.sendmsg([b"".join(packets)], ancillary)
    await inbox.until(lambda: len(inbox.packets) == 420)
    assert inbox.packets == packets * 20
    for _ in range(300):
        sending.sendmsg([b"".join(packets)], ancillary)
        await asyncio.sleep(0)
    await inbox.until(lambda: len(inbox.packets) == 320 * 21)
    assert receiver.coalescing, "worth it on this path"
    receiver.close()


@pytest.mark.skipif(not probe().udp_gro, reason="no UDP_GRO here")
async def test_offload_ends_where_nothing_is_coalesced(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    receiving, sending = ends
    inbox = Inbox()
    receiver = UdpReceiver(receiving, asyncio.get_running_loop(), inbox.take)
    assert receiver.coalescing
    packets = [b"%d" % number * 20 for number in range(600)]
    for index, packet in enumerate(packets):
        sending.send(packet)
        if index % 50 == 0:
            await inbox.until(lambda index=index: len(inbox.packets) == index + 1)
    await inbox.until(lambda: len(inbox.packets) == 600)
    assert inbox.packets == packets
    assert not receiver.coalescing
    assert receiving.getsockopt(SOL_UDP, udp_receiver.UDP_GRO) == 0
    receiver.close()


async def test_refused_peer_is_counted_and_harmless(
    ends: tuple[socket.socket, socket.socket], offload: bool
) -> None:
    receiving, sending = ends
    inbox = Inbox()
    address = sending.getsockname()
    receiver = UdpReceiver(receiving, asyncio.get_running_loop(), inbox.take)
    sending.close()
    receiving.send(b"to a closed port")
    async with asyncio.timeout(DEADLINE_S):
        while not receiver.refused:  # noqa: ASYNC110 - nothing else tells
            await asyncio.sleep(0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
        again.bind(address)
        again.sendto(b"here again", receiving.getsockname())
        await inbox.until(lambda: inbox.packets == [b"here again"])
    assert (receiver.refused, receiver.errors) == (1, 0)
    receiver.close()


async def test_other_errors_are_counted(
    ends: tuple[socket.socket, socket.socket], offload: bool
) -> None:
    receiving, _sending = ends
    inbox = Inbox()
    receiver = UdpReceiver(receiving, asyncio.get_running_loop(), inbox.take)
    receiver.close()
    receiving.close()
    receiver._on_readable()
    assert receiver.errors == 1
    assert not inbox.batches
    assert receiver.kernel_drops == 0


async def test_close_stops_and_leaves_the_socket(
    ends: tuple[socket.socket, socket.socket], offload: bool
) -> None:
    receiving, sending = ends
    inbox = Inbox()
    receiver = UdpReceiver(receiving, asyncio.get_running_loop(), inbox.take)
    receiver.close()
    receiver.close()
    sending.send(b"late")
    for _ in range(3):
        await asyncio.sleep(0)
    assert not inbox.batches
    assert receiving.recv(10) == b"late"


async def test_close_inside_the_callback(
    ends: tuple[socket.socket, socket.socket], offload: bool
) -> None:
    receiving, sending = ends
    inbox = Inbox()

    def take(batch: list[bytes]) -> None:
        inbox.take(batch)
        receiver.close()
        receiving.close()

    receiver = UdpReceiver(receiving, asyncio.get_running_loop(), take, packets_per_wake=1)
    sending.send(b"one")
    sending.send(b"two")
    await inbox.until(lambda: inbox.batches)
    for _ in range(3):
        await asyncio.sleep(0)
    assert inbox.packets == [b"one"]


@pytest.mark.skipif(not probe().meminfo_drops, reason="no SO_MEMINFO here")
async def test_kernel_drops_are_told() -> None:
    with udp_socket() as receiving, udp_socket() as sending:
        receiving.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8_192)
        inbox = Inbox()
        receiver = UdpReceiver(receiving, asyncio.get_running_loop(), inbox.take)
        for _ in range(200):
            sending.sendto(bytes(1_000), receiving.getsockname())
        await inbox.until(lambda: inbox.batches)
        assert receiver.kernel_drops == 200 - len(inbox.packets) > 0
        receiver.close()


async def test_datagrams_come_with_their_sources() -> None:
    with udp_socket() as receiving, udp_socket() as one, udp_socket() as two:
        inbox = Inbox()
        loop = asyncio.get_running_loop()
        receiver = UdpDatagramReceiver(receiving, loop, inbox.take, packets_per_wake=3)
        target = receiving.getsockname()
        one.sendto(b"1", target)
        two.sendto(b"22", target)
        one.sendto(b"", target)
        one.sendto(b"333", target)
        await inbox.until(lambda: len(inbox.packets) == 3)
        first, second = one.getsockname(), two.getsockname()
        assert inbox.packets == [(b"1", first), (b"22", second), (b"333", first)]
        assert [len(batch) for batch in inbox.batches] == [2, 1]
        assert (receiver.packets, receiver.bytes_received, receiver.wakes) == (3, 6, 2)
        receiver.close()


async def test_long_datagrams_with_sources() -> None:
    with udp_socket() as receiving, udp_socket() as sending:
        inbox = Inbox()
        receiver = UdpDatagramReceiver(receiving, asyncio.get_running_loop(), inbox.take)
        sending.sendto(b"a" * 20_000, receiving.getsockname())
        sending.sendto(b"b", receiving.getsockname())
        await inbox.until(lambda: inbox.batches)
        sending.sendto(b"c" * 20_000, receiving.getsockname())
        await inbox.until(lambda: len(inbox.batches) == 2)
        assert [len(data) for data, _ in inbox.packets] == [1, 20_000]
        assert receiver.truncated == 1
        receiver.close()


async def test_errors_of_an_unconnected_socket_are_counted() -> None:
    receiving = udp_socket()
    inbox = Inbox()
    receiver = UdpDatagramReceiver(receiving, asyncio.get_running_loop(), inbox.take)
    receiver.close()
    receiving.close()
    receiver._on_readable()
    assert receiver.errors == 1


async def test_mapped_sources_are_ipv4() -> None:
    if not probe().ipv6:
        pytest.skip("no IPv6 here")
    with (
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as receiving,
        udp_socket() as sending,
        contextlib.ExitStack() as stack,
    ):
        receiving.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        receiving.bind(("::", 0))
        inbox = Inbox()
        receiver = UdpDatagramReceiver(receiving, asyncio.get_running_loop(), inbox.take)
        stack.callback(receiver.close)
        sending.sendto(b"x", ("127.0.0.1", receiving.getsockname()[1]))
        await inbox.until(lambda: inbox.packets)
        source: Address = sending.getsockname()
        assert inbox.packets == [(b"x", source)]
