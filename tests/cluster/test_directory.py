"""The supervisor's table, told what workers say in an order that real ones seldom have."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from headwater.cluster.directory import BUSY_SHARE, STARTS_WITHIN_S, Directory
from headwater.cluster.leases import DEFAULT_TTL_S, Tenure
from headwater.cluster.messages import (
    Beat,
    Claim,
    Claimed,
    Connect,
    Elsewhere,
    Find,
    Found,
    Login,
    Lost,
    MakeWay,
    PassOn,
    PublisherUp,
    Release,
    Take,
    ToSupervisor,
    ToWorker,
)
from headwater.relay.shared_counts import NOTHING_ELSEWHERE, SharedCounts
from headwater.side import Side

PATH = "/cam"


class Workers:
    """A directory, what it says to each worker, and a clock moved by hand."""

    def __init__(self, *names: str, hot_readers: int = 0) -> None:
        self.now = 1_000.0
        self.directory = Directory(lambda: self.now, hot_readers=hot_readers)
        self.told: dict[str, list[ToWorker]] = {}
        self.given: dict[str, list[socket.socket]] = {}
        for name in names:
            self.join(name)

    def join(self, name: str) -> None:
        told, given = self.told[name], self.given[name] = [], []

        def send(message: ToWorker, sock: socket.socket | None) -> None:
            told.append(message)
            given.extend([sock] if sock is not None else [])

        self.directory.join(name, send)

    def say(self, name: str, message: ToSupervisor, sock: socket.socket | None = None) -> None:
        self.directory.receive(name, message, sock)

    def claimed(self, name: str, *, replaces: bool = False) -> Tenure | None:
        self.say(name, Claim(1, PATH, replaces))
        (answer,) = [each for each in self.told[name] if isinstance(each, Claimed)][-1:]
        return answer.tenure

    def filled(self, name: str) -> Tenure:
        tenure = self.claimed(name, replaces=True)
        assert tenure is not None
        self.say(name, Take(tenure))
        return tenure

    def found(self, name: str, *, passes_on: Side | None = Side.PLAY) -> Found:
        self.say(name, Find(2, PATH, passes_on))
        answer = self.told[name][-1]
        assert isinstance(answer, Found)
        return answer


@pytest.fixture
def line() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A connection: the end that is given to the directory, and the peer's."""
    near, far = socket.socketpair()
    far.setblocking(False)
    with near, far:
        yield near, far


def is_closed(far: socket.socket) -> bool:
    """Whether the other end is closed; open, there is nothing to read yet."""
    try:
        return far.recv(1) == b""
    except BlockingIOError:
        return False


@pytest.mark.parametrize("held", [False, True], ids=["no socket", "a socket"])
def test_a_worker_that_is_gone_is_not_listened_to(
    line: tuple[socket.socket, socket.socket], held: bool
) -> None:
    workers = Workers("a", "b")
    assert workers.directory.leave("a") == []
    workers.say("a", Claim(1, PATH, replaces=True), line[0] if held else None)
    assert len(workers.directory.leases) == 0
    assert is_closed(line[1]) is held
    assert workers.directory.busy_share_of("a") == 0.0
    assert workers.directory.counts_of("a") is NOTHING_ELSEWHERE


def test_who_fills_a_path_that_another_asks_for_is_asked_whether_it_still_does() -> None:
    workers = Workers("a", "b")
    workers.filled("a")
    before = len(workers.told["a"])
    assert workers.claimed("b") is None
    assert workers.told["a"][before:] == [MakeWay(PATH)]


def test_a_worker_that_was_silent_for_too_long_gets_nothing_and_nobody_is_asked() -> None:
    workers = Workers("a")
    workers.say("a", Beat(NOTHING_ELSEWHERE, 0.0))
    workers.now += DEFAULT_TTL_S + 1
    assert workers.directory.silent() == ["a"]
    assert workers.claimed("a") is None
    assert workers.told["a"][1:] == [Claimed(1, None)]


def test_a_worker_that_starts_has_its_time_for_that() -> None:
    workers = Workers("slow", "hung")
    workers.now += STARTS_WITHIN_S
    assert workers.directory.silent() == []
    workers.say("slow", Beat(NOTHING_ELSEWHERE, 0.0))
    assert workers.claimed("slow") is not None
    workers.now += DEFAULT_TTL_S - 1
    assert workers.directory.silent() == []
    workers.now += 2
    assert workers.directory.silent() == ["slow", "hung"]


def test_who_loses_a_path_is_told_and_all_others_that_it_is_filled() -> None:
    workers = Workers("a", "b", "c")
    first = workers.filled("a")
    second = workers.filled("b")
    assert Lost(first) in workers.told["a"]
    assert PublisherUp(second) in workers.told["a"]
    assert workers.told["c"] == [PublisherUp(first), PublisherUp(second)]
    assert PublisherUp(second) not in workers.told["b"]
    # Whoever comes too late with an older claim has lost, and nobody else hears of it.
    workers.say("a", Take(first))
    assert workers.told["a"][-1] == Lost(first)
    assert workers.told["c"][2:] == []


def test_a_release_of_an_older_claim_ends_nothing() -> None:
    workers = Workers("a", "b")
    first, second = workers.filled("a"), workers.filled("b")
    workers.say("a", Release(first))
    assert workers.directory.leases.find(PATH) == second
    workers.say("b", Release(second))
    assert workers.found("a") == Found(2, None)


@pytest.mark.parametrize(
    ("asks", "busy_share", "readers", "passes_on", "takes"),
    [
        ("a", 0.0, 0, Side.PLAY, True),
        ("a", 0.0, 0, None, False),
        ("b", 0.0, 0, Side.PLAY, False),
        ("a", BUSY_SHARE, 0, Side.PLAY, False),
        ("a", 0.0, 2, Side.PLAY, False),
    ],
    ids=["room", "not asked for", "the holder itself", "busy", "hot"],
)
def test_a_connection_goes_to_the_holder_while_it_has_room(
    asks: str, busy_share: float, readers: int, passes_on: Side | None, takes: bool
) -> None:
    workers = Workers("a", "b", hot_readers=2)
    tenure = workers.filled("b")
    workers.say("b", Beat(SharedCounts(readers_of={PATH: readers}), busy_share))
    assert workers.found(asks, passes_on=passes_on) == Found(2, tenure, "b" if takes else None)


def test_connections_on_their_way_count_until_the_holder_has_counted_them() -> None:
    workers = Workers("a", "b", hot_readers=2)
    workers.filled("b")
    assert [workers.found("a").passes_on_to for _ in range(3)] == ["b", "b", None]
    workers.say("b", Beat(NOTHING_ELSEWHERE, 0.0))
    assert workers.found("a").passes_on_to == "b"


@pytest.mark.parametrize(
    ("asks", "readers", "busy_shares", "place"),
    [
        ("a", {}, {}, None),
        ("a", {"b": 1, "c": 2}, {}, "c"),
        ("a", {"b": 1, "c": 2}, {"c": BUSY_SHARE}, None),
        ("a", {"a": 2, "c": 2}, {}, None),
        ("c", {"a": 2, "c": 2}, {}, None),
        ("b", {"a": 500}, {}, "a"),
    ],
    ids=["nobody waits", "most wait", "busy", "as many here", "the same there", "hot"],
)
def test_a_publisher_goes_where_most_wait_for_it(
    asks: str, readers: dict[str, int], busy_shares: dict[str, float], place: str | None
) -> None:
    workers = Workers("a", "b", "c", hot_readers=2)
    for name in "abc":
        counts = SharedCounts(readers_of={PATH: readers[name]} if name in readers else {})
        workers.say(name, Beat(counts, busy_shares.get(name, 0.0)))
    assert workers.found(asks, passes_on=Side.PUBLISH).passes_on_to == place


@pytest.mark.parametrize(
    ("asks", "busy_share", "place"), [("a", 0.0, "b"), ("b", 0.0, None), ("a", BUSY_SHARE, None)]
)
def test_a_second_publisher_goes_to_the_holder(
    asks: str, busy_share: float, place: str | None
) -> None:
    workers = Workers("a", "b")
    tenure = workers.filled("b")
    workers.say("a", Beat(SharedCounts(readers_of={PATH: 9}), 0.0))
    workers.say("b", Beat(NOTHING_ELSEWHERE, busy_share))
    assert workers.found(asks, passes_on=Side.PUBLISH) == Found(2, tenure, place)


def test_a_socket_to_the_holder_arrives_with_who_sent_it(
    line: tuple[socket.socket, socket.socket],
) -> None:
    workers = Workers("a", "b")
    tenure = workers.filled("b")
    workers.say("a", Connect(tenure), line[0])
    assert workers.told["b"][-1] == Connect(Tenure(PATH, "a", tenure.epoch))
    assert workers.given["b"] == [line[0]]
    assert not is_closed(line[1])


@pytest.mark.parametrize("to", ["a", "gone"])
def test_a_socket_for_nobody_else_is_closed(
    line: tuple[socket.socket, socket.socket], to: str
) -> None:
    workers = Workers("a", "b")
    workers.say("a", Connect(Tenure(PATH, to, 1)), line[0])
    assert is_closed(line[1])
    assert workers.told == {"a": [], "b": []}
    workers.say("a", Connect(Tenure(PATH, "b", 1)))
    assert workers.told["b"] == []


@pytest.mark.parametrize(("to", "arrives_at"), [("b", "b"), ("gone", "a")])
def test_a_connection_passed_to_who_is_gone_comes_back(
    line: tuple[socket.socket, socket.socket], to: str, arrives_at: str
) -> None:
    workers = Workers("a", "b")
    message = PassOn(to, ("192.0.2.1", 5), frozenset({Side.PLAY}), b"OPTIONS")
    workers.say("a", message)
    assert workers.told == {"a": [], "b": []}
    workers.say("a", message, line[0])
    assert workers.told[arrives_at] == [message]
    assert workers.given[arrives_at] == [line[0]]


def test_what_others_count_is_told_at_each_beat_and_logins_at_once() -> None:
    workers = Workers("a", "b", "c")
    counts = SharedCounts(1, 2, 3, {"x": 4}, {"y": 5}, {PATH: 6})
    for name in ("a", "b"):
        workers.say(name, Beat(counts, 0.5))
    workers.say("c", Beat(NOTHING_ELSEWHERE, 0.0))
    assert workers.told["a"] == [Elsewhere(NOTHING_ELSEWHERE)]
    assert workers.told["c"] == [Elsewhere(SharedCounts(2, 4, 6, {"x": 8}, {"y": 10}, {PATH: 12}))]
    assert workers.directory.counts_of("a") == counts
    assert workers.directory.busy_share_of("b") == 0.5
    workers.say("a", Login("192.0.2.1", "joe"))
    assert [told[-1] == Login("192.0.2.1", "joe") for told in workers.told.values()] == [
        *(False, True, True)
    ]
