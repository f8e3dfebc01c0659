"""Memory goes back when a crowd has come or left, and only then."""

from __future__ import annotations

import gc
import weakref

from rtsp_peer import RtspPeer, TcpPublisher, TcpReader
from udp_peer import UdpReader, wait_for

from headwater import RtspServer
from headwater.server import memory_return
from headwater.server.memory_return import MemoryReturn, release_memory


class Crowd:
    """As much of a service as is looked at."""

    def __init__(self) -> None:
        self.connections: set[int] = set()
        self.counters = self
        self.connections_opened = 0
        self.mounts = self.cache_budget = self.descriptions = self
        self.left_bytes = 0

    def come(self, count: int) -> None:
        self.connections |= set(range(self.connections_opened, self.connections_opened + count))
        self.connections_opened += count


def looked(crowd: Crowd) -> tuple[MemoryReturn, list[int]]:
    released: list[int] = []
    return MemoryReturn(crowd, lambda: released.append(len(crowd.connections))), released  # type: ignore[arg-type]


def test_it_waits_until_the_crowd_has_come_or_left_and_all_is_calm() -> None:
    crowd = Crowd()
    watch, released = looked(crowd)
    crowd.come(memory_return._CROWD + 20)
    watch.check(0.0)
    assert released == [], "they have come within this very second"
    watch.check(1.0)
    assert released == [memory_return._CROWD + 20]
    crowd.connections = set(range(20))
    watch.check(2.0)
    assert len(released) == 1, "they have left within this very second"
    watch.check(3.0)
    assert released[1:] == [20]
    watch.check(4.0)
    assert released[1:] == [20], "once is enough"


def test_peers_that_come_and_go_are_no_calm() -> None:
    crowd = Crowd()
    watch, released = looked(crowd)
    for second in range(100):
        crowd.come(memory_return._CALM)
        crowd.connections.clear()
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
    readers = [
        await TcpReader.start(port, publisher.url),
        await UdpReader.start(port, publisher.url),
    ]
    assert server._service is not None
    sessions = [weakref.ref(session) for session in server._service.sessions]
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
