"""Memory goes back when a crowd has come or left, and only then."""

from __future__ import annotations

import gc
import weakref

from inside import inside
from rtsp_peer import RtspPeer, TcpPublisher, TcpReader
from udp_peer import UdpReader, wait_for

from headwater import RtspServer
from headwater.relay import memory_return
from headwater.relay.memory_return import Garbage, MemoryReturn, Turnover, release_memory


class Crowd(Turnover):
    """Peers that come and go, and what publishers among them left behind."""

    left_bytes = 0

    @property
    def present(self) -> int:
        return self.came - self.went

    def leave(self, remaining: int = 0) -> None:
        self.went = self.came - remaining


def looked(crowd: Crowd) -> tuple[MemoryReturn, list[int]]:
    released: list[int] = []

    def release(_: Garbage) -> None:
        released.append(crowd.present)

    return MemoryReturn(crowd, lambda: crowd.left_bytes, release), released


def test_it_waits_until_the_crowd_has_come_or_left_and_all_is_calm() -> None:
    crowd = Crowd()
    watch, released = looked(crowd)
    crowd.came += memory_return._CROWD + 20
    watch.check(0.0)
    assert released == [], "they have come within this very second"
    watch.check(1.0)
    assert released == [memory_return._CROWD + 20]
    crowd.leave(20)
    watch.check(2.0)
    assert len(released) == 1, "they have left within this very second"
    watch.check(3.0)
    assert released[1:] == [20]
    watch.check(4.0)
    assert released[1:] == [20], "once is enough"


def test_while_many_are_here_only_the_young_are_collected() -> None:
    crowd = Crowd()
    collected: list[Garbage] = []
    watch = MemoryReturn(crowd, lambda: crowd.left_bytes, collected.append)
    for present in (20_000, 10_000, 3):
        crowd.came += memory_return._CROWD + present
        crowd.leave(present)
        watch.check(0.0)
        watch.check(1.0)
    assert collected == [Garbage.YOUNG, Garbage.YOUNG, Garbage.ALL]


def test_a_collection_of_the_young_looks_at_few_of_those_that_live() -> None:
    """Python tells how many generations it looked through; the oldest has what lives for long."""
    generations: list[int] = []

    def note(phase: str, details: dict[str, int]) -> None:
        if phase == "start":
            generations.append(details["generation"])

    gc.callbacks.append(note)
    try:
        release_memory(Garbage.YOUNG)
        release_memory()
    finally:
        gc.callbacks.remove(note)
    assert generations == [1, 2]


def test_peers_that_come_and_go_are_no_calm() -> None:
    crowd = Crowd()
    watch, released = looked(crowd)
    for second in range(100):
        crowd.came += memory_return._CALM
        crowd.leave()
        watch.check(float(second))
    assert released == []
    watch.check(100.0)
    assert released == [0]


def test_much_that_publishers_left_behind_is_returned_at_most_every_few_seconds() -> None:
    crowd = Crowd()
    watch, released = looked(crowd)
    for second in range(30):
        # It stands for what caches and what descriptions left: each look finds twice as much.
        crowd.left_bytes += memory_return._MUCH_BYTES // 2
        watch.check(float(second))
    assert len(released) == 3
    for second in range(30, 60):
        watch.check(float(second))
    assert len(released) == 4
    crowd.left_bytes += memory_return._MUCH_BYTES // 4
    watch.check(70.0)
    assert len(released) == 4, "little is no reason"


def test_what_is_unreachable_is_freed() -> None:
    class Knot:
        def __init__(self) -> None:
            self.me = self

    knot = weakref.ref(Knot())
    release_memory()
    assert knot() is None


async def test_a_session_that_ends_is_freed_without_the_collector(server: RtspServer) -> None:
    port = server.publish_port
    publisher = await TcpPublisher.start(port, f"rtsp://127.0.0.1:{port}/a")
    readers: list[TcpReader | UdpReader] = [
        await TcpReader.start(port, publisher.url),
        await UdpReader.start(port, publisher.url),
    ]
    sessions = [weakref.ref(session) for session in inside(server).sessions]
    assert len(sessions) == 3
    gc.collect()
    gc.disable()
    try:
        for reader in readers:
            await reader.peer.ask("TEARDOWN", reader.url, {"Session": reader.session})
        await publisher.peer.ask("TEARDOWN", publisher.url, {"Session": publisher.session})
        RtspPeer.forget_all()
        await wait_for(lambda: all(session() is None for session in sessions))
    finally:
        gc.enable()
