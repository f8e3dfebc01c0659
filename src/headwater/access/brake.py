"""The brake on guessing passwords: a pure policy, told the time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TypeVar

from headwater.net.socket_address import address_block

_MAX_NAME_LENGTH = 64

ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True)
class Proceed:
    """Look at the credentials now."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Look at the credentials after so many seconds."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class Queue:
    """Look at the credentials once an attempt of the same source has been looked at.

    All that may still fail before the source is refused are being looked at. `source` says whose
    turn it must be.
    """

    source: Hashable


@dataclass(frozen=True, slots=True)
class Refuse:
    """Do not look at the credentials; the address may come again after so many seconds."""

    retry_after_s: float


BrakeVerdict = Proceed | Wait | Queue | Refuse


@dataclass(frozen=True, slots=True, kw_only=True)
class BrakeLimits:
    """What the brake allows; `ipv6_prefix_bits` is how much of an IPv6 address is one source."""

    window_s: float
    address_limit: int
    pause_s: float
    user_limit: int
    user_delay_s: float
    ipv6_prefix_bits: int = 64


@dataclass(slots=True)
class _Failures:
    """Failures since `began_s`, attempts under way, and until when the source is refused."""

    began_s: float
    count: int = 0
    under_way: int = 0
    refused_until_s: float = 0.0


@dataclass(slots=True)
class Attempt:
    """A place that an attempt holds from before its credentials are looked at."""

    source: Hashable
    user: Hashable
    failures: _Failures


class Brake:
    """Counts guesses per address and per user when they begin, and says what attempts cost.

    An address with too many failures is refused for a pause. Attempts that are being looked at
    count as if they had failed, so that a thousand at once get no further than a thousand in a
    row; one that succeeds gives its place back, and those that came too many wait for one.

    A user with too many failures, from whatever addresses, is never refused: each attempt on that
    name only waits a little, so that nobody can lock a user out from elsewhere.

    An address from which a user has logged in is known for that user. It does not wait, and its
    failures count apart from those of other names at the address, so that one player with a wrong
    password behind a NAT does not stop the others, and nobody guesses a neighbour's password
    without end either.

    All tables are bounded by `max_entries`; the entry that was used longest ago goes first.
    Limits of 0 switch the half that they belong to off.
    """

    def __init__(self, limits: BrakeLimits, *, max_entries: int = 10_000) -> None:
        self.limits = limits
        """They may be changed at any time."""
        self._max_entries = max_entries
        self.on_failure: Callable[[Hashable, Hashable], None] | None = None
        """Told of each failure, its source and user, for brakes of other processes."""
        self.on_known: Callable[[str, str], None] | None = None
        """Told of each address that becomes known for a user."""
        self._by_source: OrderedDict[Hashable, _Failures] = OrderedDict()
        self._by_user: OrderedDict[Hashable, _Failures] = OrderedDict()
        self._known: OrderedDict[Hashable, None] = OrderedDict()
        self._known_blocks: OrderedDict[Hashable, None] = OrderedDict()

    def judge(self, peer: str, username: str, now: float) -> BrakeVerdict:
        """Return what an attempt of this address on this user costs."""
        pair = self._pair(peer, username)
        key = self._source(pair)
        source = self._by_source.get(key)
        if source is not None:
            if now < source.refused_until_s:
                return Refuse(source.refused_until_s - now)
            failed = source.count if now - source.began_s <= self.limits.window_s else 0
            if 0 < self.limits.address_limit <= failed + source.under_way:
                return Queue(key)
        user = self._by_user.get(pair[1])
        if (
            user is None
            or not self.limits.user_limit
            or pair in self._known
            or now - user.began_s > self.limits.window_s
            or user.count < self.limits.user_limit
        ):
            return Proceed()
        return Wait(self.limits.user_delay_s)

    def block(self, peer: str) -> str:
        """Return what counts as one address."""
        return address_block(peer, self.limits.ipv6_prefix_bits)

    def knows(self, peer: str, username: str | None = None) -> bool:
        """Return whether this user, or without a name any user, has logged in from this address."""
        if username is None:
            return self.block(peer) in self._known_blocks
        return self._pair(peer, username) in self._known

    def begin(self, peer: str, username: str, now: float) -> Attempt:
        """Take a place for an attempt, before its credentials are looked at."""
        pair = self._pair(peer, username)
        source = self._source(pair)
        failures = self._entry(self._by_source, source, now)
        failures.under_way += 1
        return Attempt(source, pair[1], failures)

    def end(self, attempt: Attempt) -> None:
        """Give the place of an attempt back: it succeeded, or was no guess.

        Failures are not forgiven: one valid account would buy any number of guesses at others.
        """
        attempt.failures.under_way -= 1

    def failed(self, attempt: Attempt, now: float) -> bool:
        """Count wrong credentials; True when they are what brings a pause upon the source.

        The attempt keeps its place until `end`.
        """
        if self.on_failure is not None:
            self.on_failure(attempt.source, attempt.user)
        return self.failed_elsewhere(attempt.source, attempt.user, now)

    def failed_elsewhere(self, source_key: Hashable, user: Hashable, now: float) -> bool:
        """Count wrong credentials that another process has seen; True as for `failed`."""
        self._entry(self._by_user, user, now).count += 1
        source = self._entry(self._by_source, source_key, now)
        source.count += 1
        if not self.limits.address_limit or source.count < self.limits.address_limit:
            return False
        source.count = 0
        source.began_s = now
        source.refused_until_s = now + self.limits.pause_s
        return True

    def succeeded(self, peer: str, username: str) -> None:
        """Remember that this user logged in from this address."""
        if self.on_known is not None and not self.knows(peer, username):
            self.on_known(peer, username)
        self.known_elsewhere(peer, username)

    def known_elsewhere(self, peer: str, username: str) -> None:
        """Remember that this user logged in from this address, here or at another process."""
        _keep(self._known, self._pair(peer, username), None, self._max_entries)
        _keep(self._known_blocks, self.block(peer), None, self._max_entries)

    def _source(self, pair: tuple[str, str]) -> Hashable:
        return pair if pair in self._known else pair[0]

    def _pair(self, peer: str, username: str) -> tuple[str, str]:
        return self.block(peer), username[:_MAX_NAME_LENGTH]

    def _entry(
        self, table: OrderedDict[Hashable, _Failures], key: Hashable, now: float
    ) -> _Failures:
        entry = table.get(key)
        if entry is None:
            entry = _Failures(now)
        elif now - entry.began_s > self.limits.window_s:
            entry.began_s, entry.count = now, 0
        _keep(table, key, entry, self._max_entries)
        return entry


def _keep(
    table: OrderedDict[Hashable, ValueT], key: Hashable, value: ValueT, max_entries: int
) -> None:
    table[key] = value
    table.move_to_end(key)
    if len(table) > max_entries:
        table.popitem(last=False)
