"""Receivers deliver what one wake-up found, bounded, counted, and survive the socket's errors."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import partial
from typing import Any, TypeVar

import pytest

from headwater.net import udp_receiver
from headwater.net.datagram_intake import (
    MOST_DATAGRAMS,
    DatagramIntake,
    intake_for,
    recvmmsg,
)
from headwater.net.kernel_features import SOL_UDP, UDP_GRO, UDP_SEGMENT, KernelFeatures, probe
from headwater.net.socket_address import Address
from headwater.net.udp_receiver import UdpDatagramReceiver, UdpReceiver
from headwater.protocol.rtp import cut_run

DEADLINE_S = 20

AnyReceiver = UdpReceiver | UdpDatagramReceiver
ReceiverT = TypeVar("ReceiverT", UdpReceiver, UdpDatagramReceiver)


class Inbox:
    """Keeps batches and lets a test wait for them."""

    def __init__(self) -> None:
        self.batches: list[list[Any]] = []
        self.changed = asyncio.Event()

    def take(self, batch: list[Any]) -> None:
        assert batch
        self.batches.append(batch)
        self.changed.set()

    @property
    def packets(self) -> list[Any]:
        return [packet for batch in self.batches for packet in batch]

    def holds(self, count: int) -> bool:
        return len(self.packets) == count

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


@dataclass
class Line:
    """A receiving and a sending socket, and what a receiver on the one takes."""

    receiving: socket.socket
    sending: socket.socket
    inbox: Inbox = field(default_factory=Inbox)
    takes_runs: bool = False
    receivers: list[AnyReceiver] = field(default_factory=list)

    def receive(self, **options: Any) -> UdpReceiver:
        """Begin to receive; ended with the test."""
        if self.takes_runs:
            take = options.get("take", self.inbox.take)
            options["on_run"] = lambda run, size: take(cut_run(run, size))
        return self._begun(UdpReceiver, options)

    def receive_with_sources(self, **options: Any) -> UdpDatagramReceiver:
        return self._begun(UdpDatagramReceiver, options)

    def _begun(self, kind: type[ReceiverT], options: dict[str, Any]) -> ReceiverT:
        take = options.pop("take", self.inbox.take)
        receiver = kind(self.receiving, asyncio.get_running_loop(), take, **options)
        self.receivers.append(receiver)
        return receiver


@contextlib.contextmanager
def opened_line() -> Iterator[Line]:
    with udp_socket() as receiving, udp_socket() as sending:
        sending.connect(receiving.getsockname())
        line = Line(receiving, sending)
        yield line
        for receiver in line.receivers:
            receiver.close()


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    """Sockets that are connected to each other."""
    with opened_line() as opened:
        opened.receiving.connect(opened.sending.getsockname())
        yield opened


@pytest.fixture
async def open_end() -> AsyncIterator[Line]:
    """A receiving socket that takes from anybody."""
    with opened_line() as opened:
        yield opened


class Way(Enum):
    """How a receiver reads: datagram by datagram, up to 64 at once, or what was coalesced."""

    ONE_BY_ONE = "one by one"
    AT_ONCE = "at once"
    COALESCED = "coalesced"
    COALESCED_RUNS = "coalesced runs"

    @property
    def coalesces(self) -> bool:
        return self in (Way.COALESCED, Way.COALESCED_RUNS)


@pytest.fixture(params=Way, ids=lambda way: way.value)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, line: Line) -> Way:
    chosen: Way = request.param
    if chosen.coalesces and not probe().udp_gro:
        pytest.skip("no UDP_GRO here")
    if chosen is Way.AT_ONCE and recvmmsg() is None:
        pytest.skip("recvmmsg is of Linux")
    features: KernelFeatures = replace(probe(), udp_gro=chosen.coalesces)
    monkeypatch.setattr(udp_receiver, "probe", lambda: features)
    line.takes_runs = chosen in (Way.AT_ONCE, Way.COALESCED_RUNS)
    return chosen


async def test_one_batch_for_all_that_waits(line: Line, way: Way) -> None:
    receiver, inbox = line.receive(), line.inbox
    packets = [bytes([number]) * (100 + number) for number in range(40)]
    for packet in packets:
        line.sending.send(packet)
    await inbox.until(lambda: inbox.packets)
    assert inbox.batches == [packets]
    assert (receiver.kernel_drops, receiver.errors, receiver.truncated) == (0, 0, 0)
    assert receiver.coalescing is way.coalesces


async def test_packets_per_wake_are_bounded(line: Line, way: Way) -> None:
    inbox = line.inbox
    line.receive(packets_per_wake=16)
    packets = [b"%d" % number for number in range(40)]
    for packet in packets:
        line.sending.send(packet)
    await inbox.until(lambda: len(inbox.packets) == 40)
    assert [len(batch) for batch in inbox.batches] == [16, 16, 8]
    assert inbox.packets == packets


async def test_empty_datagrams_are_left_out(line: Line, way: Way) -> None:
    receiver, inbox = line.receive(), line.inbox
    for packet in (b"", b"one", b"", b"two", b""):
        line.sending.send(packet)
    await inbox.until(lambda: len(inbox.packets) == 2)
    assert inbox.packets == [b"one", b"two"]
    assert receiver.truncated == 0


async def test_long_datagrams(line: Line, way: Way) -> None:
    receiver, inbox = line.receive(), line.inbox
    line.sending.send(b"a" * 16_383)
    line.sending.send(b"b" * 30_000)
    await inbox.until(lambda: inbox.packets)
    line.sending.send(b"c" * 65_507)
    await inbox.until(lambda: inbox.packets[-1][:1] == b"c")
    cuts = way is Way.ONE_BY_ONE
    whole = [16_383, 65_507] if cuts else [16_383, 30_000, 65_507]
    assert [len(packet) for packet in inbox.packets] == whole
    assert receiver.truncated == int(cuts)


@pytest.mark.skipif(
    not (probe().udp_gro and probe().udp_segment), reason="no UDP_GRO or UDP_SEGMENT here"
)
async def test_coalesced_datagrams_come_apart(line: Line) -> None:
    receiver, inbox = line.receive(), line.inbox
    packets = [bytes([number]) * 100 for number in range(20)] + [b"tail"]
    ancillary = [(SOL_UDP, UDP_SEGMENT, struct.pack("=H", 100))]
    for _ in range(20):
        line.sending.sendmsg([b"".join(packets)], ancillary)
    await inbox.until(lambda: len(inbox.packets) == 420)
    assert inbox.packets == packets * 20
    for _ in range(300):
        line.sending.sendmsg([b"".join(packets)], ancillary)
        await asyncio.sleep(0)
    await inbox.until(lambda: len(inbox.packets) == 320 * 21)
    assert receiver.coalescing, "worth it on this path"


@pytest.mark.skipif(not probe().udp_gro, reason="no UDP_GRO here")
async def test_offload_ends_where_nothing_is_coalesced(line: Line) -> None:
    receiver, inbox = line.receive(), line.inbox
    coalescing = [receiver.coalescing]
    packets = [b"%d" % number * 20 for number in range(600)]
    for index, packet in enumerate(packets):
        line.sending.send(packet)
        if index % 50 == 0:
            await inbox.until(partial(inbox.holds, index + 1))
    await inbox.until(lambda: len(inbox.packets) == 600)
    assert inbox.packets == packets
    coalescing.append(receiver.coalescing)
    assert coalescing == [True, False]
    assert line.receiving.getsockopt(SOL_UDP, UDP_GRO) == 0


@dataclass
class Runs:
    """Keeps what came as a run, and as packets."""

    runs: list[tuple[bytes, int]] = field(default_factory=list)
    packets: list[bytes] = field(default_factory=list)

    def take_run(self, run: bytes, segment_bytes: int) -> None:
        self.runs.append((run, segment_bytes))

    def take(self, packets: list[bytes]) -> None:
        self.packets += packets


@pytest.mark.parametrize("way", [Way.AT_ONCE], indirect=True)
async def test_datagrams_of_one_size_come_as_a_run_once_that_is_known(line: Line, way: Way) -> None:
    line.takes_runs = False
    came = Runs()
    receiver = line.receive(take=came.take, on_run=came.take_run)

    def bring(*sizes: int) -> None:
        """Have these read in one wake-up; the loop itself is not waited for."""
        came.runs, came.packets = [], []
        for size in sizes:
            line.sending.send(bytes(size))
        receiver._way()()

    bring(900)
    assert came.runs == [(bytes(900), 900)]
    for _ in range(2):
        bring(900, 900, 30)
        assert came.packets == [bytes(900), bytes(900), bytes(30)]
    bring(900, 900, 30)
    assert came.runs == [(bytes(1830), 900)], "after two batches alike"
    for _ in range(4):
        bring(901, 901)
        assert came.packets == [bytes(901), bytes(901)]
    bring(901, 901)
    assert came.runs == [(bytes(1802), 901)], "the next time after four"
    bring(*[901] * 70)
    assert [len(run) for run, _ in came.runs] == [64 * 901, 6 * 901]
    bring(20, 901)
    assert (came.runs, came.packets) == ([], [bytes(20), bytes(901)])


@pytest.mark.parametrize("way", [Way.AT_ONCE], indirect=True)
async def test_sizes_that_change_all_the_time_are_expected_ever_more_seldom(
    line: Line, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected: list[int] = []

    def noted(segment_bytes: int) -> DatagramIntake | None:
        expected.append(segment_bytes)
        return intake_for(segment_bytes)

    receiver = line.receive()
    monkeypatch.setattr(udp_receiver, "intake_for", noted)
    sent = [bytes(1401 + number // 2) for number in range(600)]
    for packet in sent:
        line.sending.send(packet)
        receiver._way()()
    assert line.inbox.packets == sent
    assert expected == [1401], "and no other, of which there were but two each"


@pytest.mark.parametrize("way", [Way.AT_ONCE], indirect=True)
async def test_a_receiver_that_is_closed_between_two_reads_reads_no_more(
    line: Line, way: Way
) -> None:
    came = Runs()
    line.takes_runs = False

    def take_run(run: bytes, segment_bytes: int) -> None:
        came.take_run(run, segment_bytes)
        receiver.close()

    receiver = line.receive(take=came.take, on_run=take_run)
    for _ in range(MOST_DATAGRAMS + 6):
        line.sending.send(bytes(1400))
    receiver._way()()
    assert [len(run) for run, _ in came.runs] == [MOST_DATAGRAMS * 1400]
    assert line.receiving.recv(2000) == bytes(1400)


async def test_refused_peer_is_counted_and_harmless(line: Line, way: Way) -> None:
    inbox = line.inbox
    address = line.sending.getsockname()
    receiver = line.receive()
    line.sending.close()
    line.receiving.send(b"to a closed port")
    async with asyncio.timeout(DEADLINE_S):
        while not receiver.refused:  # noqa: ASYNC110 - nothing else tells
            await asyncio.sleep(0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
        again.bind(address)
        again.sendto(b"here again", line.receiving.getsockname())
        await inbox.until(lambda: inbox.packets == [b"here again"])
    assert (receiver.refused, receiver.errors) == (1, 0)


async def test_other_errors_are_counted(line: Line, way: Way) -> None:
    receiver, inbox = line.receive(), line.inbox
    receiver.close()
    line.receiving.close()
    receiver._way()()
    # A descriptor is not asked any more: it may be another's by now.
    assert receiver.errors == int(way is not Way.AT_ONCE)
    assert not inbox.batches
    assert receiver.kernel_drops == 0


async def test_close_stops_and_leaves_the_socket(line: Line, way: Way) -> None:
    receiver, inbox = line.receive(), line.inbox
    receiver.close()
    receiver.close()
    line.sending.send(b"late")
    for _ in range(3):
        await asyncio.sleep(0)
    assert not inbox.batches
    assert line.receiving.recv(10) == b"late"


async def test_close_inside_the_callback(line: Line, way: Way) -> None:
    inbox = line.inbox

    def take(batch: list[Any]) -> None:
        inbox.take(batch)
        receiver.close()
        line.receiving.close()

    receiver = line.receive(take=take, packets_per_wake=1)
    line.sending.send(b"one")
    line.sending.send(b"two")
    await inbox.until(lambda: inbox.batches)
    for _ in range(3):
        await asyncio.sleep(0)
    assert inbox.packets == [b"one"]


@pytest.mark.skipif(not probe().meminfo_drops, reason="no SO_MEMINFO here")
async def test_kernel_drops_are_told(open_end: Line) -> None:
    open_end.receiving.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8_192)
    receiver, inbox = open_end.receive(), open_end.inbox
    for _ in range(200):
        open_end.sending.send(bytes(1_000))
    await inbox.until(lambda: inbox.batches)
    assert receiver.kernel_drops == 200 - len(inbox.packets) > 0


async def test_datagrams_come_with_their_sources(open_end: Line) -> None:
    open_end.receive_with_sources(packets_per_wake=3)
    inbox = open_end.inbox
    one = open_end.sending
    with udp_socket() as two:
        one.send(b"1")
        two.sendto(b"22", open_end.receiving.getsockname())
        one.send(b"")
        one.send(b"333")
        await inbox.until(lambda: len(inbox.packets) == 3)
        first, second = one.getsockname(), two.getsockname()
    assert inbox.packets == [(b"1", first), (b"22", second), (b"333", first)]
    assert [len(batch) for batch in inbox.batches] == [2, 1]


async def test_long_datagrams_with_sources(open_end: Line) -> None:
    receiver, inbox = open_end.receive_with_sources(), open_end.inbox
    open_end.sending.send(b"a" * 20_000)
    open_end.sending.send(b"b")
    await inbox.until(lambda: inbox.batches)
    open_end.sending.send(b"c" * 20_000)
    await inbox.until(lambda: len(inbox.batches) == 2)
    assert [len(data) for data, _ in inbox.packets] == [1, 20_000]
    assert receiver.truncated == 1


async def test_errors_of_an_unconnected_socket_are_counted(open_end: Line) -> None:
    receiver = open_end.receive_with_sources()
    receiver.close()
    open_end.receiving.close()
    receiver._way()()
    assert receiver.errors == 1


@pytest.mark.skipif(not probe().ipv6, reason="no IPv6 here")
async def test_mapped_sources_are_ipv4(open_end: Line) -> None:
    open_end.receiving.close()
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as receiving:
        receiving.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        receiving.bind(("::", 0))
        both_families = Line(receiving, open_end.sending)
        receiver, inbox = both_families.receive_with_sources(), both_families.inbox
        both_families.sending.connect(("127.0.0.1", receiving.getsockname()[1]))
        both_families.sending.send(b"x")
        await inbox.until(lambda: inbox.packets)
        source: Address = both_families.sending.getsockname()
        assert inbox.packets == [(b"x", source)]
        receiver.close()
