"""UdpSender reaches every destination in order, whatever the kernel refuses on the way."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import errno
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from headwater.net import udp_sender
from headwater.net.datagram_vector import sendmmsg
from headwater.net.kernel_features import KernelFeatures, probe
from headwater.net.segmentation import Run, plan_runs
from headwater.net.socket_address import Address
from headwater.net.udp_destination import Crowd, Slots
from headwater.net.udp_sender import Destination, UdpSender

DEADLINE_S = 20
PLAIN = KernelFeatures(sendmsg=True, recvmsg=True)


class Valve(socket.socket):
    """A UDP socket whose send buffer is full, or whose sends fail, when a test says so."""

    room: int = 1_000_000
    failures: dict[Address, list[int]]

    def judge(self, address: Address) -> int:
        codes = self.failures.get(address)
        if codes:
            return codes.pop(0)
        if self.room <= 0:
            return errno.EAGAIN
        self.room -= 1
        return 0

    def sendto(self, data: Any, *to: Any) -> int:
        code = self.judge(to[-1])
        if code:
            raise OSError(code, "from the valve")
        return super().sendto(data, *to)


@dataclass
class Network:
    """A sender and receiving sockets; `forms` says which system calls it uses."""

    features: KernelFeatures
    valve: Valve
    sinks: list[socket.socket] = field(default_factory=list)

    def open_sender(self) -> UdpSender:
        return UdpSender(self.valve, asyncio.get_running_loop(), self.features)

    def open_sink(self, host: str = "127.0.0.1") -> tuple[str, int]:
        sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        sink.bind((host, 0))
        sink.setblocking(False)
        self.sinks.append(sink)
        address: tuple[str, int] = sink.getsockname()
        return address

    def received(self, index: int) -> list[bytes]:
        packets = []
        with contextlib.suppress(BlockingIOError):
            while True:
                packets.append(self.sinks[index].recv(65_536))
        return packets


FORMS = {
    "sendto": PLAIN,
    "sendto+segments": replace(PLAIN, udp_segment=True),
    "sendmmsg": replace(PLAIN, sendmmsg=True),
    "sendmmsg+segments": replace(PLAIN, sendmmsg=True, udp_segment=True),
}


@pytest.fixture(params=FORMS)
def network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    features = FORMS[request.param]
    for name in ("sendmmsg", "udp_segment"):
        if getattr(features, name) and not getattr(probe(), name):
            pytest.skip(f"no {name} here")
    valve = Valve(socket.AF_INET, socket.SOCK_DGRAM)
    valve.bind(("127.0.0.1", 0))
    valve.setblocking(False)
    valve.failures = {}
    network = Network(features, valve)
    real = sendmmsg()

    def throttled(descriptor: int, start: int, count: int, flags: int) -> int:
        """As `sendmmsg`, one message a call, so that the valve sees each address."""
        assert real is not None
        name = ctypes.c_void_p.from_address(start).value
        assert name is not None
        sockaddr = ctypes.string_at(name, 8)
        address = (socket.inet_ntoa(sockaddr[4:]), int.from_bytes(sockaddr[2:4], "big"))
        code = valve.judge(address)
        if code:
            ctypes.set_errno(code)
            return -1
        return real(descriptor, start, 1, flags)

    monkeypatch.setattr(udp_sender, "sendmmsg", lambda: throttled)
    monkeypatch.setattr(udp_sender, "_VECTOR_FROM", 1)
    yield network
    valve.close()
    for sink in network.sinks:
        sink.close()


def alone(data: bytes) -> list[Run]:
    """One datagram, planned."""
    return [Run(data, len(data), 1)]


def numbered(count: int, size: int = 300, first: int = 0) -> list[bytes]:
    return [number.to_bytes(4, "big") * (size // 4) for number in range(first, first + count)]


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 - the loop itself is what must turn
            await asyncio.sleep(0)


async def test_every_destination_gets_every_packet(network: Network) -> None:
    sender = network.open_sender()
    for _ in range(5):
        sender.add(network.open_sink())
    packets = [*numbered(70), b"short", b"s", *numbered(3, 1_200), b"x" * 1_300]
    sender.send(plan_runs(packets))
    for index in range(5):
        assert network.received(index) == packets
    assert sender.sent_packets == 5 * len(packets)
    assert sender.sent_bytes == 5 * sum(map(len, packets))
    assert (sender.pending_bytes, sender.stalls, sender.errors) == (0, 0, 0)
    sender.close()


async def test_nobody_to_send_to(network: Network) -> None:
    sender = network.open_sender()
    sender.send(plan_runs(numbered(3)))
    assert sender.sent_packets == 0


async def test_single_packets_after_segments_stay_whole(network: Network) -> None:
    sender = network.open_sender()
    first, second = sender.add(network.open_sink()), sender.add(network.open_sink())
    sender.send(plan_runs(numbered(10, 100)))
    sender.send_to(first, alone(b"p" * 1_000))
    sender.send_to(second, alone(b"q" * 50))
    sender.send(plan_runs([b"r" * 40]))
    sender.send(plan_runs([b"s" * 900]))
    sender.send_to(first, plan_runs(numbered(2, 80)))
    assert network.received(0)[10:] == [
        b"p" * 1_000, b"r" * 40, b"s" * 900, *numbered(2, 80),
    ]  # fmt: skip
    assert network.received(1)[10:] == [b"q" * 50, b"r" * 40, b"s" * 900]


async def test_removed_and_added(network: Network) -> None:
    sender = network.open_sender()
    first, second = sender.add(network.open_sink()), sender.add(network.open_sink())
    sender.send([Run(b"one", 3, 1)])
    sender.remove(first)
    sender.remove(first)
    assert [*sender.destinations] == [second]
    third = sender.add(network.open_sink())
    sender.send([Run(b"two", 3, 1)])
    sender.send_to(first, [Run(b"no", 2, 1)])
    sender.send_to(first, alone(b"no"))
    assert [*sender.destinations] == [second, third]
    assert [network.received(i) for i in range(3)] == [[b"one"], [b"one", b"two"], [b"two"]]


async def test_same_address_twice(network: Network) -> None:
    sender = network.open_sender()
    address = network.open_sink()
    first, second = sender.add(address), sender.add(address)
    sender.send([Run(b"one", 3, 1)])
    assert network.received(0) == [b"one", b"one"]
    sender.remove(second)
    sender.send([Run(b"two", 3, 1)])
    assert network.received(0) == [b"two"]
    assert first.active
    assert not second.active


@pytest.mark.parametrize(
    "address", [("localhost", 5), ("::1", 5, 0, 0), ("127.0.0.1", 0), ("127.0.0.1", 65_536)]
)
async def test_addresses_that_cannot_be_served(network: Network, address: Any) -> None:
    with pytest.raises(ValueError, match=r"address|port"):
        network.open_sender().add(address)


async def test_full_buffer_resumes_where_it_stopped(network: Network) -> None:
    sender = network.open_sender()
    for _ in range(4):
        sender.add(network.open_sink())
    packets = numbered(30)
    network.valve.room = 2
    sender.send(plan_runs(packets[:10]))
    assert sender.stalls == 1
    assert sender.pending_bytes > 0
    sender.send(plan_runs(packets[10:20]))
    sender.send(plan_runs(packets[20:]))
    assert sum(len(network.received(i)) for i in range(4)) == sender.sent_packets
    for room in (1, 3, 1, 100):
        network.valve.room = room
        await until(lambda: network.valve.room == 0 or sender.pending_bytes == 0)
    network.valve.room = 10_000
    await until(lambda: sender.pending_bytes == 0)
    assert sender.sent_packets == 4 * 30
    assert (sender.dropped_packets, sender.dropped_bytes, sender.errors) == (0, 0, 0)


async def test_order_is_kept_through_stalls(network: Network) -> None:
    sender = network.open_sender()
    destinations = [sender.add(network.open_sink()) for _ in range(3)]
    packets = numbered(60)
    expected: list[list[bytes]] = [[], [], []]
    got: list[list[bytes]] = [[], [], []]
    for turn in range(12):
        network.valve.room = turn % 5
        part = packets[turn * 5 : turn * 5 + 5]
        sender.send(plan_runs(part))
        only = turn % 3
        sender.send_to(destinations[only], alone(b"report %d" % turn))
        for index in range(3):
            expected[index] += part
        expected[only].append(b"report %d" % turn)
        await asyncio.sleep(0)
    network.valve.room = 10_000
    await until(lambda: sender.pending_bytes == 0)
    for index in range(3):
        got[index] += network.received(index)
    assert got == expected


async def test_what_waits_tells_its_bytes_and_age(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    sender = network.open_sender()
    for _ in range(2):
        sender.add(network.open_sink())
    assert sender.oldest_pending_s(5.0) == 0.0
    network.valve.room = 1
    with monkeypatch.context() as patched:
        patched.setattr(loop, "time", lambda: 10.0)
        sender.send([Run(b"a" * 200, 200, 1)])
        patched.setattr(loop, "time", lambda: 12.0)
        sender.send([Run(b"b" * 10, 10, 1)])
    assert sender.pending_bytes == 200 + 2 * 10
    assert sender.oldest_pending_s(15.0) == 5.0
    network.valve.room = 10
    await until(lambda: sender.pending_bytes == 0)
    assert sender.oldest_pending_s(15.0) == 0.0
    assert network.received(0) == network.received(1) == [b"a" * 200, b"b" * 10]


async def test_removed_while_waiting(network: Network) -> None:
    sender = network.open_sender()
    destinations = [sender.add(network.open_sink()) for _ in range(3)]
    network.valve.room = 1
    sender.send([Run(b"one", 3, 1)])
    sender.send([Run(b"two", 3, 1)])
    sender.remove(destinations[1])
    network.valve.room = 100
    await until(lambda: sender.pending_bytes == 0)
    assert [network.received(i) for i in range(3)] == [[b"one", b"two"], [], [b"one", b"two"]]
    assert sender.sent_packets == 4


async def test_close_while_waiting(network: Network) -> None:
    sender = network.open_sender()
    destination = sender.add(network.open_sink())
    network.valve.room = 0
    sender.send([Run(b"one", 3, 1)])
    sender.close()
    sender.close()
    network.valve.room = 100
    await asyncio.sleep(0)
    sender.send([Run(b"two", 3, 1)])
    sender.send_to(destination, [Run(b"two", 3, 1)])
    assert sender.pending_bytes == 0
    assert network.received(0) == []
    assert sender.destinations == ()


@pytest.mark.parametrize("code", [errno.EINVAL, errno.EMSGSIZE, errno.EIO])
async def test_refused_segments_fall_back_alone(network: Network, code: int) -> None:
    if not network.features.udp_segment:
        pytest.skip("nothing to fall back from")
    sender = network.open_sender()
    destinations = [sender.add(network.open_sink()) for _ in range(3)]
    network.valve.failures[destinations[1].address] = [code]
    packets = numbered(10)
    sender.send(plan_runs(packets))
    sender.send(plan_runs(packets))
    assert [network.received(i) for i in range(3)] == [packets * 2] * 3
    assert [d.segmented for d in destinations] == [True, False, True]
    assert (sender.fallbacks, sender.errors) == (1, 0)
    assert sender.sent_packets == 60
    sender.send_to(destinations[1], plan_runs(packets))
    assert network.received(1) == packets


class Filled:
    """Slots in which each destination of a crowd has packets of its own."""

    def __init__(self, count: int, packets: int, size: int) -> None:
        self.packets = [numbered(packets, size, 100 * place) for place in range(count)]
        apart = packets * size + 32
        self.length, self.segment, self.count = packets * size, size, packets
        memory = ctypes.create_string_buffer(count * apart + 8)
        for place, own in enumerate(self.packets):
            at = 8 + place * apart
            ctypes.memmove(ctypes.addressof(memory) + at, b"".join(own), self.length)
        self.slots = Slots(memoryview(memory).cast("B"), ctypes.addressof(memory), apart)
        self._memory = memory

    def send(self, sender: UdpSender, crowd: Crowd) -> None:
        """Send them."""
        sender.send_slots(crowd, self.slots, 8, 8 + self.length, self.segment, self.count)


@pytest.mark.parametrize("packets", [1, 7])
async def test_a_crowd_gets_buffers_of_its_own(network: Network, packets: int) -> None:
    sender = network.open_sender()
    crowd = sender.crowd_of([sender.destination(network.open_sink()) for _ in range(5)])
    filled = Filled(5, packets, 400)
    for _ in range(2):
        filled.send(sender, crowd)
        sender.send_to(crowd.destinations[0], alone(b"report" * 90))
    assert network.received(0) == [*filled.packets[0], b"report" * 90] * 2
    for index in range(1, 5):
        assert network.received(index) == filled.packets[index] * 2
    assert sender.sent_packets == 10 * packets + 2
    assert sender.sent_bytes == 10 * packets * 400 + 2 * 540


async def test_a_crowd_waits_for_the_socket_in_order(network: Network) -> None:
    sender = network.open_sender()
    crowd = sender.crowd_of([sender.destination(network.open_sink()) for _ in range(4)])
    first, second = Filled(4, 3, 100), Filled(4, 5, 100)
    network.valve.room = 2
    first.send(sender, crowd)
    assert sender.stalls == 1
    second.send(sender, crowd)
    network.valve.room = 1_000
    await until(lambda: sender.pending_bytes == 0)
    for index in range(4):
        assert network.received(index) == first.packets[index] + second.packets[index]
    assert (sender.dropped_packets, sender.errors) == (0, 0)


async def test_one_of_a_crowd_falls_back_alone(network: Network) -> None:
    if not network.features.udp_segment:
        pytest.skip("nothing to fall back from")
    sender = network.open_sender()
    crowd = sender.crowd_of([sender.destination(network.open_sink()) for _ in range(4)])
    network.valve.failures[crowd.destinations[1].address] = [errno.EMSGSIZE]
    filled = Filled(4, 6, 100)
    filled.send(sender, crowd)
    filled.send(sender, crowd)
    for index in range(4):
        assert network.received(index) == filled.packets[index] * 2
    assert [d.segmented for d in crowd.destinations] == [True, False, True, True]
    assert (sender.fallbacks, sender.errors) == (1, 0)


async def test_full_buffer_in_the_middle_of_a_fall_back(network: Network) -> None:
    if not network.features.udp_segment:
        pytest.skip("nothing to fall back from")
    sender = network.open_sender()
    destinations = [sender.add(network.open_sink()) for _ in range(3)]
    network.valve.failures[destinations[1].address] = [errno.EMSGSIZE]
    network.valve.room = 4
    packets = numbered(20)
    sender.send(plan_runs(packets[:10]))
    assert sender.stalls == 1
    sender.send(plan_runs(packets[10:]))
    network.valve.room = 1_000
    await until(lambda: sender.pending_bytes == 0)
    assert [network.received(i) for i in range(3)] == [packets] * 3
    assert sender.sent_packets == 60


@pytest.mark.parametrize("code", [errno.ENETUNREACH, errno.EPERM, errno.ENOBUFS])
async def test_one_unreachable_destination(network: Network, code: int) -> None:
    sender = network.open_sender()
    destinations: list[Destination] = [sender.add(network.open_sink()) for _ in range(3)]
    network.valve.failures[destinations[1].address] = [code]
    sender.send([Run(b"one", 3, 1)])
    sender.send([Run(b"two", 3, 1)])
    assert [network.received(i) for i in range(3)] == [
        [b"one", b"two"], [b"two"], [b"one", b"two"],
    ]  # fmt: skip
    assert [d.errors for d in destinations] == [0, 1, 0]
    assert (sender.errors, sender.sent_packets) == (1, 5)


async def test_datagram_larger_than_udp_carries_is_dropped_for_each(
    network: Network, caplog: pytest.LogCaptureFixture
) -> None:
    sender = network.open_sender()
    destinations: list[Destination] = [sender.add(network.open_sink()) for _ in range(2)]
    for _ in range(3):
        sender.send(plan_runs([b"before", b"x" * 65_508, b"behind"]))
    assert [network.received(i) for i in range(2)] == [[b"before", b"behind"] * 3] * 2
    assert [d.dropped_packets for d in destinations] == [3, 3]
    assert [d.dropped_bytes for d in destinations] == [3 * 65_508] * 2
    assert (sender.dropped_packets, sender.dropped_bytes, sender.errors) == (6, 6 * 65_508, 6)
    assert len(caplog.records) == 2, "one line for each destination"
    assert {record.__dict__["bytes"] for record in caplog.records} == {65_508}


async def test_last_destination_unreachable(network: Network) -> None:
    sender = network.open_sender()
    destination = sender.add(network.open_sink())
    network.valve.failures[destination.address] = [errno.EPERM]
    sender.send([Run(b"one", 3, 1)])
    assert (sender.errors, sender.pending_bytes, sender.stalls) == (1, 0, 0)


async def test_icmp_error_of_another_costs_nothing(network: Network) -> None:
    sender = network.open_sender()
    destinations = [sender.add(network.open_sink()) for _ in range(3)]
    network.valve.failures[destinations[1].address] = [errno.ECONNREFUSED]
    sender.send([Run(b"one", 3, 1)])
    assert [network.received(i) for i in range(3)] == [[b"one"]] * 3
    assert (sender.refused, sender.errors) == (1, 0)


async def test_endless_icmp_errors_end(network: Network) -> None:
    sender = network.open_sender()
    destinations = [sender.add(network.open_sink()) for _ in range(2)]
    network.valve.failures[destinations[0].address] = [errno.ECONNREFUSED] * 99
    sender.send([Run(b"one", 3, 1)])
    assert [network.received(i) for i in range(2)] == [[], [b"one"]]
    assert destinations[0].errors == 1


async def test_dead_reader_is_harmless(network: Network) -> None:
    sender = network.open_sender()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        dead = gone.getsockname()
    sender.add(dead)
    sender.add(network.open_sink())
    # Linux tells an unconnected socket of ICMP errors only when asked (IP_RECVERR is 11).
    with contextlib.suppress(OSError):
        network.valve.setsockopt(socket.IPPROTO_IP, 11, 1)
    for number in range(20):
        sender.send([Run(b"%d" % number, 2, 1)])
    await until(lambda: sender.pending_bytes == 0)
    assert network.received(0) == [b"%d" % number for number in range(20)]


async def test_ipv6() -> None:
    if not probe().ipv6:
        pytest.skip("no IPv6 here")
    with (
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock,
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as first,
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as second,
    ):
        sock.bind(("::", 0))
        sock.setblocking(False)
        sender = UdpSender(sock, asyncio.get_running_loop())
        for sink in (first, second):
            sink.bind(("::1", 0))
            sink.setblocking(False)
            sender.add(sink.getsockname())
        packets = numbered(5)
        sender.send(plan_runs(packets))
        for sink in (first, second):
            assert [sink.recv(2_000) for _ in range(5)] == packets
