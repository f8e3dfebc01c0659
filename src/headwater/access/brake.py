"""The brake on guessing passwords: a pure policy, told the time."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import TypeVar

_MAX_NAME_LENGTH = 64
_IPV6_SITE_BITS = 64

ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True)
class Proceed:
    """Look at the credentials now."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Look at the credentials after so many seconds."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class Refuse:
    """Do not look at the credentials; the address may come again after so many seconds."""

    retry_after_s: float


BrakeVerdict = Proceed | Wait | Refuse


@dataclass(slots=True)
class _Failures:
    """Failures since `began_s`, and until when the one who failed is refused."""

    began_s: float
    count: int = 0
    refused_until_s: float = 0.0


class Brake:
    """Counts wrong credentials per address and per user, and says what attempts cost.

    An address with too many failures is refused for a pause. A user with too many, from whatever
    addresses, is never refused: each attempt on that name only waits a little, so that nobody can
    lock a user out from elsewhere.

    An address from which a user has logged in is known for that user. It does not wait, and its
    failures count apart from those of other names at the address, so that one player with a wrong
    password behind a NAT does not stop the others, and nobody guesses a neighbour's password
    without end either.

    All tables are bounded by `max_entries`; the entry that was used longest ago goes first.
    Limits of 0 switch the half that they belong to off.
    """

    def __init__(
        self,
        *,
        window_s: float,
        address_limit: int,
        pause_s: float,
        user_limit: int,
        user_delay_s: float,
        max_entries: int = 10_000,
    ) -> None:
        self._window_s = window_s
        self._address_limit = address_limit
        self._pause_s = pause_s
        self._user_limit = user_limit
        self._user_delay_s = user_delay_s
        self._max_entries = max_entries
        self._by_source: OrderedDict[Hashable, _Failures] = OrderedDict()
        self._by_user: OrderedDict[Hashable, _Failures] = OrderedDict()
        self._known: OrderedDict[Hashable, None] = OrderedDict()

    def judge(self, peer: str, username: str, now: float) -> BrakeVerdict:
        """What an attempt of this address on this user costs."""
        pair = _pair(peer, username)
        source = self._by_source.get(self._source(pair))
        if source is not None and now < source.refused_until_s:
            return Refuse(source.refused_until_s - now)
        user = self._by_user.get(pair[1])
        if (
            user is None
            or not self._user_limit
            or pair in self._known
            or now - user.began_s > self._window_s
            or user.count < self._user_limit
        ):
            return Proceed()
        return Wait(self._user_delay_s)

    def failed(self, peer: str, username: str, now: float) -> bool:
        """Count wrong credentials; True when they are what brings a pause upon the address."""
        pair = _pair(peer, username)
        self._count(self._by_user, pair[1], now)
        source = self._count(self._by_source, self._source(pair), now)
        if not self._address_limit or source.count < self._address_limit:
            return False
        source.count = 0
        source.began_s = now
        source.refused_until_s = now + self._pause_s
        return True

    def succeeded(self, peer: str, username: str) -> None:
        """Remember that this user logged in from this address.

        Failures are not forgiven: one valid account would buy any number of guesses at others.
        """
        _keep(self._known, _pair(peer, username), None, self._max_entries)

    def _source(self, pair: tuple[str, str]) -> Hashable:
        return pair if pair in self._known else pair[0]

    def _count(
        self, table: OrderedDict[Hashable, _Failures], key: Hashable, now: float
    ) -> _Failures:
        entry = table.get(key)
        if entry is None or now - entry.began_s > self._window_s:
            entry = _Failures(now)
        entry.count += 1
        _keep(table, key, entry, self._max_entries)
        return entry


def address_key(peer: str) -> str:
    """What counts as one address: an IPv4 address, or the /64 that an IPv6 site is given."""
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return peer
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((address, _IPV6_SITE_BITS), strict=False))


def _pair(peer: str, username: str) -> tuple[str, str]:
    return address_key(peer), username[:_MAX_NAME_LENGTH]


def _keep(
    table: OrderedDict[Hashable, ValueT], key: Hashable, value: ValueT, max_entries: int
) -> None:
    table[key] = value
    table.move_to_end(key)
    if len(table) > max_entries:
        table.popitem(last=False)
