"""Verifies passwords whose hash is slow, away from the loop, and remembers the right ones."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from headwater.access.password import StoredPassword
from headwater.access.turns import Source, Turns

_MAX_REMEMBERED = 1024


class TooManyWaitingError(Exception):
    """Too many passwords wait to be verified already."""


@dataclass(eq=False, slots=True)
class _Check:
    """One run of a hash, and those who wait for its outcome; None is that it lost its place."""

    key: bytes
    kept: StoredPassword
    password: str
    outcome: asyncio.Future[bool | None]
    waiting: int = 0


class SlowPasswordCheck:
    """One thread for slow hashes, and a short memory of credentials that were right.

    One thread, so that a flood of wrong passwords takes one core from the media at most (the hash
    runs without the interpreter's lock). Equal credentials that arrive meanwhile share one run.
    Sources take turns, those who are known apart from strangers: see `Turns`. What is remembered
    is a keyed hash, bounded in number and in time.
    """

    def __init__(self, lifetime_s: float) -> None:
        self._lifetime_s = lifetime_s
        self._secret = secrets.token_bytes(32)
        self._right_until_s: OrderedDict[bytes, float] = OrderedDict()
        self._checks: dict[bytes, _Check] = {}
        self._turns: Turns[_Check] = Turns()
        self._worker: asyncio.Task[None] | None = None
        self._thread: ThreadPoolExecutor | None = None

    async def verify(
        self,
        kept: StoredPassword,
        username: str,
        password: str,
        now: float,
        *,
        source: Source = ("",),
        known: bool = False,
    ) -> bool:
        """Return whether the password is right.

        `source` is who asks, and `known` whether this user has logged in from there. Raises
        TooManyWaitingError when others have taken its place in the queue.
        """
        # The lengths keep ("ab", "c") and ("a", "bc") apart.
        text = f"{len(username)}:{username}{password}".encode("utf-8", "surrogateescape")
        key = hmac.new(self._secret, text, hashlib.sha256).digest()
        until_s = self._right_until_s.get(key)
        if until_s is not None and now < until_s:
            return True
        check = self._checks.get(key)
        if check is None:
            outcome: asyncio.Future[bool | None] = asyncio.get_running_loop().create_future()
            check = self._checks[key] = _Check(key, kept, password, outcome)
            pushed_out = self._turns.add(source, check, known=known)
            if pushed_out is not None:
                self._end(pushed_out, None)
            if self._worker is None:
                self._worker = asyncio.get_running_loop().create_task(self._work())
        check.waiting += 1
        try:
            # Shielded: who waits may go, but others may be waiting for the same run.
            right = await asyncio.shield(check.outcome)
        finally:
            check.waiting -= 1
        if right is None:
            raise TooManyWaitingError
        if right:
            self._remember(key, now)
        return right

    def forget(self, lifetime_s: float) -> None:
        """Hold no password for right that was right before, those under way included."""
        self._lifetime_s = lifetime_s
        self._secret = secrets.token_bytes(32)
        self._right_until_s.clear()

    async def aclose(self) -> None:
        """Drop what waits, and let the thread end."""
        for check in self._checks.values():
            check.outcome.cancel()
        self._checks.clear()
        self._turns = Turns()
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
            self._worker = None
        if self._thread is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)
            self._thread = None

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="headwater-password")
        try:
            while self._turns:
                check = self._turns.take()
                if not check.waiting:
                    # Everybody who asked has gone.
                    self._end(check, None)
                    continue
                try:
                    right = await loop.run_in_executor(self._thread, _verified, check)
                except Exception as error:  # noqa: BLE001 - it is for those who asked
                    self._fail(check, error)
                else:
                    self._end(check, right)
        finally:
            self._worker = None

    def _end(self, check: _Check, outcome: bool | None) -> None:
        self._checks.pop(check.key, None)
        if not check.outcome.done():
            check.outcome.set_result(outcome)

    def _fail(self, check: _Check, error: Exception) -> None:
        self._checks.pop(check.key, None)
        if not check.outcome.done() and check.waiting:
            check.outcome.set_exception(error)

    def _remember(self, key: bytes, now: float) -> None:
        self._right_until_s[key] = now + self._lifetime_s
        self._right_until_s.move_to_end(key)
        if len(self._right_until_s) > _MAX_REMEMBERED:
            self._right_until_s.popitem(last=False)


def _verified(check: _Check) -> bool:
    return check.kept.verify(check.password, username="", realm="")
