"""Datagrams are read whole and in order, whatever size was expected."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Iterator

import pytest

from headwater.net.datagram_intake import MOST_DATAGRAMS, DatagramIntake, intake_for, recvmmsg

EXPECTED = 100


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    receiver, sender = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    with receiver, sender:
        receiver.bind(("127.0.0.1", 0))
        sender.connect(receiver.getsockname())
        yield receiver, sender


@pytest.fixture
def intake() -> DatagramIntake:
    found = intake_for(EXPECTED)
    if found is None:
        pytest.skip("recvmmsg is of Linux")
    return found


def made(*sizes: int) -> list[bytes]:
    return [bytes([number + 1]) * size for number, size in enumerate(sizes)]


@pytest.mark.parametrize(
    ("sizes", "is_run"),
    [
        ((100,), True),
        ((1,), True),
        ((100, 100, 100), True),
        ((100, 100, 40), True),
        ((100, 40, 100), False),
        ((40, 40, 40), False),
        ((101,), False),
        ((100, 101), False),
        ((101, 100, 9000), False),
        ((0,), False),
        ((100, 0, 100), False),
        ((100, 100, 0), False),
        ((65_000, 65_000), False),
    ],
)
def test_a_run_is_read_as_one_and_everything_else_one_by_one(
    ends: tuple[socket.socket, socket.socket],
    intake: DatagramIntake,
    sizes: tuple[int, ...],
    is_run: bool,
) -> None:
    receiver, sender = ends
    packets = made(*sizes)
    for packet in packets:
        sender.send(packet)
    run = intake.read(receiver.fileno())
    assert intake.count == len(packets)
    assert run == (b"".join(packets) if is_run else None)
    assert intake.packets() == [packet for packet in packets if packet]


def test_no_more_are_read_than_asked_for(
    ends: tuple[socket.socket, socket.socket], intake: DatagramIntake
) -> None:
    receiver, sender = ends
    packets = made(*[100] * (MOST_DATAGRAMS + 3))
    for packet in packets:
        sender.send(packet)
    assert intake.read(receiver.fileno(), 2) == b"".join(packets[:2])
    assert intake.read(receiver.fileno()) == b"".join(packets[2 : 2 + MOST_DATAGRAMS])
    assert intake.read(receiver.fileno()) == packets[-1]


def test_an_empty_socket_and_its_error_are_told(
    ends: tuple[socket.socket, socket.socket], intake: DatagramIntake
) -> None:
    receiver, sender = ends
    assert intake.read(receiver.fileno()) is None
    assert (intake.count, intake.error_code) == (-1, errno.EAGAIN)
    receiver.close()
    sender.send(b"nobody is there")
    sender.setblocking(True)
    assert intake.read(sender.fileno()) is None
    assert (intake.count, intake.error_code) == (-1, errno.ECONNREFUSED)


def test_what_was_read_stays_as_it_is_when_more_is_read(
    ends: tuple[socket.socket, socket.socket], intake: DatagramIntake
) -> None:
    receiver, sender = ends
    sender.send(b"a" * 100)
    first = intake.read(receiver.fileno())
    sender.send(b"b" * 100)
    assert (intake.read(receiver.fileno()), first) == (b"b" * 100, b"a" * 100)


def test_each_thread_reads_to_a_place_of_its_own(intake: DatagramIntake) -> None:
    others: list[DatagramIntake | None] = []
    thread = threading.Thread(target=lambda: others.append(intake_for(EXPECTED)))
    thread.start()
    thread.join()
    assert others[0] is not None
    assert others[0] is not intake
    assert intake_for(EXPECTED) is intake


def test_a_function_that_reads_nothing_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    from headwater.net import datagram_intake

    assert not datagram_intake._works(lambda *_: -1)
    assert recvmmsg() is recvmmsg()
