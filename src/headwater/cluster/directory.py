"""The supervisor's table: which worker has which path, and what all workers count together."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from headwater.cluster.leases import Leases, Tenure
from headwater.cluster.messages import (
    Beat,
    Claim,
    Claimed,
    Connect,
    Elsewhere,
    Find,
    Found,
    Guess,
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
from headwater.relay.finding import Wanted
from headwater.relay.shared_counts import NOTHING_ELSEWHERE, SharedCounts
from headwater.side import Side

BUSY_SHARE: Final = 0.75
"""A worker that uses more of its core takes no connection of others."""

STARTS_WITHIN_S: Final = 60.0
"""How much longer than later a worker may say nothing at first: it loads its program, which takes
seconds on a busy or a small machine."""

Send = Callable[[ToWorker, socket.socket | None], None]


@dataclass(slots=True)
class _Member:
    """A worker: how to speak to it, and what it counts."""

    send: Send
    counts: SharedCounts = NOTHING_ELSEWHERE
    busy_share: float = 0.0
    # Connections that were passed on to it since it counted, by path.
    passed_on: Counter[str] = field(default_factory=Counter)


class Directory:
    """Decides about claims, finds mounts, and passes sockets from one worker to another.

    It does no input or output of its own, and is told the time by its clock. Whatever it answers
    is in the order of the questions of each worker.
    """

    def __init__(self, clock: Callable[[], float], *, hot_readers: int) -> None:
        self.hot_readers = hot_readers
        """May be changed at any time."""
        self.leases = Leases()
        self._clock = clock
        self._members: dict[str, _Member] = {}

    def join(self, name: str, send: Send) -> None:
        """Take in a worker that begins, with nothing of one that had its name before."""
        self.leases.enter(name, self._clock() + STARTS_WITHIN_S)
        self._members[name] = _Member(send)

    def leave(self, name: str) -> list[Tenure]:
        """Forget a worker that is gone, with all it claimed; returns what it filled."""
        self._members.pop(name, None)
        return self.leases.forget(name)

    def silent(self) -> list[str]:
        """Return the workers that said nothing for too long: to be killed before they `leave`."""
        return self.leases.silent(self._clock())

    def busy_share_of(self, name: str) -> float:
        """Return how busy a worker was lately, 0.0 to 1.0."""
        member = self._members.get(name)
        return 0.0 if member is None else member.busy_share

    def counts_of(self, name: str) -> SharedCounts:
        """Return what a worker counted last."""
        member = self._members.get(name)
        return NOTHING_ELSEWHERE if member is None else member.counts

    def receive(self, name: str, message: ToSupervisor, sock: socket.socket | None = None) -> None:
        """Take what a worker says; its socket is given away or closed."""
        member = self._members.get(name)
        if member is None:
            _close(sock)
            return
        match message:
            case Claim():
                self._claim(name, member, message)
            case Take(tenure):
                self._take(tenure, member)
            case Release(tenure):
                self.leases.release(tenure)
            case Find():
                member.send(self._found(name, message), None)
            case Connect(tenure, wanted):
                self._connect(name, tenure, wanted, sock)
            case PassOn(to):
                self._pass_on(to, member, message, sock)
            case Beat(counts, busy_share):
                member.busy_share = busy_share
                self._beat(name, member, counts)
            case Guess() | Login():
                for other, each in self._members.items():
                    if other != name:
                        each.send(message, None)

    def _claim(self, name: str, member: _Member, asked: Claim) -> None:
        path = asked.path
        tenure = self.leases.claim(
            path, name, self._clock(), replaces=asked.replaces, yields=asked.yields
        )
        member.send(Claimed(asked.number, tenure), None)
        if tenure is None and not asked.yields:
            self._ask_for_way(path, name)

    def _ask_for_way(self, path: str, name: str) -> None:
        present = self.leases.find(path)
        holder = None if present is None else self._members.get(present.holder)
        if present is not None and holder is not None and present.holder != name:
            holder.send(MakeWay(path), None)

    def _take(self, tenure: Tenure, member: _Member) -> None:
        taken = self.leases.take(tenure)
        if not taken.granted:
            member.send(Lost(tenure), None)
            return
        if taken.loser is not None and (loser := self._members.get(taken.loser.holder)):
            loser.send(Lost(taken.loser), None)
        for name, each in self._members.items():
            if name != tenure.holder:
                each.send(PublisherUp(tenure), None)

    def _found(self, name: str, asked: Find) -> Found:
        tenure = self.leases.find(asked.path)
        if tenure is not None and tenure.holder not in self._members:
            tenure = None
        match asked.passes_on:
            case Side.PLAY if tenure is not None and tenure.holder != name:
                place = self._place_of_reader(tenure)
            case Side.PUBLISH:
                place = self._place_of_publisher(name, asked.path, tenure)
            case _:
                place = None
        return Found(asked.number, tenure, None if place == name else place)

    def _place_of_reader(self, tenure: Tenure) -> str | None:
        """Return the worker of the mount as long as that has few readers and much time."""
        path, holder = tenure.path, self._members[tenure.holder]
        readers = holder.counts.readers_of.get(path, 0) + holder.passed_on[path]
        if holder.busy_share >= BUSY_SHARE or readers >= self.hot_readers:
            return None
        holder.passed_on[path] += 1
        return tenure.holder

    def _place_of_publisher(self, name: str, path: str, tenure: Tenure | None) -> str | None:
        """Return the worker that has the path, else the one where most readers wait for it.

        There a second publisher is judged, or takes over, as in one process; and those who wait
        for one that returns get its packets without a way over another worker.
        """
        if tenure is not None:
            place = tenure.holder
        else:
            waiting = {
                each: readers
                for each, member in self._members.items()
                if (readers := member.counts.readers_of.get(path, 0))
            }
            place = max(waiting, key=lambda each: (waiting[each], each == name), default=name)
        return place if self._members[place].busy_share < BUSY_SHARE else None

    def _connect(
        self, name: str, tenure: Tenure, wanted: Wanted | None, sock: socket.socket | None
    ) -> None:
        holder = self._members.get(tenure.holder)
        if sock is None or holder is None or tenure.holder == name:
            _close(sock)
        else:
            holder.send(Connect(Tenure(tenure.path, name, tenure.epoch), wanted), sock)

    def _pass_on(
        self, to: str, member: _Member, message: PassOn, sock: socket.socket | None
    ) -> None:
        if sock is None:
            return
        # Where the other is gone meanwhile, whoever had the connection keeps it.
        self._members.get(to, member).send(message, sock)

    def _beat(self, name: str, member: _Member, counts: SharedCounts) -> None:
        self.leases.renew(name, self._clock())
        member.counts = counts
        member.passed_on.clear()
        others = [each.counts for other, each in self._members.items() if other != name]
        member.send(Elsewhere(sum_of(others)), None)


def sum_of(counts: list[SharedCounts]) -> SharedCounts:
    """Return what several workers count together."""
    sessions_of: Counter[str] = Counter()
    connections_of: Counter[str] = Counter()
    readers_of: Counter[str] = Counter()
    for each in counts:
        sessions_of.update(each.sessions_of)
        connections_of.update(each.connections_of)
        readers_of.update(each.readers_of)
    return SharedCounts(
        sessions=sum(each.sessions for each in counts),
        publishers=sum(each.publishers for each in counts),
        connections=sum(each.connections for each in counts),
        sessions_of=dict(sessions_of),
        connections_of=dict(connections_of),
        readers_of=dict(readers_of),
    )


def _close(sock: socket.socket | None) -> None:
    if sock is not None:
        sock.close()
