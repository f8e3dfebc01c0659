"""One call sends to many addresses, tells where it stopped, and keeps its memory valid."""

from __future__ import annotations

import ctypes
import errno
import gc
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from headwater.net.datagram_vector import MOST_SLOTS, DatagramVector, SlotVector, sendmmsg

pytestmark = pytest.mark.skipif(sendmmsg() is None, reason="no sendmmsg here")


@pytest.fixture
def function() -> Callable[..., int]:
    found = sendmmsg()
    assert found is not None
    return found


@pytest.fixture
def sender() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        yield sock


def test_more_addresses_than_one_call_takes(
    sender: socket.socket, function: Callable[..., int]
) -> None:
    vector = DatagramVector(sender.fileno(), function)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        sink.bind(("127.0.0.1", 0))
        sink.setblocking(False)
        group = vector.group([vector.entry(sink.getsockname())] * 1_500)
        gc.collect()
        assert vector.send(b"a\0b", group, 1_200) == (1_500, 0)
        # The kernel takes at most 1,024 messages a call (UIO_MAXIOV).
        assert vector.send(b"c", group, 0) == (1_500, 0)
        assert [sink.recv(9) for _ in range(300)] == [b"a\0b"] * 300
        assert sink.recv(9) == b"c"


def test_tells_where_it_stopped(sender: socket.socket, function: Callable[..., int]) -> None:
    vector = DatagramVector(sender.fileno(), function)
    with ExitStack() as stack:
        sinks = [
            stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(3)
        ]
        for sink in sinks:
            sink.bind(("127.0.0.1", 0))
            sink.setblocking(False)
        addresses = [sink.getsockname() for sink in sinks]
        # Broadcast without SO_BROADCAST is refused.
        addresses.insert(2, ("255.255.255.255", 9))
        group = vector.group([vector.entry(address) for address in addresses])
        assert vector.send(b"x", group, 0) == (2, errno.EACCES)
        assert vector.send(b"x", group, 3) == (4, 0)
        assert [sink.recv(9) for sink in sinks] == [b"x"] * 3


def test_each_address_gets_what_lies_in_its_slot(
    sender: socket.socket, function: Callable[..., int]
) -> None:
    entries, slots = (
        DatagramVector(sender.fileno(), function),
        SlotVector(sender.fileno(), function),
    )
    apart = 64
    memory = ctypes.create_string_buffer(MOST_SLOTS * apart)
    start = ctypes.addressof(memory)
    with ExitStack() as stack:
        sinks = [
            stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            for _ in range(MOST_SLOTS)
        ]
        for sink in sinks:
            sink.bind(("127.0.0.1", 0))
            sink.setblocking(False)
        group = slots.group([entries.entry(sink.getsockname()) for sink in sinks])
        few = slots.group([entries.entry(sink.getsockname()) for sink in sinks[:3]])
        for turn in range(2):
            for place in range(MOST_SLOTS):
                ctypes.memmove(start + place * apart, b"%3d,%3d,%1d" % (turn, place, 7), 9)
            gc.collect()
            assert slots.send(start, apart, 9, group) == MOST_SLOTS
            assert slots.send(start + 4, apart, 5, few) == 3
            for place, sink in enumerate(sinks):
                assert sink.recv(99) == b"%3d,%3d,%1d" % (turn, place, 7)
                if place < 3:
                    assert sink.recv(99) == b"%3d,%1d" % (place, 7)


def test_slots_tell_how_many_were_sent(sender: socket.socket, function: Callable[..., int]) -> None:
    entries, slots = (
        DatagramVector(sender.fileno(), function),
        SlotVector(sender.fileno(), function),
    )
    memory = ctypes.create_string_buffer(b"ab")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind(("127.0.0.1", 0))
        # Broadcast without SO_BROADCAST is refused.
        addresses = [sink.getsockname(), ("255.255.255.255", 9)]
        group = slots.group([entries.entry(address) for address in addresses])
        assert slots.send(ctypes.addressof(memory), 1, 1, group) == 1
        refused = slots.group([entries.entry(address) for address in reversed(addresses)])
        assert slots.send(ctypes.addressof(memory), 1, 1, refused) == 0
        assert sink.recv(9) == b"a"


def test_interrupted_call_is_repeated(sender: socket.socket, function: Callable[..., int]) -> None:
    import ctypes

    interruptions = iter([True, False])

    def interrupted(*arguments: int) -> int:
        if next(interruptions):
            ctypes.set_errno(errno.EINTR)
            return -1
        return function(*arguments)

    vector = DatagramVector(sender.fileno(), interrupted)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind(("127.0.0.1", 0))
        group = vector.group([vector.entry(sink.getsockname())])
        assert vector.send(b"x", group, 0) == (1, 0)


def test_empty_group(sender: socket.socket, function: Callable[..., int]) -> None:
    vector = DatagramVector(sender.fileno(), function)
    assert vector.send(b"x", vector.group([]), 0) == (0, 0)


def test_names_are_refused(sender: socket.socket, function: Callable[..., int]) -> None:
    with pytest.raises(OSError, match="illegal IP address"):
        DatagramVector(sender.fileno(), function).entry(("localhost", 9))


def test_elsewhere_than_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert sendmmsg.__wrapped__() is None


def test_a_library_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Library:
        def __init__(self, *arguments: object, **options: object) -> None:
            pass

    monkeypatch.setattr(ctypes, "CDLL", Library)
    assert sendmmsg.__wrapped__() is None
